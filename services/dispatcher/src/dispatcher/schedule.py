"""When work is claimed and how much of it: the loop around the pipeline."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

import structlog

from dispatcher.metrics import Metrics
from dispatcher.pacing import Route, Routes, TurnedAway
from dispatcher.pipeline import Pipeline
from dispatcher.reporting import Reports
from ece_common import retry
from ece_common.contracts.outbound import ClaimAnswer, ClaimRequest, OutboundMessage
from ece_common.errors import EceError

log = structlog.get_logger()

# A poll that leaves out a full route must not be a long one: the route will want more at any moment.
_BUSY_POLL = 0.25
# Verdicts that the Config API does not take pile up; beyond this nothing more is sent until it does.
_MOST_UNREPORTED = 5000


class Claims(Protocol):
    async def claim(self, request: ClaimRequest) -> ClaimAnswer: ...


@dataclass(frozen=True, slots=True)
class ScheduleOptions:
    """`in_hand`: messages claimed and not concluded, at most. `patience`: seconds one may wait for its turn."""

    instance: str
    replica: str
    in_hand: int = 1000
    claim: int = 200
    wait: float = 20.0
    patience: float = 30.0
    shutdown_seconds: float = 25.0


class Schedule:
    def __init__(
        self,
        claims: Claims,
        pipeline: Pipeline,
        routes: Routes,
        *,
        reports: Reports,
        metrics: Metrics,
        options: ScheduleOptions,
    ) -> None:
        self._claims = claims
        self._pipeline = pipeline
        self._routes = routes
        self._reports = reports
        self._metrics = metrics
        self._options = options
        self._tasks: set[asyncio.Task[None]] = set()
        self._concluded = asyncio.Event()
        self._eased = asyncio.Event()

    @property
    def in_hand(self) -> int:
        return len(self._tasks)

    async def run(self, stop: asyncio.Event) -> None:
        """Claims until `stop`, then gives back what was not started. What was started goes on: see `finish`."""
        waits = retry.waits(0.5, 30.0)
        while not stop.is_set():
            try:
                await self._round(stop)
                waits = retry.waits(0.5, 30.0)
            except Exception as problem:
                self._metrics.claim_failed()
                wait = next(waits)
                expected = isinstance(problem, EceError)
                log.warning("claim.failed", problem=str(problem), again_in=round(wait, 1), exc_info=not expected)
                await retry.sleep_unless(stop, wait)
        self._routes.close()

    async def finish(self, seconds: float) -> int:
        """Waits for the messages that were started, at most `seconds`; how many are still going on."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
        return len(self._tasks)

    async def _round(self, stop: asyncio.Event) -> None:
        free = self._options.in_hand - self.in_hand
        if free < self._options.in_hand // 4 or self._reports.unreported > _MOST_UNREPORTED:
            self._concluded.clear()
            await _either(stop, self._concluded, 1.0)
            return
        self._eased.clear()
        busy = self._routes.any_full
        request = ClaimRequest(
            instance=self._options.instance,
            replica=self._options.replica,
            limit=min(free, self._options.claim),
            wait=0 if busy else self._wait(),
            paused_routes=self._routes.held()[:10_000],
        )
        answer = await self._claim_unless(stop, request)
        if answer is not None:
            self._take(answer)
            if not answer.claims:
                # Also after what was no long poll: an API that is stopping, or a proxy, may answer each at once.
                pause = _BUSY_POLL if busy else min(_BUSY_POLL, request.wait)
                await _either(stop, self._eased, pause)

    def _wait(self) -> float:
        """Not beyond the end of a pause, after which the paused route's mail is wanted again."""
        soonest = self._routes.soonest_resume()
        return self._options.wait if soonest is None else min(self._options.wait, soonest + 0.01)

    async def _claim_unless(self, stop: asyncio.Event, request: ClaimRequest) -> ClaimAnswer | None:
        """A long poll that a stop ends. What it may just have been handed is handed out again after its claim."""
        claiming = asyncio.ensure_future(self._claims.claim(request))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({claiming, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return claiming.result() if claiming.done() else None
        finally:
            for task in (claiming, stopping):
                task.cancel()

    def _take(self, answer: ClaimAnswer) -> None:
        self._routes.learn(answer.routes)
        for message in answer.claims:
            if not self._routes.knows(message.route):
                self._pipeline.give_back(message, "released", "route_not_told")
                continue
            route = self._routes.get(message.route)
            route.in_hand += 1
            task = asyncio.create_task(self._handle(message, route))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    async def _handle(self, message: OutboundMessage, route: Route) -> None:
        try:
            await route.enter(self._options.patience)
        except TurnedAway as turned:
            self._pipeline.give_back(message, turned.outcome, turned.reason, turned.retry_after)
        else:
            await self._started(message, route)
        finally:
            full, route.in_hand = route.full, route.in_hand - 1
            if full and not route.full:
                self._eased.set()

    async def _started(self, message: OutboundMessage, route: Route) -> None:
        try:
            await self._pipeline.carry(message, route)
        except Exception:
            # Unknown how far it came: without a report the claim runs out, and the mark, if made, decides.
            log.exception("message.broken", activity_id=message.activity_id, route=route.name)
        finally:
            route.leave()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._concluded.set()


async def _either(stop: asyncio.Event, event: asyncio.Event, seconds: float) -> None:
    """Until one of the two is set, or `seconds` have passed."""
    waiting = [asyncio.ensure_future(each.wait()) for each in (stop, event)]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
