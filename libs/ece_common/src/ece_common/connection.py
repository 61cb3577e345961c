"""One HTTP connection pool to the Config API, and what its answers mean: a body, or one of our errors."""

import ipaddress
from collections.abc import AsyncIterable, Mapping

import httpx
from pydantic import ValidationError

from ece_common.contracts.problem import Problem
from ece_common.errors import EceError, Invalid, Transient, from_problem
from ece_common.tls import client_context

MAXIMUM_ANSWER = 512 * 1024 * 1024
"""Bytes. A claim of several messages with the largest bodies fits; an endless answer does not."""

# Below uvicorn's 5 s: the client lets go of an idle connection before the server closes it under a request.
_KEEP_ALIVE_SECONDS = 4.0


def checked_url(base_url: str, *, allow_plain_http: bool) -> httpx.URL:
    """The address, if a bearer token may travel to it. Raises Invalid."""
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL:
        raise Invalid.field("config_api_url", "must be a URL such as https://config-api.example.com") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise Invalid.field("config_api_url", "must be a URL such as https://config-api.example.com")
    if url.userinfo:
        raise Invalid.field("config_api_url", "must not hold a user name or password")
    if url.scheme == "http" and not allow_plain_http and not _is_loopback(url.host):
        raise Invalid.field(
            "config_api_url",
            "is plain http off this machine, where others could read the token: use https, "
            "or allow plain http when a mesh or proxy encrypts (ECE_ALLOW_PLAIN_HTTP=true)",
        )
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def checked_token(token: str) -> str:
    """The token without the line end a file may bring along. Raises Invalid, which does not show it."""
    token = token.strip()
    if not token:
        raise Invalid.field("token", "must not be empty")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise Invalid.field("token", "must be printable ASCII without spaces")
    return token


class Connection:
    """Sends requests with the bearer token and reads bounded answers. Raises ece_common.errors only."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        ca_file: str | None = None,
        allow_plain_http: bool = False,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        url = checked_url(base_url, allow_plain_http=allow_plain_http)
        needs_tls = url.scheme == "https" and transport is None
        self.timeout = timeout
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={
                "Authorization": f"Bearer {checked_token(token)}",
                "Accept": "application/json, application/problem+json",
                "Accept-Encoding": "identity",
            },
            verify=client_context(ca_file=ca_file) if needs_tls else True,
            timeout=timeout,
            limits=httpx.Limits(
                max_connections=100, max_keepalive_connections=50, keepalive_expiry=_KEEP_ALIVE_SECONDS
            ),
            transport=transport,
            trust_env=False,
        )

    async def ask(
        self,
        method: str,
        path: str,
        *,
        content: bytes | AsyncIterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        read_timeout: float | None = None,
    ) -> httpx.Response:
        """A 2xx or 304 answer, read whole. Raises Transient on network trouble, 429 and 5xx, else what was meant."""
        timeout = httpx.Timeout(self.timeout, read=read_timeout or self.timeout)
        request = self._http.build_request(
            method, path, content=content, headers=headers, params=params, timeout=timeout
        )
        try:
            response = await self._http.send(request, stream=True)
            try:
                response._content = await _bounded(response)  # noqa: SLF001 - httpx's own aread() knows no bound
            finally:
                await response.aclose()
        except httpx.HTTPError as trouble:
            raise Transient(f"Config API, {method} {path}: {_words(trouble)}", code="network") from trouble
        if response.is_success or response.status_code == 304:
            return response
        raise _refusal(response, f"{method} {path}")

    async def aclose(self) -> None:
        await self._http.aclose()


async def _bounded(response: httpx.Response) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > MAXIMUM_ANSWER:
            raise Transient(f"Config API: an answer of more than {MAXIMUM_ANSWER} bytes", code="answer_too_large")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _words(trouble: httpx.HTTPError) -> str:
    """The timeouts of httpx carry no text; the class says which one it was."""
    return f"{type(trouble).__name__}: {trouble}" if str(trouble) else type(trouble).__name__


def _refusal(response: httpx.Response, request: str) -> EceError:
    try:
        problem = Problem.model_validate_json(response.content)
        # RFC 9457 section 3.1.2: the member is advisory, the status line decides.
        return from_problem(problem.model_copy(update={"status": response.status_code}))
    except ValidationError:
        # Not ours: a proxy in between, or another program altogether.
        return from_problem(
            Problem(
                title=response.reason_phrase or "Unexpected answer",
                status=response.status_code,
                code=f"http_{response.status_code}",
                detail=f"Config API, {request}: HTTP {response.status_code} without a problem body",
            )
        )
