"""The mailbox as the pipeline sees it: what is there, its bytes, and letting go of it afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from ece_common.contracts.aliases import FailureReason
from ece_common.contracts.inbound import Source
from ece_common.contracts.instances import IncomingAccess

FailureCondition = Literal["recoverable", "manual", "throttled", "lock"]
"""Recoverable and manual as in a status report. Throttled is no attempt: wait `retry_after`, leave the status alone.
A lock is recoverable (R128), told apart because one left by the previous holder of the alias is no attempt either."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One mail on the server, before any of it is downloaded."""

    source: Source
    """The ledger's key. IMAP: folder, uidvalidity, uid, fingerprint "size:INTERNALDATE". POP3: uidl and "size"."""
    size: int
    """Octets as the server counts them; a few servers are off by some percent."""


@dataclass(frozen=True, slots=True)
class RawMail:
    source: Source
    content: bytes
    """Byte for byte what the server holds: CRLF line ends, 8-bit and NUL untouched."""
    received_at: datetime | None
    """IMAP's INTERNALDATE, with its time zone. POP3 has none."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of a mail on the server once it is committed. POP3 knows only `delete` and `keep`."""

    action: Literal["delete", "mark_seen", "move", "keep"]
    move_to: str | None = None


class MailFailure(Exception):
    """A mailbox that cannot be used right now; `condition` says what that means for the alias."""

    def __init__(
        self,
        condition: FailureCondition,
        reason: FailureReason,
        detail: str,
        *,
        retry_after: float | None = None,
        stage: str | None = None,
        fleeting: bool = False,
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.condition: FailureCondition = condition
        self.reason: FailureReason = reason
        self.detail = detail
        """The server's own words where there are any, secrets removed, at most 1,000 characters."""
        self.retry_after = retry_after
        """Seconds the server asked us to wait; None: the usual rhythm."""
        self.stage = stage
        """How far the connection had come (`diagnosis.Stage`)."""
        self.fleeting = fleeting
        """A fresh connection may well do: only what fails there as well counts."""


# A method named `list` hides the builtin from the annotations beside it.
ListedMails: TypeAlias = list[Listed]
RawMails: TypeAlias = list[RawMail]
Sources: TypeAlias = list[Source]


class Mailbox(Protocol):
    """One mailbox of one alias. One caller at a time; every method but `close` may raise `MailFailure`.

    After a `MailFailure`, `close` and `open` again (or build a new one). `list`, `fetch`, `glimpse`, `settle` and
    `wait` open the connection themselves when it is not open. A cancelled call leaves the mailbox usable or closed.
    """

    async def open(self) -> None:
        """Connect, secure, authenticate, select read-write. Harmless when already open."""
        ...

    async def list(self, limit: int) -> ListedMails:
        """At most `limit` mails that are still to be dealt with, oldest first. Downloads nothing but numbers.

        A mail is listed until it is settled or passed over.
        """
        ...

    async def fetch(self, wanted: Sequence[Listed]) -> RawMails:
        """The whole mails, in the order asked for. One that vanished is simply absent. Marks nothing as read.

        Everything asked for is in memory at once: the caller bounds the sum of the sizes.
        """
        ...

    async def glimpse(self, wanted: Listed) -> bytes:
        """The header block only (at most 256 KiB), for a mail too large to download. Empty when it has vanished."""
        ...

    async def settle(self, sources: Sequence[Source]) -> Sources:
        """Delete, flag or move, as the settlement says; returns those really settled, gone ones included.

        Under `keep` nothing changes on the server, but settled mails are not listed again by this mailbox object: so
        settle what the ledger already knew, too. Not returned: mails of another UIDVALIDITY than the folder has now,
        and what the server would not let go of; they come up in `list` again.
        """
        ...

    def pass_over(self, sources: Sequence[Source]) -> None:
        """Leave these where they are and do not list them again while this object lives (skipped large mail)."""
        ...

    async def wait(self, seconds: float) -> bool:
        """True as soon as something new may be there, else False after `seconds`.

        Where `pushes` is true a long wait costs nothing. POP3 lets go of the mailbox (and its lock) first, waits the
        whole time and answers True: only a new session can see new mail. Raises as soon as the connection is lost.
        """
        ...

    @property
    def connected(self) -> bool:
        """Whether a session stands: `open` has nothing to do then."""
        ...

    @property
    def pushes(self) -> bool:
        """Whether the server announces new mail by itself (IMAP IDLE). Known after `open`."""
        ...

    def log_in_with(self, access: IncomingAccess) -> None:
        """The next login is with this token; a session that is open goes on."""
        ...

    async def close(self) -> None:
        """Say goodbye, at most a few seconds, never raising. Harmless when not open."""
        ...
