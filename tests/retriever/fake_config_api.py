"""A Config API that remembers: intake with a ledger, status reports that count, leases and assignments."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

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
    RetrieverAssignment,
    RetrieverSettings,
)
from ece_common.contracts.policies import DepartmentPolicies
from ece_common.contracts.tokens import AccessToken, AccessTokenRequest
from ece_common.errors import EceError, Invalid, StaleEpoch, Transient
from tests.retriever.fakes import FakeClock, some_settings


@dataclass
class FakeConfigApi:
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
    refuses_reports: bool = False
    refused_reports: int = 0
    standing: StatusAnswer | None = None
    assignment: RetrieverAssignment | None = None
    etag: int = 1
    beats: list[Heartbeat] = field(default_factory=list[Heartbeat])
    leases: list[Holding] | None = None
    lease_seconds: float = 15.0
    beat_after: float = 0.01
    clock: FakeClock = field(default_factory=FakeClock)
    tokens: list[str | EceError] = field(default_factory=list[str | EceError])
    """What requests for access tokens get, one after the other, the last one again and again."""
    token_requests: list[tuple[int, AccessTokenRequest]] = field(default_factory=list[tuple[int, AccessTokenRequest]])

    async def access_token(self, alias_id: int, request: AccessTokenRequest) -> AccessToken:
        await asyncio.sleep(0)
        if self.down:
            raise Transient("connection refused", code="network")
        self.token_requests.append((alias_id, request))
        answer = self.tokens[min(len(self.token_requests), len(self.tokens)) - 1]
        if isinstance(answer, EceError):
            raise answer
        return AccessToken(access_token=answer, expires_at=self.clock.now() + timedelta(hours=1))

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
        if self.refuses_reports:
            self.refused_reports += 1
            raise Invalid("the report cannot be taken")
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

    def assign(
        self,
        *aliases: AssignedAlias,
        settings: RetrieverSettings | None = None,
        policies: dict[int, DepartmentPolicies] | None = None,
    ) -> None:
        self.etag += 1
        self.assignment = RetrieverAssignment(
            instance="default",
            replica="one",
            lease_seconds=self.lease_seconds,
            settings=settings or some_settings(),
            aliases=list(aliases),
            policies=policies or {},
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
