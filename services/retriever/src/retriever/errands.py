"""Jobs of a retriever: a mailbox is tried, a stored mail is read again; by the same steps as real work."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from ece_common.contracts.inbound import InboundBatch, Source
from ece_common.contracts.jobs import ConnectionStep, Job
from ece_common.errors import Invalid
from ece_common.trying import Another
from retriever.applied_policies import AppliedPolicies, Compilations
from retriever.mailbox import probing
from retriever.mailbox.connection import Connector
from retriever.mailbox.port import RawMail
from retriever.reading import read
from retriever.submission import assemble

TELLING_SECONDS = 5.0
"""Of a job's time, kept for leaving the server and telling the steps."""

READ_AT_A_TIME = 2
"""Stored mails, of which each may be as large as any: they take none of the room of mail that comes in."""


class Desk(Protocol):
    """Where a stored mail comes from and what was read of it goes to: the Config API's client."""

    async def original_of_job(self, job_id: str) -> bytes: ...

    async def report_reprocessed(self, job_id: str, batch: InboundBatch, contents: Sequence[bytes]) -> None: ...


class Errands:
    def __init__(
        self, desk: Desk, connect: Connector, now: Callable[[], datetime], another_token: Callable[[str], Another]
    ) -> None:
        """`another_token` is asked for by the id of the job."""
        self._desk = desk
        self._another_token = another_token
        self._connect = connect
        self._now = now
        self._reading = asyncio.Semaphore(READ_AT_A_TIME)

    async def do(self, job: Job) -> list[ConnectionStep] | None:
        """The steps of a test; None after a mail was read again, which tells its result itself."""
        if job.kind == "test_incoming" and job.incoming is not None:
            seconds = max(job.seconds - TELLING_SECONDS, 1.0)
            another = self._another_token(job.id)
            return await probing.probe(job.incoming, job.move_to, self._connect, another, seconds)
        if job.kind == "reprocess" and job.settings is not None:
            async with self._reading:
                await self._read_again(job)
            return None
        raise Invalid(f"a retriever cannot do a job of kind {job.kind!r} with what came with it")

    async def _read_again(self, job: Job) -> None:
        assert job.settings is not None
        raw = RawMail(Source(uid=0, uidvalidity=0), await self._desk.original_of_job(job.id), None)
        items = await read([raw], job.settings, _policies(job), self._now)
        messages, contents = assemble(items)
        batch = InboundBatch(alias_id=1, epoch=0, mailbox_generation=0, messages=messages)
        await self._desk.report_reprocessed(job.id, batch, contents)


def _policies(job: Job) -> AppliedPolicies:
    return Compilations().of(1, {} if job.policies is None else {1: job.policies})
