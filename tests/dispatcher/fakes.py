"""The outbound queue as the Config API keeps it: claims, marks and outcomes, in memory."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ece_common.contracts.base import ServiceKind
from ece_common.contracts.instances import (
    DispatcherAssignment,
    DispatcherSettings,
    Heartbeat,
    HeartbeatAnswer,
    OutgoingAccess,
)
from ece_common.contracts.jobs import JobAnswer, JobRequest, JobResult
from ece_common.contracts.outbound import (
    ClaimAnswer,
    ClaimRequest,
    OutboundMessage,
    Outcome,
    OutcomeAnswer,
    OutcomeBatch,
    OutcomeResult,
    RecipientVerdict,
)
from ece_common.contracts.tokens import AccessToken, AccessTokenRequest
from ece_common.errors import EceError, NotFound, Transient


@dataclass(slots=True)
class Entry:
    """One message's record. `status`: queued, claimed, sending, then the outcome that ended its claim."""

    message: OutboundMessage
    status: str = "queued"
    told: list[Outcome] = field(default_factory=list[Outcome])

    @property
    def last(self) -> Outcome:
        return self.told[-1]

    @property
    def outcomes(self) -> list[str]:
        return [outcome.outcome for outcome in self.told]

    @property
    def ended(self) -> bool:
        return self.status not in ("queued", "claimed", "sending")


