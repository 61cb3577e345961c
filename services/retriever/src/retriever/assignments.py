"""Which aliases this replica works on: heartbeats, the long poll for assignments, and one watch an alias."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

import structlog

from ece_common.contracts.base import ServiceKind
from ece_common.contracts.instances import (
    AssignedAlias,
    Heartbeat,
    HeartbeatAnswer,
    Holding,
    RetrieverAssignment,
    RetrieverSettings,
)
from ece_common.errors import EceError
from ece_common.retry import sleep_unless, waits
from retriever.applied_policies import AppliedPolicies, Compilations
from retriever.reopening import needs_restart
from retriever.schedule import Watch
from retriever.surroundings import Surroundings
from retriever.tallies import Tallies
from retriever.tenure import Tenure

POLL_SECONDS = 25.0
POLL_PAUSE = 0.1
"""Between two polls, should something on the way answer them at once."""
LEAVE_SECONDS = 3.0


class Registry(Protocol):
    """Where leases and assignments come from: the Config API's client."""

    async def heartbeat(self, kind: ServiceKind, instance: str, replica: str, beat: Heartbeat) -> HeartbeatAnswer: ...

    async def retriever_assignment(
        self, instance: str, replica: str, *, etag: str | None = None, wait: float = 0.0
    ) -> tuple[str, RetrieverAssignment] | None: ...


@dataclass(frozen=True, slots=True)
class Identity:
    instance: str
    replica: str
    incarnation: str


@dataclass(slots=True)
class _Running:
    watch: Watch
    task: asyncio.Task[None]


