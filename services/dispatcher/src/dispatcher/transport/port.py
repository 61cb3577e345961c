"""What the pipeline asks of a way to hand mail over, and what it gets to know about how that went."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from ece_common.contracts.instances import OutgoingAccess


class Stage(Enum):
    """How far a conversation got. `CONTENT`: the final dot was written, so the server may have the message."""

    CONNECT = "connect"
    GREETING = "greeting"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RECIPIENT = "recipient"
    DATA = "data"
    BODY = "body"
    CONTENT = "content"


class Trouble(Enum):
    """Why there is no reply."""

    UNREACHABLE = "unreachable"
    UNRESOLVED = "unresolved"
    """The name service knows no address of the server, or does not answer."""
    LOST = "lost"
    TIMED_OUT = "timed_out"
    TLS = "tls"
    NOT_OFFERED = "not_offered"
    """The server does not offer what the alias demands: STARTTLS or AUTH."""
    NOT_ALLOWED = "not_allowed"
    """Our own address policy or the alias's TLS settings stand in the way."""
    ACCOUNT_REFUSES = "account_refuses"
    """The account gives no access token until an administrator helps."""
    PROVIDER_AWAY = "provider_away"
    """No access token can be had at the moment."""
    BUSY = "busy"
    """Every connection of the route is in use and stays so: nothing was tried."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMTP reply: its code and its text, the lines of a long one joined by newlines."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One message ready for the wire: envelope and content, CRLF line endings, lines of at most 998 octets.

    `utf8_content` is given when an address needs SMTPUTF8 (RFC 6531); `content` is then what the other recipients get
    from a server that does not offer it.
    """

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    utf8_content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said about one letter.

    `reply` is the server's answer at `stage`; without one, `trouble` and `detail` say what happened there.
    `refused` are replies to single recipients, by their place in the letter; `untransmittable` those that were never
    named to the server because it offers no SMTPUTF8.
    """

    stage: Stage
    reply: Reply | None = None
    trouble: Trouble | None = None
    detail: str = ""
    refused: Mapping[int, Reply] = field(default_factory=dict[int, Reply])
    untransmittable: frozenset[int] = frozenset()
    used_smtp_fallback: bool = False

    @property
    def accepted(self) -> bool:
        return self.stage is Stage.CONTENT and self.reply is not None and self.reply.code // 100 == 2


MOST_WITH_TOKEN = 3
"""Connections to a server as one user: Microsoft 365 refuses a fourth (432), which makes the mail of all wait."""


def most_connections(access: OutgoingAccess, maximum: int) -> int:
    return min(maximum, MOST_WITH_TOKEN) if access.access_token is not None else maximum


def without_token(access: OutgoingAccess) -> OutgoingAccess:
    """What stays the same when only the access token is a new one."""
    return access.model_copy(update={"access_token": None, "access_token_expires_at": None})


class Transport(Protocol):
    """Kept connections to the servers of many routes.

    `prepare` makes sure that a route's server can be spoken to, and returns why when not: the letters behind it are
    then not even marked as being sent. `send` never raises for what a server or network does. `abort` breaks every
    conversation, each of which then ends with the stage it had reached.
    """

    async def prepare(self, route: str, access: OutgoingAccess) -> Conversation | None: ...

    async def send(self, route: str, access: OutgoingAccess, letter: Letter) -> Conversation: ...

    def abort(self) -> None: ...
