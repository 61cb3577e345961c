"""Asks identity providers for tokens. msal writes each request and reads its answer; we carry it there and back.

msal waits for an answer inside the call. So each call is made twice: the first ends with the request that msal wants
to send, the second is given the answer to it. Nothing blocks, and every connection goes through our own rules.
"""

import json
import math
import re
import secrets
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import msal
from cryptography.exceptions import UnsupportedAlgorithm

from config_api.oauth_applications import refusals
from config_api.oauth_applications.discovery import Configuration, Discovery
from config_api.oauth_applications.providers import Provider
from config_api.oauth_applications.refusals import Refusal, Refused
from config_api.outgoing_http import Answer, OutgoingHttp, Unreachable, place
from ece_common.errors import Invalid

Call = Callable[[Any], dict[str, Any]]
_DEFAULT_LIFETIME = 3600.0
_LONGEST_LIFETIME = 86_400.0
_LONGEST_PAUSE = 3600.0
_TOKEN = re.compile(r"[\x21-\x7e]+")


class Throttled(Unreachable):
    """The provider asks for patience; `retry_after` in seconds, when it said so."""

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Registration:
    """An application in clear, for one request and no longer."""

    provider: Provider
    client_id: str
    secret: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)

    @property
    def credential(self) -> str | dict[str, str]:
        if self.private_key is not None and self.certificate is not None:
            return {"private_key": self.private_key, "public_certificate": self.certificate}
        return self.secret or ""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token request brought."""

    access_token: str = field(repr=False)
    lifetime: timedelta
    refresh_token: str | None = field(default=None, repr=False)
    user_name: str | None = None


class _WouldSend(Exception):
    def __init__(self, url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> None:
        super().__init__()
        self.url, self.fields, self.headers = url, fields, headers


class _Response:
    """What msal expects of an HTTP response."""

    def __init__(self, status: int, text: str) -> None:
        self.status_code, self.text = status, text
        self.headers: dict[str, str] = {}

    def raise_for_status(self) -> None:
        """Server errors were sorted out before msal sees an answer."""


class _Carrier:
    """msal's `http_client`: discovery was done before; a token request is handed out, or its answer handed in."""

    def __init__(self, configuration: Configuration, answer: Answer | None) -> None:
        self._configuration = configuration
        self._answer = answer

    def get(self, _url: str, **_: object) -> _Response:
        return _Response(200, json.dumps(self._configuration.document()))

    def post(
        self, url: str, data: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None, **_: object
    ) -> _Response:
        if self._answer is None:
            raise _WouldSend(url, {name: str(value) for name, value in (data or {}).items()}, dict(headers or {}))
        return _Response(self._answer.status, self._answer.body.decode("utf-8", "replace"))

    def close(self) -> None:
        """Nothing is open."""


class _NoCache(msal.TokenCache):
    """Tokens are kept by us, sealed. msal's own cache logs what it is given, authorization codes too."""

    def add(self, event: dict[str, Any], now: float | None = None) -> None:
        """Nothing is added."""


class IdentityProvider:
    """Every call raises `Refused` (for good), `Unreachable` or `Throttled` (later), or `EgressRefused`."""

    def __init__(self, http: OutgoingHttp) -> None:
        self.http = http
        self.discovery = Discovery(http)

    async def sign_in(
        self, who: Registration, scopes: list[str], redirect_uri: str, login_hint: str | None
    ) -> tuple[str, dict[str, Any]]:
        """The address to send a person to, and what is needed to redeem the code that comes back."""
        client = _client(who, await self.discovery.of(who.provider), None)
        # Microsoft goes on with whoever is signed in, who need not be the mailbox's owner.
        chosen = login_hint is not None or who.provider.issuer is not None
        with warnings.catch_warnings():
            # It prefers form_post, which not every provider has; our callback keeps no query in any log.
            warnings.simplefilter("ignore", UserWarning)
            flow = client.initiate_auth_code_flow(
                scopes,
                redirect_uri=redirect_uri,
                login_hint=login_hint,
                state=secrets.token_urlsafe(32),
                prompt=None if chosen else "select_account",
            )
        return flow["auth_uri"], flow

    async def redeem(self, who: Registration, scopes: list[str], code: str, flow: dict[str, Any]) -> Grant:
        """With the PKCE verifier of its request."""

        def call(client: Any) -> dict[str, Any]:  # noqa: ANN401 - msal has no types
            return client.acquire_token_by_auth_code_flow(
                dict(flow), {"code": code, "state": flow["state"]}, scopes=scopes
            )

        return await self._ask(who, call, (code,), of_person=True)

    async def redeem_foreign(self, who: Registration, scopes: list[str], code: str, redirect_uri: str) -> Grant:
        """A code that was asked for without us."""

        def call(client: Any) -> dict[str, Any]:  # noqa: ANN401 - msal has no types
            with warnings.catch_warnings():
                # It prefers the flow, which checks what only the one who asked can know.
                warnings.simplefilter("ignore", DeprecationWarning)
                return client.acquire_token_by_authorization_code(code, scopes, redirect_uri=redirect_uri)

        return await self._ask(who, call, (code,), of_person=True)

    async def refresh(self, who: Registration, scopes: list[str], refresh_token: str) -> Grant:
        def call(client: Any) -> dict[str, Any]:  # noqa: ANN401 - msal has no types
            return client.acquire_token_by_refresh_token(refresh_token, scopes)

        return await self._ask(who, call, (refresh_token,))

    async def as_application(self, who: Registration) -> Grant:
        """The client-credentials flow."""
        scopes = list(who.provider.application_scopes)
        return await self._ask(who, lambda client: client.acquire_token_for_client(scopes), ())

    async def _ask(self, who: Registration, call: Call, sent: tuple[str, ...], *, of_person: bool = False) -> Grant:
        """`of_person`: the answer also says who signed in; later ones repeat that, and it decides nothing."""
        configuration = await self.discovery.of(who.provider)
        answer = await self._carry(who, configuration, call)
        answer = _readable(configuration, answer, (*_HEEDED, "id_token") if of_person else _HEEDED)
        hidden = (*sent, who.secret or "")
        try:
            result = call(_client(who, configuration, answer))
        except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as problem:
            told = refusals.first_line(str(problem), hidden)
            hint = "sign in again, with one authorization request from beginning to end"
            raise Refused(Refusal("invalid_answer", told, hint)) from None
        if "access_token" not in result:
            raise _refused(configuration, refusals.read(result, hidden))
        return _grant(result)

    async def _carry(self, who: Registration, configuration: Configuration, call: Call) -> Answer:
        try:
            call(_client(who, configuration, None))
        except _WouldSend as request:
            return await self.http.post_form(request.url, request.fields, request.headers)
        raise AssertionError("msal answered without asking")


