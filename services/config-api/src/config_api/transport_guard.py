"""What is refused before any route runs: bearer tokens over plain HTTP off loopback, bodies over the limit, and
bodies of strangers.
"""

import ipaddress
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config_api.problems import respond
from ece_common.errors import EceError, Forbidden, TooLarge, Unauthenticated


def _is_loopback(scope: Scope) -> bool:
    client = scope.get("client")
    if client is None:
        return True  # a unix socket, or the app called in process
    try:
        return ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _header(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)


BATCHES = "/v1/inbound-messages"
"""Workers alone hand in mail here, as large as `maximum_email_size` lets it be, with its files decoded beside it."""

_GUARDED = "/v1/"
MAXIMUM_OF_STRANGERS = 64 * 1024
"""Bytes of a body anywhere else, where no token is asked for: an identity provider's answer, posted by a browser."""


class TransportGuard:
    """Plain ASGI, so that a request body is counted while it streams and never gathered first."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        admit: Callable[[Scope], Awaitable[None]],
        allow_plain_http: bool,
        maximum_body: int,
        maximum_batch: int,
    ) -> None:
        self._app = app
        self._admit = admit
        self._allow_plain_http = allow_plain_http
        self._maximum_body = maximum_body
        self._maximum_batch = maximum_batch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else None
            await respond(refusal.problem(), headers)(scope, receive, send)
            return
        await self._app(scope, self._counting(receive, scope), send)

    def _refusal(self, scope: Scope) -> EceError | None:
        bearers = sum(name == b"authorization" for name, _ in scope["headers"])
        if bearers > 1:
            # Which one counts, a proxy in between may see otherwise than we do.
            return Unauthenticated(f"{bearers} Authorization headers were sent; send one")
        if bearers and not self._allow_plain_http and scope["scheme"] == "http" and not _is_loopback(scope):
            return Forbidden(
                "a token was sent over plain HTTP: use HTTPS (ECE_TLS_CERT, ECE_TLS_KEY), or set "
                "ECE_ALLOW_PLAIN_HTTP when a mesh or proxy encrypts; and replace that token",
                code="plain_http_refused",
            )
        length = _header(scope, b"content-length")
        if length is not None and length.isdigit() and int(length) > (limit := self._limit(scope)):
            return _too_large(limit)
        return None

    def _limit(self, scope: Scope) -> int:
        if not scope["path"].startswith(_GUARDED):
            return MAXIMUM_OF_STRANGERS
        return self._maximum_batch if scope["path"] == BATCHES else self._maximum_body

    def _counting(self, receive: Receive, scope: Scope) -> Receive:
        limit, seen = self._limit(scope), 0
        # FastAPI reads and parses a body before it asks who sends it: a stranger's is not worth that.
        admitted = not scope["path"].startswith(_GUARDED)

        async def counted() -> Message:
            nonlocal admitted, seen
            if not admitted:
                await self._admit(scope)
                admitted = True
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _too_large(limit)
            return message

        return counted


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"body: takes at most {limit} bytes")
