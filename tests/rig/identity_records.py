"""What an identity provider remembers: applications, people, sign-ins, grants, access tokens."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime


class Refused(Exception):
    """An error of RFC 6749 section 5.2, with Microsoft's number in the description."""

    def __init__(self, error: str, number: int, text: str, *, status: int = 400) -> None:
        super().__init__(f"AADSTS{number}: {text}")
        self.error, self.number, self.status = error, number, status

    def document(self, now: float) -> dict[str, object]:
        """As Microsoft words it, with its numbers for support."""
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        lines = (str(self), f"Trace ID: {trace}", f"Correlation ID: {correlation}", f"Timestamp: {stamp}")
        return {
            "error": self.error,
            "error_description": "\r\n".join(lines),
            "error_codes": [self.number],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
        }


@dataclass(slots=True)
class Client:
    """A registered application. `certificate`: PEM, for client assertions (RFC 7523) instead of the secret."""

    client_id: str
    secret: str
    redirect_uris: tuple[str, ...]
    secret_expired: bool = False
    certificate: str | None = None


@dataclass(slots=True)
class User:
    address: str
    password: str
    name: str


@dataclass(slots=True)
class Lifetimes:
    """Seconds."""

    request: float = 600
    code: float = 600
    access: float = 3600
    refresh: float = 90 * 86_400


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorization request as it came to the authorize page."""

    client_id: str
    redirect_uri: str
    scopes: frozenset[str]
    state: str | None
    nonce: str | None
    challenge: str | None
    """PKCE, S256."""
    login_hint: str
    until: float
    user: str | None = None
    """Who signed in."""


@dataclass(slots=True)
class Grant:
    """What a person let a client do, and the code, then refresh tokens, that stand for it."""

    client_id: str
    user: str
    scopes: frozenset[str]
    asked: Asked
    until: float
    used: bool = False
    revoked: bool = False


@dataclass(slots=True)
class Access:
    """What an access token is good for; `user` None: the application's own."""

    client_id: str
    user: str | None
    scopes: frozenset[str]
    until: float
    active: bool = True

    @property
    def holder(self) -> str:
        return self.user or self.client_id