def _client(who: Registration, configuration: Configuration, answer: Answer | None) -> Any:  # noqa: ANN401 - msal has no types
    carrier = _Carrier(configuration, answer)
    where: dict[str, Any] = {"authority": who.provider.authority}
    if who.provider.issuer is not None:
        # msal wants a path; that the document is the issuer's own was judged when it was fetched.
        parts = urlsplit(configuration.issuer)
        where = {"oidc_authority": f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/issuer'}"}
    try:
        return msal.ConfidentialClientApplication(
            who.client_id,
            client_credential=who.credential,
            http_client=carrier,
            instance_discovery=False,
            token_cache=_NoCache(),
            **where,
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise Invalid.field("certificate", f"cannot be used: {type(problem).__name__}") from None


_HEEDED = ("access_token", "refresh_token", "scope", "token_type", "error", "error_description")


def _readable(configuration: Configuration, answer: Answer, heeded: Iterable[str]) -> Answer:
    """What msal may rely on. Of trouble on the provider's side it would make exceptions of its own kind, and what
    stands between us and the provider answers in JSON too.
    """
    host = place(configuration.token_endpoint)[0]
    if answer.status == 429 or answer.status >= 500:
        raise Throttled(f"{host} answered {answer.status}", _seconds(answer.headers.get("retry-after")))
    try:
        read = json.loads(answer.body)
    except (ValueError, RecursionError):
        read = None
    told: dict[str, Any] = read if isinstance(read, dict) else {}
    kept: dict[str, Any] = {name: told[name] for name in heeded if isinstance(told.get(name), str)}
    # RFC 6749 appendix A.12: visible ASCII. A line break in it would end a login's line.
    usable = bool(_TOKEN.fullmatch(kept.get("access_token", "")))
    if not (usable or kept.get("error")) or 300 <= answer.status < 400:
        raise Unreachable(f"{host} answered {answer.status} with something that is no answer to a token request")
    lifetime = told.get("expires_in")
    if isinstance(lifetime, (int, float, str)):
        kept["expires_in"] = lifetime
    return replace(answer, body=json.dumps(kept).encode())


def _seconds(retry_after: str | None) -> float | None:
    """RFC 9110 section 10.2.3, in seconds; dates are not worth the clock skew."""
    if retry_after is None or not retry_after.strip().isdecimal():
        return None
    return min(float(retry_after), _LONGEST_PAUSE)


def _refused(configuration: Configuration, refusal: Refusal) -> Refused | Throttled:
    if refusal.meaning == "passing":
        return Throttled(f"{place(configuration.token_endpoint)[0]}: {refusal.error}: {refusal.told}")
    return Refused(refusal)


def _grant(result: Mapping[str, Any]) -> Grant:
    claims: Any = result.get("id_token_claims")
    claims = claims if isinstance(claims, dict) else {}
    names = (claims.get(name) for name in ("preferred_username", "upn", "email"))
    user_name = next((refusals.first_line(str(name), ())[:255] for name in names if name), None)
    try:
        lifetime = float(result.get("expires_in", _DEFAULT_LIFETIME))
    except (TypeError, ValueError, OverflowError):
        lifetime = _DEFAULT_LIFETIME
    lifetime = _DEFAULT_LIFETIME if math.isnan(lifetime) else min(max(lifetime, 1.0), _LONGEST_LIFETIME)
    return Grant(
        access_token=str(result["access_token"]),
        lifetime=timedelta(seconds=lifetime),
        refresh_token=result.get("refresh_token"),
        user_name=user_name,
    )
