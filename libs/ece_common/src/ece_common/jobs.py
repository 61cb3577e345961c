"""What somebody waits for at the Config API is claimed, done and told, beside the mail and without delaying it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from ece_common.contracts.base import ServiceKind
from ece_common.contracts.jobs import ConnectionStep, Job, JobAnswer, JobRequest, JobResult
from ece_common.errors import EceError, NotFound, Transient
from ece_common.retry import sleep_unless, waits

AT_A_TIME = 8
"""One that waits for a server that does not answer keeps nobody else waiting."""
WAIT_SECONDS = 20.0
_PAUSE = 0.25
"""After no job: an API that is stopping, or a proxy, may answer each long poll at once."""
_TELL_SECONDS = 10.0
"""Whoever asked has given up after that, or soon will."""
log = structlog.get_logger()


class Source(Protocol):
    """Where jobs come from: the Config API's client."""

    async def claim_job(self, request: JobRequest) -> JobAnswer: ...

    async def report_job(self, job_id: str, result: JobResult) -> None: ...


@dataclass(frozen=True, slots=True)
class Doer:
    """A replica, and how it does a job: the steps of a test; None when it told the result itself."""

    kind: ServiceKind
    instance: str
    replica: str
    do: Callable[[Job], Awaitable[list[ConnectionStep] | None]]


async def serve(source: Source, doer: Doer, stop: asyncio.Event) -> None:
    """Until `stop`. Survives every failure; a job in hand at the end is told or left to another replica."""
    doing: set[asyncio.Task[None]] = set()
    claiming = asyncio.create_task(_claimed(source, doer, stop, doing), name="jobs")
    try:
        await stop.wait()
    finally:
        for task in (claiming, *doing):
            task.cancel()
        await asyncio.gather(claiming, *doing, return_exceptions=True)


async def _claimed(source: Source, doer: Doer, stop: asyncio.Event, doing: set[asyncio.Task[None]]) -> None:
    request = JobRequest(kind=doer.kind, instance=doer.instance, replica=doer.replica, wait=WAIT_SECONDS)
    backoff = waits(1.0, 30.0)
    told_trouble = False
    while not stop.is_set():
        try:
            if len(doing) >= AT_A_TIME:
                await asyncio.wait(doing, return_when=asyncio.FIRST_COMPLETED)
            job = (await source.claim_job(request)).job
            backoff, told_trouble = waits(1.0, 30.0), False
            if job is None:
                await sleep_unless(stop, _PAUSE)
            else:
                task = asyncio.create_task(_done(source, doer, job), name=f"job-{job.id}")
                doing.add(task)
                task.add_done_callback(doing.discard)
        except Exception as problem:  # noqa: BLE001 - the next claim may fare better
            if not told_trouble:
                log.warning("jobs.failed", problem=str(problem), unexpected=not isinstance(problem, EceError))
            told_trouble = True
            await sleep_unless(stop, next(backoff))


async def _done(source: Source, doer: Doer, job: Job) -> None:
    """Never raises: what cannot be told is logged, and the asker learns that nobody answered in time."""
    try:
        await _do(source, doer, job)
    except Exception as problem:  # noqa: BLE001 - one job's trouble is not that of the others
        log.warning("job.untold", job=job.id, kind=job.kind, problem=str(problem) or type(problem).__name__)


async def _do(source: Source, doer: Doer, job: Job) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    steps: list[ConnectionStep] | None = []
    problem: str | None = None
    try:
        async with asyncio.timeout(job.seconds):
            steps = await doer.do(job)
    except TimeoutError:
        problem = f"it was not done after {job.seconds:g} seconds"
    except EceError as failure:
        problem = failure.detail
    except Exception as failure:
        log.exception("job.broken", job=job.id, kind=job.kind)
        problem = f"the worker failed: {type(failure).__name__}; its log says more"
    took = round((loop.time() - begun) * 1000)
    log.info("job.done", job=job.id, kind=job.kind, milliseconds=took, problem=problem)
    if steps is not None:
        result = JobResult(
            instance=doer.instance,
            replica=doer.replica,
            steps=steps,
            milliseconds=took,
            problem=None if problem is None else problem[:1000],
        )
        await _tell(source, job, result)


async def _tell(source: Source, job: Job, result: JobResult) -> None:
    backoff = waits(0.2, 2.0)
    async with asyncio.timeout(_TELL_SECONDS):
        while True:
            try:
                return await source.report_job(job.id, result)
            except NotFound:
                return None  # nobody waits any more
            except Transient:
                await asyncio.sleep(next(backoff))
