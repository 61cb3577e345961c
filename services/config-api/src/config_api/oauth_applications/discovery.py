"""What a provider says about itself (OpenID Connect Discovery): fetched, judged, and remembered for a while."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from config_api.oauth_applications import refusals
from config_api.oauth_applications.providers import Provider
from config_api.outgoing_http import Answer, OutgoingHttp, Unreachable, place
from ece_common.egress import EgressRefused
from ece_common.errors import Permanent


class NoSuchProvider(Permanent):
    """There is a server, and it knows no such tenant or issuer."""

    status = 409
    code = "provider_not_found"
    title = "The identity provider is not there"


KEPT_SECONDS = 3600.0
KEPT = 200
_ENDPOINTS = ("authorization_endpoint", "token_endpoint")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The document, as far as it is heeded."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str

    def document(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in ("issuer", *_ENDPOINTS)}


class Discovery:
    def __init__(self, http: OutgoingHttp, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._monotonic = monotonic
        self._kept: dict[str, tuple[float, Configuration]] = {}

    async def of(self, provider: Provider, *, anew: bool = False) -> Configuration:
        """Raise `Unreachable`, `NoSuchProvider` or `EgressRefused`."""
        address = address_of(provider)
        kept = self._kept.get(address)
        if kept is not None and kept[0] > self._monotonic() and not anew:
            return kept[1]
        found = judged(provider, await self._http.get(address))
        while len(self._kept) >= KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[address] = (self._monotonic() + KEPT_SECONDS, found)
        return found


def address_of(provider: Provider) -> str:
    version = "" if provider.issuer is not None else "/v2.0"
    return f"{provider.authority.rstrip('/')}{version}/.well-known/openid-configuration"


def judged(provider: Provider, answer: Answer) -> Configuration:
    """Raise `Unreachable` for what is no provider, or another one than was asked for; `NoSuchProvider`."""
    host = place(address_of(provider))[0]
    if answer.status in (400, 404):
        what = "tenant id" if provider.issuer is None else "issuer"
        told = f"{host} answered {answer.status} when asked for its OpenID configuration{_words(answer.body)}"
        raise NoSuchProvider(f"{told}: it knows no such {what}; correct the OAuth application")
    if answer.status != 200:
        raise Unreachable(f"{host} answered {answer.status} when asked for its OpenID configuration")
    document = _object(answer.body)
    texts = {name: document.get(name) for name in ("issuer", *_ENDPOINTS)}
    missing = [name for name, value in texts.items() if not isinstance(value, str)]
    if missing:
        raise Unreachable(f"the OpenID configuration of {host} names no {' and no '.join(missing)}")
    found = Configuration(**{name: str(value) for name, value in texts.items()})
    _judge(provider, found, host)
    return found


def _judge(provider: Provider, found: Configuration, host: str) -> None:
    # OpenID Connect Discovery 4.3: another issuer's document would send our secret to that issuer.
    if provider.issuer is not None and found.issuer.rstrip("/") != provider.issuer.rstrip("/"):
        raise Unreachable(f"the OpenID configuration is of {found.issuer[:200]!r}, not of {provider.issuer!r}")
    for name in _ENDPOINTS:
        endpoint: str = getattr(found, name)
        try:
            where, _ = place(endpoint)
        except EgressRefused:
            raise Unreachable(f"the {name} of {host} is no https address") from None
        if provider.issuer is None and where != host:
            raise Unreachable(f"the {name} of {host} is on another host: {where[:200]!r}")


def _words(body: bytes) -> str:
    """What the provider says of it, as far as it says it in an OAuth error (RFC 6749 section 5.2)."""
    try:
        said = json.loads(body)["error_description"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return f" ({refusals.first_line(said, ())})" if isinstance(said, str) else ""


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Unreachable("the OpenID configuration is no JSON object")
    return document
