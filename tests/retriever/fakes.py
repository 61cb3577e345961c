"""A mail server, a mailbox and a clock that remember: what tests of the retriever stand on."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ece_common.contracts.inbound import (
    Source,
)
from ece_common.contracts.instances import (
    AssignedAlias,
    IncomingAccess,
    RetrieverSettings,
)
from retriever.mailbox.port import Listed, MailFailure, RawMail, Settlement

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def an_email(subject: str = "Hello", *, body: str = "A question.", sender: str = "ann@example.com") -> bytes:
    return (
        f"From: Ann <{sender}>\r\nTo: support@shop.test\r\nSubject: {subject}\r\n"
        f"Message-ID: <{hashlib.sha256(subject.encode()).hexdigest()[:12]}@example.com>\r\n\r\n{body}\r\n"
    ).encode()


def some_settings(**changes: object) -> RetrieverSettings:
    values: dict[str, object] = {
        "maximum_email_size": 1_000_000,
        "action_for_large_email": "skip_and_notify",
        "maximum_body_size": 100_000,
        "message_note_for_large_body": "The body was too large.",
        "retriever_batch_size": 10,
        "connection_attempts": 3,
        "retry_after_seconds": 600,
        "poll_interval_seconds": 30,
        "bounce_evidence": "delivery_status_first",
    }
    return RetrieverSettings.model_validate({**values, **changes})


def an_assigned_alias(**changes: object) -> AssignedAlias:
    values: dict[str, object] = {
        "alias_id": 7,
        "department_id": 1,
        "email_address": "support@shop.test",
        "epoch": 3,
        "mailbox_generation": 1,
        "status": "active",
        "recoverable": False,
        "next_attempt_at": None,
        "failed_attempts": 0,
        "handed_over_at": None,
        "incoming": some_access(),
        "after_retrieval": "delete",
        "move_to": None,
    }
    return AssignedAlias.model_validate({**values, **changes})


def some_access(**changes: object) -> IncomingAccess:
    values: dict[str, object] = {
        "server_type": "IMAP",
        "server_name": "imap.shop.test",
        "port": 993,
        "use_ssl": True,
        "user_name": "support",
        "password": "secret",
        "folder": "inbox",
    }
    return IncomingAccess.model_validate({**values, **changes})


class FakeClock:
    """Time stands still until a test moves it; sleepers wake when their moment has come."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self._moved = asyncio.Event()
        self.sleeping: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return 1000.0 + self.elapsed

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def sleep(self, stop: asyncio.Event, seconds: float) -> bool:
        """As ece_common.retry.sleep_unless, by this clock."""
        until = self.elapsed + seconds
        self.sleeping.append(seconds)
        try:
            while not stop.is_set() and self.elapsed < until:
                await _first_of(stop, self._moved)
        finally:
            self.sleeping.remove(seconds)
        return stop.is_set()


