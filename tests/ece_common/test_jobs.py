"""Jobs are claimed one after the other and done side by side, and no answer makes the worker go in a circle."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ece_common import jobs
from ece_common.contracts.jobs import ConnectionStep, Job, JobAnswer, JobRequest, JobResult
from ece_common.errors import Forbidden


class Source:
    """Has jobs of these ids, and then answers every claim at once with none."""

    def __init__(self, *ids: str) -> None:
        self._waiting = list(ids)
        self.claims = 0
        self.told: dict[str, JobResult] = {}
        self.refuses: set[str] = set()

    async def claim_job(self, request: JobRequest) -> JobAnswer:
        assert request.wait
        self.claims += 1
        await asyncio.sleep(0)
        if not self._waiting:
            return JobAnswer(job=None)
        return JobAnswer(job=Job(id=self._waiting.pop(0), kind="test_incoming", seconds=5))

    async def report_job(self, job_id: str, result: JobResult) -> None:
        if job_id in self.refuses:
            raise Forbidden("not yours")
        self.told[job_id] = result


class Server:
    """The mail server behind the jobs: those that hang do so until they are let go."""

    def __init__(self, *hanging: str) -> None:
        self.hanging = hanging
        self.go = asyncio.Event()
        self.begun: list[str] = []

    async def do(self, job: Job) -> list[ConnectionStep]:
        self.begun.append(job.id)
        if job.id in self.hanging:
            await self.go.wait()
        return []


@asynccontextmanager
async def _serving(source: Source, server: Server) -> AsyncGenerator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(jobs.serve(source, jobs.Doer("retriever", "default", "one", server.do), stop))
    try:
        async with asyncio.timeout(10):
            yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 5)


async def _turns(count: int = 1000) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_an_api_that_answers_each_poll_at_once_is_not_asked_in_a_circle() -> None:
    source = Source()
    async with _serving(source, Server()):
        await _turns()
    assert source.claims < 100


async def test_servers_that_do_not_answer_keep_nobody_else_waiting_up_to_a_bound() -> None:
    names = [f"job {n}" for n in range(12)]
    source, server = Source(*names), Server(*names[: jobs.AT_A_TIME - 1], *names[9:])
    async with _serving(source, server):
        while len(server.begun) < 10:
            await _turns(10)
        assert set(source.told) == {"job 7", "job 8"}
        await _turns()
        assert server.begun == names[:10]
        server.go.set()
        while len(source.told) < 12:
            await _turns(10)


async def test_a_result_that_is_not_taken_ends_nothing() -> None:
    source, server = Source("lost", "next"), Server()
    source.refuses = {"lost"}
    async with _serving(source, server):
        while "next" not in source.told:
            await _turns(10)