class Replica:
    """The process as a member of its instance. Keeps its last assignment while the Config API is away."""

    def __init__(
        self,
        identity: Identity,
        registry: Registry,
        tenure: Tenure,
        tallies: Tallies,
        *,
        finish_seconds: float = 15.0,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        """`finish_seconds`: how long the work in hand may take after a stop before it is cancelled."""
        self._identity = identity
        self._registry = registry
        self._tenure = tenure
        self._tallies = tallies
        self._finish_seconds = finish_seconds
        self._poll_seconds = poll_seconds
        self._around: Surroundings | None = None
        self._assignment: RetrieverAssignment | None = None
        self._compilations = Compilations()
        self._running: dict[int, _Running] = {}
        self._revoked: set[tuple[int, int]] = set()
        self._stopping = False
        self._beat_now = asyncio.Event()
        self._heard = asyncio.Event()
        self._config_api_error: str | None = None

    @property
    def name(self) -> str:
        return self._identity.replica

    def settings(self) -> RetrieverSettings:
        assert self._assignment is not None, "a watch begins with an assignment"
        return self._assignment.settings

    def policies(self, department_id: int) -> AppliedPolicies:
        assert self._assignment is not None, "a watch begins with an assignment"
        return self._compilations.of(department_id, self._assignment.policies)

    async def run(self, stop: asyncio.Event, around: Surroundings) -> None:
        """Until `stop`; then the work in hand is finished and the leases are given back."""
        self._around = around
        done = asyncio.Event()
        beating = asyncio.create_task(self._keep_beating(done), name="heartbeats")
        polling = asyncio.create_task(self._keep_polling(stop), name="assignments")
        try:
            await stop.wait()
            self._stopping = True
            polling.cancel()
            await asyncio.wait([polling])
            await self._finish()  # heartbeats go on meanwhile: what is in hand is still ours
        finally:
            done.set()
            ending = [beating, polling, *(running.task for running in self._running.values())]
            for task in ending:
                task.cancel()
            await asyncio.wait(ending, timeout=LEAVE_SECONDS)
            await self._leave()

    def status(self) -> dict[str, object]:
        states = Counter(running.watch.state for running in self._running.values())
        return {
            "instance": self._identity.instance,
            "replica": self._identity.replica,
            "leases_in_force": self._tenure.in_force(),
            "config_api_error": self._config_api_error,
            "states": dict(states),
            "aliases": [running.watch.describe() for _, running in sorted(self._running.items())],
        }

    def measure(self) -> None:
        """Brings the gauges of aliases up to date."""
        silences = [running.watch.silent_seconds() for running in self._running.values()]
        self._tallies.longest_silence.set(max(silences, default=0.0))
        self._tallies.aliases.clear()
        for state, count in Counter(running.watch.state for running in self._running.values()).items():
            self._tallies.aliases.labels(state).set(count)

    def known(self) -> bool:
        """Whether there has been an assignment: without one nothing can be done."""
        return self._assignment is not None

    # Heartbeats

    async def _keep_beating(self, done: asyncio.Event) -> None:
        backoff = waits(0.5, 5.0)
        while not done.is_set():
            try:
                pause = await self._beat()
                backoff = waits(0.5, 5.0)
                self._config_api_error = None
            except Exception as failure:  # noqa: BLE001 - without heartbeats every alias is lost: go on, always
                pause = next(backoff)
                self._trouble("heartbeat.failed", failure, pause)
            await sleep_unless(self._beat_now, pause)
            self._beat_now.clear()

    async def _beat(self) -> float:
        """Seconds until the next one."""
        holding = self._holding()
        asked_at = self._tenure.now()
        beat = Heartbeat(incarnation=self._identity.incarnation, holding=holding, counters=dict(self._tallies.totals))
        answer = await self._registry.heartbeat("retriever", self._identity.instance, self._identity.replica, beat)
        self._tenure.renewed(asked_at, answer.lease_seconds)
        self._heard.set()
        self.measure()
        leases = {(lease.alias_id, lease.epoch) for lease in answer.leases}
        # Only what this beat named can be missing from its answer: a lease granted meanwhile is not lost.
        lost = {(held.alias_id, held.epoch) for held in holding} - leases
        self._revoked = (self._revoked | lost) - leases
        self._reconcile()
        return answer.beat_after_seconds

    def _holding(self) -> list[Holding]:
        """Every alias whose mailbox is not yet closed, so that nobody else gets it before."""
        return [
            Holding(alias_id=alias_id, epoch=running.watch.alias.epoch)
            for alias_id, running in sorted(self._running.items())
        ]

    async def _leave(self) -> None:
        beat = Heartbeat(incarnation=self._identity.incarnation, leaving=True, counters=dict(self._tallies.totals))
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._registry.heartbeat("retriever", self._identity.instance, self._identity.replica, beat)
        except (EceError, TimeoutError) as failure:
            # The leases run out by themselves.
            structlog.get_logger().warning("replica.leave_failed", cause=str(failure))

    # Assignments

    async def _keep_polling(self, stop: asyncio.Event) -> None:
        backoff = waits(0.5, 15.0)
        etag: str | None = None
        await self._heard.wait()  # the Config API hands out aliases to a replica that it has heard of
        while not stop.is_set():
            try:
                answer = await self._registry.retriever_assignment(
                    self._identity.instance,
                    self._identity.replica,
                    etag=etag,
                    wait=self._poll_seconds if etag else 0.0,
                )
                if answer is not None:
                    etag, self._assignment = answer
                    self._reconcile(told_anew=True)
                    # Leases are given out with heartbeats: a mailbox that is new need not wait for the next one.
                    self._beat_now.set()
                backoff = waits(0.5, 15.0)
                await sleep_unless(stop, POLL_PAUSE)
            except Exception as failure:  # noqa: BLE001 - the last assignment stays in force; a newer one comes later
                pause = next(backoff)
                self._trouble("assignment.failed", failure, pause)
                await sleep_unless(stop, pause)

    def _reconcile(self, *, told_anew: bool = False) -> None:
        """What is assigned and not revoked runs; everything else is halted, and dropped once it has closed.

        How an alias stands is believed only when it was `told_anew`: what the last assignment said may be older than
        the answer to our own report since, and would bring an alias back to work that the report made inactive.
        """
        if self._assignment is None or self._stopping:
            return
        wanted = {
            alias.alias_id: alias
            for alias in self._assignment.aliases
            if (alias.alias_id, alias.epoch) not in self._revoked
        }
        for alias_id, running in self._running.items():
            alias = wanted.get(alias_id)
            if alias is None or (told_anew and needs_restart(running.watch.alias, alias)):
                running.watch.halt()
            elif told_anew and alias != running.watch.alias:
                running.watch.standing_changed(alias)
        for alias_id in wanted.keys() - self._running.keys():
            self._start(wanted[alias_id], announce=False)

    def _start(self, alias: AssignedAlias, *, announce: bool) -> None:
        assert self._around is not None, "run() comes first"
        try:
            watch = Watch(alias, self._around, announce=announce)
        except Exception:  # noqa: BLE001 - whatever is wrong with one alias
            structlog.get_logger().exception("alias.not_started", alias_id=alias.alias_id)
            return  # the next heartbeat tries again, and the other aliases do not wait for it
        task = asyncio.create_task(watch.run(), name=f"alias-{alias.alias_id}")
        self._running[alias.alias_id] = _Running(watch, task)
        task.add_done_callback(lambda ended: self._ended(watch, ended))

    def _ended(self, watch: Watch, task: asyncio.Task[None]) -> None:
        del self._running[watch.alias.alias_id]
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            structlog.get_logger().error("alias.ended", alias_id=watch.alias.alias_id, exc_info=failure)
        elif not task.cancelled():
            self._closed(watch)

    def _closed(self, watch: Watch) -> None:
        """The mailbox is closed: give the lease back at once, or begin anew under the changed assignment."""
        if self._stopping or self._assignment is None:
            return
        before = watch.alias
        after = next((alias for alias in self._assignment.aliases if alias.alias_id == before.alias_id), None)
        if watch.lost:
            self._revoked.add((before.alias_id, before.epoch))
        if after is not None and (after.alias_id, after.epoch) not in self._revoked:
            self._start(after, announce=True)
        else:
            self._beat_now.set()

    async def _finish(self) -> None:
        for running in self._running.values():
            running.watch.halt()
        tasks = [running.task for running in self._running.values()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=self._finish_seconds)
        for task in late:
            task.cancel()
        if late:
            structlog.get_logger().warning("replica.work_cancelled", aliases=len(late))
            await asyncio.wait(late, timeout=LEAVE_SECONDS)

    def _trouble(self, event: str, failure: Exception, pause: float) -> None:
        code = failure.code if isinstance(failure, EceError) else type(failure).__name__
        self._config_api_error = f"{code}: {failure}"
        self._tallies.config_api_failed(code)
        unexpected = not isinstance(failure, EceError)
        structlog.get_logger().warning(
            event, code=code, cause=str(failure), again_in=round(pause, 1), exc_info=failure if unexpected else None
        )
