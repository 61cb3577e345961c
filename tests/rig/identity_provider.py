"""An identity provider over TLS, shaped like Microsoft's v2.0 endpoints, with introspection for mail servers."""

import asyncio
import base64
import hmac
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import uvicorn
from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.rig import identity_pages as pages
from tests.rig.certificates import Certificate
from tests.rig.identity_book import Book
from tests.rig.identity_records import Client, Lifetimes, Refused, User
from tests.rig.loop_thread import LoopThread
from tests.rig.ports import LOOPBACK, free_port, listens, wait_until
from tests.rig.server import Closable

__all__ = ["CLIENT", "SECRET", "IdentityProvider", "Outage"]

CLIENT = "mail-gateway"
SECRET = "the client's very own secret"
MAIL_SERVER = ("mailserver", "what-only-mail-servers-know")
"""Who may introspect."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Answered in place of anything else, to paths that hold `path`; 429 with `retry_after` is throttling."""

    status: int = 503
    body: str = ""
    retry_after: int | None = None
    path: str = "/token"


@dataclass(frozen=True, slots=True)
class Heard:
    """One request; `form` is the query or the body."""

    method: str
    path: str
    form: Mapping[str, str]
    status: int


class IdentityProvider(Closable):
    """Listens at once. `book` holds clients, users, tokens and how long they live; change it as you like.

    provider.add_user("anna@rig.test", "secret")
    provider.register("https://mail.shop.test/oauth/callback")        # CLIENT with SECRET
    back = provider.consent(authorization_url, "anna@rig.test")       # without a browser: {"code", "state"}
    token = provider.book.issue("anna@rig.test")                      # without an application
    provider.share("help@rig.test", "anna@rig.test")                  # a shared mailbox
    provider.book.revoke("anna@rig.test"); provider.book.end_access_tokens(); provider.outage = Outage(503)
    provider.heard, provider.token_requests; provider.hold() ... provider.release()
    provider.refuse() ... provider.listen()                           # connections are refused
    """

    def __init__(self, certificate: Certificate, *, tenant: str = "rig") -> None:
        self.port = free_port()
        self.tenant = tenant
        self.book = Book(issuer=f"https://localhost:{self.port}/{tenant}/v2.0", tenant=tenant)
        self.outage: Outage | None = None
        self.heard: list[Heard] = []
        self._loop = LoopThread("identity-provider")
        self._free = self._loop.call(asyncio.Event)
        self.release()
        self._config = uvicorn.Config(
            _application(self),
            host=LOOPBACK,
            port=self.port,
            ssl_certfile=str(certificate.chain_file),
            ssl_keyfile=str(certificate.key_file),
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self.listen()

    # --- where it is

    @property
    def base(self) -> str:
        return f"https://localhost:{self.port}/{self.tenant}"

    @property
    def issuer(self) -> str:
        return self.book.issuer

    @property
    def token_endpoint(self) -> str:
        return f"{self.base}/oauth2/v2.0/token"

    @property
    def introspection_url(self) -> str:
        """With credentials, for `DovecotOptions.introspection_url`; needs `introspection_ca_file` there."""
        user, password = MAIL_SERVER
        return f"https://{user}:{password}@localhost:{self.port}/{self.tenant}/oauth2/v2.0/introspect"

    @property
    def token_requests(self) -> int:
        return self.count()["token"]

    def count(self) -> Counter[str]:
        """Requests by the last part of their path."""
        return Counter(heard.path.rpartition("/")[2] for heard in list(self.heard))

    # --- who it knows

    def register(self, *redirect_uris: str, client_id: str = CLIENT, secret: str = SECRET) -> Client:
        client = self.book.clients[client_id] = Client(client_id, secret, redirect_uris)
        return client

    def add_user(self, address: str, password: str = "secret", name: str = "") -> None:
        address = address.lower()
        self.book.users[address] = User(address, password, name or address.partition("@")[0].title())

    def share(self, mailbox: str, *holders: str) -> None:
        """Only these users, or client ids, may open `mailbox` beside its own user."""
        self.book.mailboxes[mailbox.lower()] = {holder.lower() for holder in holders}

    def consent(self, authorization_url: str, user: str) -> dict[str, str]:
        """What a person does in a browser: the parameters the browser comes back with."""
        request = self.book.ask(dict(parse_qsl(urlsplit(authorization_url).query)))
        if self.book.sign_in(request, user, self.book.users[user.lower()].password) is None:
            raise AssertionError("a user always knows the password")
        asked, code = self.book.accept(request)
        return {"code": code, **({"state": asked.state} if asked.state is not None else {})}

    # --- how it behaves

    def listen(self) -> None:
        self._server = uvicorn.Server(self._config)
        self._serving = self._loop.call(lambda: asyncio.get_running_loop().create_task(self._server.serve()))
        wait_until(lambda: self._server.started and listens(self.port), what="the identity provider")

    def refuse(self) -> None:
        """Nobody listens, until listen()."""
        self.release()
        self._server.should_exit = self._server.force_exit = True
        self._loop.run(_ended(self._serving))

    def hold(self) -> None:
        """Token requests wait until release()."""
        self._loop.call(self._free.clear)

    def release(self) -> None:
        self._loop.call(self._free.set)

    def calm(self) -> None:
        """As at the beginning, but for who it knows and what it gave out."""
        self.outage = None
        self.release()
        if self._serving.done():
            self.listen()
        self.book.lifetimes, self.book.rotate, self.book.padding = Lifetimes(), True, 0
        self.heard.clear()

    def close(self) -> None:
        if self._loop.closed:
            return
        self.refuse()
        self._loop.close()

    async def answer(self, request: Request) -> Response:
        form = dict(request.query_params)
        if request.method == "POST":
            form |= dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        path = request.url.path
        response = await self._answer(request, path, form)
        self.heard.append(Heard(request.method, path, form, response.status_code))
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _answer(self, request: Request, path: str, form: Mapping[str, str]) -> Response:
        if path.endswith("/token"):
            await self._free.wait()
        if self.outage is not None and self.outage.path in path:
            patience = self.outage.retry_after
            told = {"Retry-After": str(patience)} if patience is not None else None
            return Response(self.outage.body, self.outage.status, told)
        return self._routed(request, path.removeprefix(f"/{self.tenant}/"), form)

    def _routed(self, request: Request, path: str, form: Mapping[str, str]) -> Response:
        documents = {"v2.0/.well-known/openid-configuration": self._document, "discovery/v2.0/keys": self._keys}
        if request.method == "GET" and path in documents:
            return JSONResponse(documents[path]())
        if path == "oauth2/v2.0/authorize" or (path in ("login", "consent") and request.method == "POST"):
            return self._page(path, form)
        if path == "oauth2/v2.0/token" and request.method == "POST":
            return self._token(form)
        if path == "oauth2/v2.0/introspect" and request.method == "POST":
            return self._introspect(request, form)
        if not request.url.path.startswith(f"/{self.tenant}/"):
            unknown = Refused("invalid_tenant", 90002, "Tenant was not found.")
            return JSONResponse(unknown.document(self.book.now()), unknown.status)
        return JSONResponse({"error": "not_found"}, 404)

    def _document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.base}/oauth2/v2.0/authorize",
            "token_endpoint": self.token_endpoint,
            "introspection_endpoint": f"{self.base}/oauth2/v2.0/introspect",
            "jwks_uri": f"{self.base}/discovery/v2.0/keys",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "subject_types_supported": ["pairwise"],
        }

    def _keys(self) -> dict[str, Any]:
        key = RSAAlgorithm.to_jwk(self.book.key.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": "rig", "use": "sig"}]}

    def _page(self, path: str, form: Mapping[str, str]) -> Response:
        try:
            match path:
                case "login":
                    return self._signed_in(form)
                case "consent":
                    return self._decided(form)
                case _:
                    return self._sign_in_page(self.book.ask(form))
        except Refused as refused:
            return HTMLResponse(pages.error(str(refused)), 400)

    def _sign_in_page(self, request: str, *, wrong: bool = False) -> Response:
        page = pages.sign_in(f"/{self.tenant}/login", request, self.book.asked(request), wrong=wrong)
        return HTMLResponse(page)

    def _signed_in(self, form: Mapping[str, str]) -> Response:
        request = form.get("request", "")
        asked = self.book.sign_in(request, form.get("user_name", ""), form.get("password", ""))
        if asked is None or asked.user is None:
            return self._sign_in_page(request, wrong=True)
        client, user = self.book.clients[asked.client_id], self.book.users[asked.user]
        return HTMLResponse(pages.consent(f"/{self.tenant}/consent", request, asked, client, user))

    def _decided(self, form: Mapping[str, str]) -> Response:
        request = form.get("request", "")
        if form.get("decision") == "accept":
            asked, code = self.book.accept(request)
            answer = {"code": code}
        else:
            asked = self.book.decline(request)
            answer = {
                "error": "access_denied",
                "error_description": "AADSTS65004: User declined to consent to access the app.",
            }
        if asked.state is not None:
            answer["state"] = asked.state
        return RedirectResponse(f"{asked.redirect_uri}?{urlencode(answer, quote_via=quote)}", 303)

    def _token(self, form: Mapping[str, str]) -> Response:
        try:
            return JSONResponse(self.book.token(form, self.token_endpoint))
        except Refused as refused:
            return JSONResponse(refused.document(self.book.now()), refused.status)

    def _introspect(self, request: Request, form: Mapping[str, str]) -> Response:
        right = "Basic " + base64.b64encode(":".join(MAIL_SERVER).encode()).decode()
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), right.encode()):
            return Response(json.dumps({"error": "invalid_client"}), 401, {"WWW-Authenticate": "Basic"})
        return JSONResponse(self.book.introspect(form.get("token", ""), form.get("mailbox")))


def _application(provider: IdentityProvider) -> Starlette:
    return Starlette(routes=[Route("/{path:path}", provider.answer, methods=["GET", "POST"])])


async def _ended(serving: asyncio.Task[None]) -> None:
    await asyncio.wait([serving], timeout=4)
