"""Outcomes reach the Config API in any weather."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from prometheus_client import CollectorRegistry

from dispatcher.metrics import Metrics
from dispatcher.reporting import Reports
from ece_common.contracts.outbound import Outcome, OutcomeAnswer, OutcomeBatch, OutcomeResult
from ece_common.errors import Forbidden, Invalid, Transient

Weather = Callable[[OutcomeBatch], Exception | None]


class Desk:
    """Takes reports; `weather` says what goes wrong with a request."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.requests = 0
        self.weather: Weather = lambda _: None
        self.open = asyncio.Event()
        self.open.set()

    async def report_outcomes(self, batch: OutcomeBatch) -> OutcomeAnswer:
        await self.open.wait()
        self.requests += 1
        trouble = self.weather(batch)
        if trouble is not None:
            raise trouble
        self.taken += [outcome.activity_id for outcome in batch.outcomes]
        return OutcomeAnswer(results=[OutcomeResult(index=n, result="accepted") for n in range(len(batch.outcomes))])


def verdict(activity_id: int) -> Outcome:
    return Outcome(activity_id=activity_id, claim_id="c", outcome="judged")


def marked(activity_id: int) -> Outcome:
    return Outcome(activity_id=activity_id, claim_id="c", outcome="sending")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def reports(desk: Desk) -> AsyncIterator[Reports]:
    made = Reports(desk, "default", "one", Metrics(CollectorRegistry()))
    stop = asyncio.Event()
    stop.set()  # shortens the waits between tries
    task = asyncio.create_task(made.run(stop))
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_gathers_during_a_request_goes_out_with_the_next(desk: Desk, reports: Reports) -> None:
    desk.open.clear()
    marks = [asyncio.create_task(reports.mark(marked(n))) for n in range(1, 51)]
    await asyncio.sleep(0.01)
    more = [asyncio.create_task(reports.mark(marked(n))) for n in range(51, 101)]
    await asyncio.sleep(0.01)
    desk.open.set()

    assert await asyncio.gather(*marks, *more) == [True] * 100
    assert desk.requests == 2


async def test_a_verdict_survives_every_kind_of_failure(desk: Desk, reports: Reports) -> None:
    storms: list[Exception] = [Transient("away"), Forbidden("token rotated"), RuntimeError("a bug"), TimeoutError()]
    desk.weather = lambda _: storms.pop() if storms else None

    reports.conclude(verdict(1))

    assert await reports.settle(10) == 0
    assert desk.taken == [1]


async def test_a_mark_that_cannot_be_made_fails_at_once_for_it_must_not_be_sent(desk: Desk, reports: Reports) -> None:
    desk.weather = lambda _: Transient("away")

    with pytest.raises(Transient):
        await reports.mark(marked(1))


async def test_a_failed_mark_takes_no_verdict_with_it(desk: Desk, reports: Reports) -> None:
    storms: list[Exception] = [Transient("away")]
    desk.weather = lambda _: storms.pop() if storms else None
    desk.open.clear()
    marking = asyncio.create_task(reports.mark(marked(1)))
    reports.conclude(verdict(2))
    desk.open.set()

    with pytest.raises(Transient):
        await marking
    await reports.settle(10)

    assert desk.taken == [2]


async def test_one_outcome_that_is_refused_as_malformed_holds_up_no_other(desk: Desk, reports: Reports) -> None:
    def poisoned(batch: OutcomeBatch) -> Exception | None:
        return Invalid("no") if any(outcome.activity_id == 13 for outcome in batch.outcomes) else None

    desk.weather = poisoned
    for n in range(1, 41):
        reports.conclude(verdict(n))

    assert await reports.settle(10) == 0
    assert sorted(desk.taken) == [n for n in range(1, 41) if n != 13]


async def test_more_than_a_batch_goes_out_in_several(desk: Desk, reports: Reports) -> None:
    for n in range(1, 1201):
        reports.conclude(verdict(n))

    assert await reports.settle(10) == 0
    assert len(desk.taken) == 1200
    assert desk.requests == 3


async def test_what_is_unreported_is_told_at_the_end(desk: Desk, reports: Reports) -> None:
    desk.weather = lambda _: Transient("away")
    reports.conclude(verdict(1))

    assert await reports.settle(0.05) == 1