async def _first_of(*events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


async def until(condition: object, seconds: float = 5.0) -> None:
    """Wait for what a test expects to become true."""
    assert callable(condition)
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - conditions of many objects, none of which knows of the test
            await asyncio.sleep(0)


class FakeServer:
    """A mail server's folder, which outlives the connections to it."""

    def __init__(self, *mails: bytes, uidvalidity: int = 1) -> None:
        self.uidvalidity = uidvalidity
        self.mails: dict[int, bytes] = {}
        self.next_uid = 1
        self.arrived = asyncio.Event()
        self.refusal: MailFailure | None = None
        self.refusals: list[MailFailure] = []
        """Each once, before `refusal`."""
        self.refused = 0
        self.takes_tokens: set[str] | None = None
        """Only these are let in; None: everybody is."""
        self.logged_in_with: list[str | None] = []
        self.connections = 0
        self.most_connecting = 0
        self.logins = 0
        self.hold_logins: asyncio.Event | None = None
        self.cut = asyncio.Event()
        self.cut_off_with = MailFailure("recoverable", "network_problem", "connection lost")
        for mail in mails:
            self.deliver(mail)

    def deliver(self, mail: bytes) -> None:
        self.mails[self.next_uid] = mail
        self.next_uid += 1
        self.arrived.set()

    def drop_connections(self) -> None:
        cut, self.cut = self.cut, asyncio.Event()
        cut.set()


class FakeMailbox:
    """The port, kept in memory."""

    def __init__(
        self,
        server: FakeServer,
        settlement: Settlement | None = None,
        *,
        pushes: bool = True,
        access: IncomingAccess | None = None,
    ) -> None:
        self.server = server
        self.settlement = settlement or Settlement("delete")
        self._pushes = pushes
        self._access = access
        self.opened = False
        self.closed = 0
        self.fetched: list[int] = []
        self.glimpsed: list[int] = []
        self._dealt_with: set[int] = set()
        self.fail_next_settle = False
        self._cut = server.cut

    @property
    def connected(self) -> bool:
        return self.opened

    @property
    def pushes(self) -> bool:
        return self._pushes

    async def open(self) -> None:
        if self.opened:
            return
        self.server.connections += 1
        self.server.most_connecting = max(self.server.most_connecting, self.server.connections)
        try:
            if self.server.hold_logins is not None:
                await self.server.hold_logins.wait()
            await asyncio.sleep(0)
        finally:
            self.server.connections -= 1
        self._check()
        self._let_in()
        self.server.logins += 1
        self._cut = self.server.cut
        self.opened = True

    def _let_in(self) -> None:
        token = self._access.access_token if self._access is not None else None
        self.server.logged_in_with.append(token)
        if self.server.takes_tokens is not None and token not in self.server.takes_tokens:
            raise MailFailure("manual", "authentication_failed", "NO AUTHENTICATE failed.", stage="auth")

    def log_in_with(self, access: IncomingAccess) -> None:
        self._access = access

    def _check(self) -> None:
        refusal = self.server.refusals.pop(0) if self.server.refusals else self.server.refusal
        if refusal is not None:
            self.opened = False
            self.server.refused += 1
            raise refusal

    async def list(self, limit: int) -> "list[Listed]":
        await self.open()
        self._check()
        self.server.arrived.clear()
        waiting = [uid for uid in self.server.mails if uid not in self._dealt_with]
        return [Listed(self._source(uid), len(self.server.mails[uid])) for uid in waiting[:limit]]

    def _source(self, uid: int) -> Source:
        size = len(self.server.mails[uid])
        return Source(folder="inbox", uidvalidity=self.server.uidvalidity, uid=uid, fingerprint=f"{size}:x")

    async def fetch(self, wanted: Sequence[Listed]) -> "list[RawMail]":
        await asyncio.sleep(0)
        self._check()
        found: list[RawMail] = []
        for listed in wanted:
            uid = listed.source.uid
            if uid in self.server.mails:
                self.fetched.append(uid)
                found.append(RawMail(listed.source, self.server.mails[uid], START))
        return found

    async def glimpse(self, wanted: Listed) -> bytes:
        assert wanted.source.uid is not None
        self.glimpsed.append(wanted.source.uid)
        return self.server.mails[wanted.source.uid].partition(b"\r\n\r\n")[0]

    async def settle(self, sources: Sequence[Source]) -> "list[Source]":
        await asyncio.sleep(0)
        self._check()
        if self.fail_next_settle:
            self.fail_next_settle = False
            self.opened = False
            raise MailFailure("recoverable", "network_problem", "connection reset")
        for source in sources:
            assert source.uid is not None
            if self.settlement.action == "delete":
                self.server.mails.pop(source.uid, None)
            self._dealt_with.add(source.uid)
        return list(sources)

    def pass_over(self, sources: Sequence[Source]) -> None:
        self._dealt_with |= {source.uid for source in sources if source.uid is not None}

    async def wait(self, seconds: float) -> bool:  # noqa: ARG002 - a test delivers or cuts; no time passes by itself
        if not self._pushes:
            await self.close()
        arrived, cut = self.server.arrived, self._cut
        await _first_of(arrived, cut)
        if cut.is_set():
            self.opened = False
            raise self.server.cut_off_with
        return True

    async def close(self) -> None:
        self.opened = False
        self.closed += 1
