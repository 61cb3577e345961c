"""What becomes of messages, told to the Config API: many in one request, none forgotten."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from dispatcher.metrics import Metrics
from ece_common import retry
from ece_common.contracts.outbound import Outcome, OutcomeAnswer, OutcomeBatch, OutcomeResult
from ece_common.errors import EceError, Invalid, TooLarge, Transient

log = structlog.get_logger()

_LARGEST_BATCH = 500


class Queue(Protocol):
    async def report_outcomes(self, batch: OutcomeBatch) -> OutcomeAnswer: ...


class Reports:
    """Marks and verdicts go out in one stream of requests, one at a time: what gathers meanwhile is the next batch.

    So an idle dispatcher reports at once and a busy one in batches, with nothing to tune. A mark is answered or
    fails; a verdict is kept and sent again until it is answered, past the end of its claim as well: a message that
    was sent is sent, whoever holds its claim now.
    """

    def __init__(self, queue: Queue, instance: str, replica: str, metrics: Metrics) -> None:
        self._queue = queue
        self._instance = instance
        self._replica = replica
        self._metrics = metrics
        self._marks: list[tuple[Outcome, asyncio.Future[OutcomeResult]]] = []
        self._verdicts: list[Outcome] = []
        self._sending = 0
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()

    @property
    def unreported(self) -> int:
        return len(self._verdicts) + self._sending

    async def mark(self, outcome: Outcome) -> bool:
        """Whether the claim is still ours to send. Raises EceError when nobody could be asked: then do not send."""
        answer: asyncio.Future[OutcomeResult] = asyncio.get_running_loop().create_future()
        self._marks.append((outcome, answer))
        self._wake.set()
        return (await answer).result == "accepted"

    def conclude(self, outcome: Outcome) -> None:
        self._verdicts.append(outcome)
        self._settled.clear()
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Ends by cancellation only, after `settle`; once `stop` is set the waits between tries are short."""
        waits = retry.waits(0.2, 15.0)
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._flush()
                waits = retry.waits(0.2, 15.0)
            except Exception as problem:  # noqa: BLE001 - a loop that ends would lose every verdict after it
                wait = 0.2 if stop.is_set() else next(waits)
                log.warning("outcomes.unreported", kept=self.unreported, problem=repr(problem), again_in=wait)
                await asyncio.sleep(wait)
                self._wake.set()

    async def settle(self, seconds: float) -> int:
        """Waits until everything is reported, at most `seconds`; the number of verdicts that are not."""
        try:
            async with asyncio.timeout(seconds):
                await self._settled.wait()
        except TimeoutError:
            pass
        return self.unreported

    async def _flush(self) -> None:
        marks, self._marks = self._marks[:_LARGEST_BATCH], self._marks[_LARGEST_BATCH:]
        room = _LARGEST_BATCH - len(marks)
        verdicts, self._verdicts = self._verdicts[:room], self._verdicts[room:]
        if not marks and not verdicts:
            return
        if self._marks or self._verdicts:
            self._wake.set()
        self._sending = len(verdicts)
        try:
            results = await self._post([*(outcome for outcome, _ in marks), *verdicts])
        except BaseException as problem:
            self._verdicts = verdicts + self._verdicts
            _fail(marks, problem)
            raise
        finally:
            self._sending = 0
        for (_, answer), result in zip(marks, results, strict=False):
            if not answer.done():
                answer.set_result(result)
        self._close(verdicts, results[len(marks) :])

    async def _post(self, outcomes: Sequence[Outcome]) -> list[OutcomeResult]:
        """Results in the order of `outcomes`. A batch refused as a whole is halved until the culprit is alone."""
        try:
            answer = await self._queue.report_outcomes(
                OutcomeBatch(instance=self._instance, replica=self._replica, outcomes=list(outcomes))
            )
        except (Invalid, TooLarge) as problem:
            if len(outcomes) == 1:
                log.warning("outcome.refused", activity_id=outcomes[0].activity_id, problem=problem.detail)
                return [OutcomeResult(index=0, result="refused", reason=problem.detail)]
            half = len(outcomes) // 2
            return [*await self._post(outcomes[:half]), *await self._post(outcomes[half:])]
        self._metrics.reported(len(outcomes))
        told = {result.index: result for result in answer.results}
        if len(told) < len(outcomes):
            raise Transient(f"the answer names {len(told)} of {len(outcomes)} outcomes")
        return [told[index] for index in range(len(outcomes))]

    def _close(self, verdicts: Sequence[Outcome], results: Sequence[OutcomeResult]) -> None:
        for verdict, result in zip(verdicts, results, strict=True):
            if result.result == "refused":
                log.info(
                    "outcome.not_taken",
                    activity_id=verdict.activity_id,
                    outcome=verdict.outcome,
                    reason=result.reason,
                )
        if not self._verdicts and not self._marks:
            self._settled.set()


def _fail(marks: Sequence[tuple[Outcome, asyncio.Future[OutcomeResult]]], problem: BaseException) -> None:
    for _, answer in marks:
        if answer.done():
            continue
        if isinstance(problem, Exception):
            answer.set_exception(problem if isinstance(problem, EceError) else Transient(repr(problem)))
        else:
            answer.cancel()