class FakeQueue:
    """`down`: every call fails as an unreachable Config API does. `lost_claims`: activities whose marks are refused.

    Messages that come back (`released`, `waiting`, `deferred`) are handed out again only by `requeue`.
    """

    def __init__(self, routes: dict[str, OutgoingAccess]) -> None:
        self.routes = routes
        self.entries: dict[int, Entry] = {}
        self.contents: dict[tuple[int, int], bytes] = {}
        self.down = False
        self.down_for_outcomes = False
        self.waits_for_nobody = False
        """Claims are answered at once, however long they may wait."""
        self.lost_claims: set[int] = set()
        self.latency = 0.0
        self.requests: list[OutcomeBatch] = []
        self.claims: list[ClaimRequest] = []
        self.beats: list[Heartbeat] = []
        self.maximum_connections = 8
        self.assignment = 1
        self.tokens: list[str | EceError] = []
        """What requests for access tokens get, one after the other, the last one again and again."""
        self.token_requests: list[tuple[int, AccessTokenRequest]] = []
        self._changed = asyncio.Condition()
        self._queued: deque[int] = deque()

    async def put(self, *messages: OutboundMessage) -> None:
        async with self._changed:
            for message in messages:
                self.entries[message.activity_id] = Entry(message)
                self._queued.append(message.activity_id)
            self._changed.notify_all()

    async def requeue(self, activity_id: int) -> None:
        async with self._changed:
            self.entries[activity_id].status = "queued"
            self._queued.append(activity_id)
            self._changed.notify_all()

    async def change_assignment(self) -> None:
        async with self._changed:
            self.assignment += 1
            self._changed.notify_all()

    async def ended(self, *activity_ids: int, seconds: float = 10.0) -> list[Entry]:
        """The records of these, once each claim has come to an end."""
        wanted = [self.entries[each] for each in activity_ids or self.entries]
        await self.until(lambda: all(entry.ended for entry in wanted), seconds)
        return wanted

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    # --- what the dispatcher calls

    async def claim_job(self, request: JobRequest) -> JobAnswer:
        await self._reached()
        await asyncio.sleep(request.wait)
        return JobAnswer(job=None)

    async def access_token_of_job(self, job_id: str, request: AccessTokenRequest) -> AccessToken:
        raise NotFound(f"there is no job {job_id} of {request.instance}")

    async def report_job(self, job_id: str, result: JobResult) -> None:
        raise NotFound(f"there is no job {job_id}, and so no result {result.milliseconds}")

    async def claim(self, request: ClaimRequest) -> ClaimAnswer:
        await self._reached()
        self.claims.append(request)
        try:
            async with asyncio.timeout(0.001 if self.waits_for_nobody else request.wait or 0.001), self._changed:
                self._changed.notify_all()
                await self._changed.wait_for(lambda: self._due(request) or self.down)
        except TimeoutError:
            return ClaimAnswer(claims=[], routes={})
        if self.down:
            raise Transient("the Config API is away")
        handed: list[OutboundMessage] = []
        for activity_id in self._due(request)[: request.limit]:
            self._queued.remove(activity_id)
            self.entries[activity_id].status = "claimed"
            handed.append(self.entries[activity_id].message)
        used = {message.route for message in handed}
        return ClaimAnswer(claims=handed, routes={name: self.routes[name] for name in used})

    async def claim_attachment(self, claim_id: str, n: int) -> bytes:
        await self._reached()
        found = [each for each, entry in self.entries.items() if entry.message.claim_id == claim_id]
        if not found or (found[0], n) not in self.contents:
            raise NotFound("no such attachment")
        return self.contents[found[0], n]

    async def report_outcomes(self, batch: OutcomeBatch) -> OutcomeAnswer:
        await self._reached()
        if self.down_for_outcomes:
            raise Transient("the Config API is away")
        async with self._changed:
            self.requests.append(batch)
            results = [self._record(n, outcome) for n, outcome in enumerate(batch.outcomes)]
            self._changed.notify_all()
        return OutcomeAnswer(results=results)

    async def access_token(self, alias_id: int, request: AccessTokenRequest) -> AccessToken:
        await self._reached()
        self.token_requests.append((alias_id, request))
        answer = self.tokens[min(len(self.token_requests), len(self.tokens)) - 1]
        if isinstance(answer, EceError):
            raise answer
        return AccessToken(access_token=answer, expires_at=datetime.now(UTC) + timedelta(hours=1))

    async def heartbeat(self, kind: ServiceKind, instance: str, replica: str, beat: Heartbeat) -> HeartbeatAnswer:
        await self._reached()
        assert (kind, instance, replica) == ("dispatcher", "default", "one")
        async with self._changed:
            self.beats.append(beat)
            self._changed.notify_all()
        expiry = datetime.now(UTC) + timedelta(seconds=15)
        return HeartbeatAnswer(lease_seconds=15, lease_expires_at=expiry, beat_after_seconds=5, leases=[])

    async def dispatcher_assignment(
        self, instance: str, replica: str, *, etag: str | None = None, wait: float = 0.0
    ) -> tuple[str, DispatcherAssignment] | None:
        await self._reached()
        try:
            async with asyncio.timeout(wait or 0.001), self._changed:
                await self._changed.wait_for(lambda: str(self.assignment) != etag)
        except TimeoutError:
            return None
        return str(self.assignment), DispatcherAssignment(
            instance=instance,
            replica=replica,
            lease_seconds=15,
            settings=DispatcherSettings(maximum_connections=self.maximum_connections),
            alias_ids=[1],
            serves_unassigned=True,
        )

    # --- how it judges

    async def _reached(self) -> None:
        if self.latency:
            await asyncio.sleep(self.latency)
        if self.down:
            raise Transient("the Config API is away")

    def _due(self, request: ClaimRequest) -> list[int]:
        held = set(request.paused_routes)
        return [each for each in self._queued if self.entries[each].message.route not in held]

    def _record(self, index: int, outcome: Outcome) -> OutcomeResult:
        entry = self.entries[outcome.activity_id]
        if outcome.outcome == "sending" and (outcome.activity_id in self.lost_claims or entry.status != "claimed"):
            if outcome.activity_id in self.lost_claims:
                entry.status = "lost"
            return OutcomeResult(index=index, result="refused", reason="the claim has passed to another dispatcher")
        if outcome.outcome == "judged" and entry.status == "claimed" and _sent(outcome.recipients):
            return OutcomeResult(index=index, result="refused", reason="sent without a mark")
        entry.told.append(outcome)
        entry.status = outcome.outcome
        return OutcomeResult(index=index, result="accepted")


def _sent(recipients: list[RecipientVerdict]) -> bool:
    return any(recipient.status == "sent" for recipient in recipients)
