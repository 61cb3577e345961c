"""A mailbox, a Config API and a clock that remember: what tests of the retriever stand on."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ece_common.contracts.aliases import StatusAnswer, StatusReport
from ece_common.contracts.base import ServiceKind
from ece_common.contracts.inbound import (
    InboundAnswer,
    InboundBatch,
    InboundMessage,
    InboundResult,
    KnownAnswer,
    KnownQuery,
    LargeMail,
    Source,
)
from ece_common.contracts.instances import (
    AssignedAlias,
    Heartbeat,
    HeartbeatAnswer,
    Holding,
    IncomingAccess,
    RetrieverAssignment,
    RetrieverSettings,
)
from ece_common.errors import Invalid, StaleEpoch, Transient
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
        self.connections = 0
        self.most_connecting = 0
        self.logins = 0
        self.hold_logins: asyncio.Event | None = None
        self.cut = asyncio.Event()
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

    def __init__(self, server: FakeServer, settlement: Settlement | None = None, *, pushes: bool = True) -> None:
        self.server = server
        self.settlement = settlement or Settlement("delete")
        self._pushes = pushes
        self.opened = False
        self.closed = 0
        self.fetched: list[int] = []
        self.glimpsed: list[int] = []
        self._dealt_with: set[int] = set()
        self.fail_next_settle = False
        self._cut = server.cut

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
        self.server.logins += 1
        self._cut = self.server.cut
        self.opened = True

    def _check(self) -> None:
        if self.server.refusal is not None:
            self.opened = False
            raise self.server.refusal

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
            raise MailFailure("recoverable", "network_problem", "connection lost")
        return True

    async def close(self) -> None:
        self.opened = False
        self.closed += 1


@dataclass
class FakeConfigApi:
    """Intake with a ledger, status reports that count, leases and assignments."""

    stored: list[InboundMessage] = field(default_factory=list[InboundMessage])
    originals: list[bytes] = field(default_factory=list[bytes])
    settled: list[Source] = field(default_factory=list[Source])
    large: list[LargeMail] = field(default_factory=list[LargeMail])
    ledger: dict[tuple[object, ...], str] = field(default_factory=dict[tuple[object, ...], str])
    down: bool = False
    answers_lost: int = 0
    """So many submits are committed, and their answers lost on the way."""
    epoch: int = 3
    refuses: bytes | None = None
    """A batch with a parsed mail that contains this is refused whole."""
    refuses_item: bytes | None = None
    refuses_original: bytes | None = None
    batches: list[int] = field(default_factory=list[int])
    hold: asyncio.Event | None = None
    submitting: int = 0
    most_submitting: int = 0
    reports: list[StatusReport] = field(default_factory=list[StatusReport])
    standing: StatusAnswer | None = None
    assignment: RetrieverAssignment | None = None
    etag: int = 1
    beats: list[Heartbeat] = field(default_factory=list[Heartbeat])
    leases: list[Holding] | None = None
    lease_seconds: float = 15.0
    beat_after: float = 0.01
    clock: FakeClock = field(default_factory=FakeClock)

    async def submit(self, batch: InboundBatch, contents: Sequence[bytes]) -> InboundAnswer:
        self.submitting += 1
        self.most_submitting = max(self.most_submitting, self.submitting)
        try:
            if self.hold is not None:
                await self.hold.wait()
            await asyncio.sleep(0)
            return self._commit(
                InboundBatch.model_validate_json(batch.model_dump_json(by_alias=True)), b"".join(contents)
            )
        finally:
            self.submitting -= 1

    def _commit(self, batch: InboundBatch, joined: bytes) -> InboundAnswer:
        self._reachable()
        self.settled += batch.settled
        if batch.epoch != self.epoch and (batch.messages or batch.large):
            raise StaleEpoch("the lease has passed on")
        originals = [_cut(joined, message) for message in batch.messages]
        for message, original in zip(batch.messages, originals, strict=True):
            if self._refuses(message, original, self.refuses):
                raise Invalid.field(f"messages.{len(self.stored)}.subject", "is not to our liking")
            if self.refuses_original is not None and self.refuses_original in original:
                raise Invalid.field("contents", "never")
        self.batches.append(len(batch.messages))
        self.large += batch.large
        results = [
            self._store(index, batch, message, original)
            for index, (message, original) in enumerate(zip(batch.messages, originals, strict=True))
        ]
        if self.answers_lost:
            self.answers_lost -= 1
            raise Transient("the answer was lost")
        return InboundAnswer(results=results)

    def _store(self, index: int, batch: InboundBatch, message: InboundMessage, original: bytes) -> InboundResult:
        if self._refuses(message, original, self.refuses_item):
            return InboundResult(index=index, outcome="refused", reason="not this one")
        key = _key(batch.alias_id, batch.mailbox_generation, message.source)
        if self.ledger.get(key) == message.content_sha256:
            return InboundResult(index=index, outcome="duplicate", activity_id=1)
        assert hashlib.sha256(original).hexdigest() == message.content_sha256
        self.ledger[key] = message.content_sha256
        self.stored.append(message)
        self.originals.append(original)
        return InboundResult(index=index, outcome="stored", activity_id=len(self.stored))

    @staticmethod
    def _refuses(message: InboundMessage, original: bytes, mark: bytes | None) -> bool:
        return mark is not None and message.subtype != "unparsed" and mark in original

    async def known(self, query: KnownQuery) -> KnownAnswer:
        self._reachable()
        return KnownAnswer(
            known=[
                index
                for index, source in enumerate(query.sources)
                if _key(query.alias_id, query.mailbox_generation, source) in self.ledger
            ]
        )

    async def report_status(self, alias_id: int, report: StatusReport) -> StatusAnswer:
        """Counts like the Config API does: three failures, ten minutes; manual ones at the third, too."""
        await asyncio.sleep(0)
        self._reachable()
        if report.epoch != self.epoch:
            raise StaleEpoch("the lease has passed on")
        before = self.standing or _standing(alias_id, report.from_)
        if report.attempt_id not in [known.attempt_id for known in self.reports]:
            self.reports.append(report)
            self.standing = self._after(before, report)
        return self.standing or before

    def _after(self, before: StatusAnswer, report: StatusReport) -> StatusAnswer:
        if report.from_ != before.status:
            return before
        if report.outcome == "connected":
            return _standing(before.alias_id, "active")
        failed = before.failed_attempts + 1
        recoverable = report.condition == "recoverable"
        inactive = failed >= 3
        due = self.clock.now() + timedelta(seconds=600) if inactive and recoverable else None
        return before.model_copy(
            update={
                "status": "inactive" if inactive else "active",
                "failed_attempts": failed,
                "recoverable": inactive and recoverable,
                "next_attempt_at": due,
            }
        )

    async def heartbeat(self, kind: ServiceKind, instance: str, replica: str, beat: Heartbeat) -> HeartbeatAnswer:
        assert (kind, instance, replica) == ("retriever", "default", "one")
        await asyncio.sleep(0)
        self._reachable()
        self.beats.append(beat)
        aliases = self.assignment.aliases if self.assignment else []
        granted = [Holding(alias_id=alias.alias_id, epoch=alias.epoch) for alias in aliases]
        return HeartbeatAnswer(
            lease_seconds=self.lease_seconds,
            lease_expires_at=None,
            beat_after_seconds=self.beat_after,
            leases=self.leases if self.leases is not None else granted,
        )

    async def retriever_assignment(
        self, instance: str, replica: str, *, etag: str | None = None, wait: float = 0.0
    ) -> tuple[str, RetrieverAssignment] | None:
        assert (instance, replica) == ("default", "one")
        self._reachable()
        if etag == str(self.etag) or self.assignment is None:
            await asyncio.sleep(min(wait, 0.01))
            return None
        return str(self.etag), self.assignment

    def assign(self, *aliases: AssignedAlias, settings: RetrieverSettings | None = None) -> None:
        self.etag += 1
        self.assignment = RetrieverAssignment(
            instance="default",
            replica="one",
            lease_seconds=self.lease_seconds,
            settings=settings or some_settings(),
            aliases=list(aliases),
        )

    def _reachable(self) -> None:
        if self.down:
            raise Transient("the Config API is away")

    @property
    def subjects(self) -> list[str]:
        return [message.subject for message in self.stored]


def _key(alias_id: int, generation: int, source: Source) -> tuple[object, ...]:
    return (alias_id, generation, source.folder, source.uidvalidity, source.uid, source.uidl)


def _cut(joined: bytes, message: InboundMessage) -> bytes:
    for file in message.attachments:
        assert file.content.offset + file.content.size <= len(joined)
    assert message.original is not None
    return joined[message.original.offset : message.original.offset + message.original.size]


def _standing(alias_id: int, status: str) -> StatusAnswer:
    return StatusAnswer.model_validate(
        {
            "alias_id": alias_id,
            "status": status,
            "status_changed_by": "system",
            "recoverable": status == "inactive",
            "failed_attempts": 0,
            "next_attempt_at": None,
        }
    )
