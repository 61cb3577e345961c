"""What a retriever does on request: the same steps as with mail that comes in."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from ece_common.contracts.inbound import InboundBatch
from ece_common.contracts.instances import RetrieverSettings
from ece_common.contracts.jobs import Job
from ece_common.contracts.settings import PartitionSettings
from ece_common.errors import Invalid
from ece_common.trying import Another
from retriever.errands import READ_AT_A_TIME, Errands
from tests.retriever.mailbox.boxes import Redirected

ORIGINAL = b"From: anna@customer.test\r\nTo: support@shop.test\r\nSubject: Hello\r\n\r\nWhere is it?\r\n"


class Desk:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[InboundBatch, bytes]] = []

    async def original_of_job(self, job_id: str) -> bytes:
        return ORIGINAL if job_id == "a job" else b""

    async def report_reprocessed(self, job_id: str, batch: InboundBatch, contents: Sequence[bytes]) -> None:
        assert job_id == "a job"
        self.told.append((batch, b"".join(contents)))


def no_other_token(job_id: str) -> Another:
    raise AssertionError(job_id)


def _errands(desk: Desk) -> Errands:
    return Errands(desk, Redirected(), lambda: datetime(2030, 1, 1, tzinfo=UTC), no_other_token)


async def test_a_stored_mail_is_read_as_one_that_comes_in() -> None:
    desk = Desk()
    settings = RetrieverSettings.model_validate(PartitionSettings(default_smtp_password_set=False).model_dump())
    told = await _errands(desk).do(Job(id="a job", kind="reprocess", seconds=5, activity_id=7, settings=settings))
    assert told is None
    ((batch, contents),) = desk.told
    (message,) = batch.messages
    assert (message.subtype, message.from_, message.subject) == ("email", "anna@customer.test", "Hello")
    assert message.text is not None
    assert message.text.strip() == "Where is it?"
    assert contents == ORIGINAL


class SlowDesk(Desk):
    """Gives no original before `ready`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.ready = asyncio.Event()

    async def original_of_job(self, job_id: str) -> bytes:
        self.asked += 1
        await self.ready.wait()
        return await super().original_of_job(job_id)


async def test_few_stored_mails_are_in_memory_at_a_time_however_many_jobs_there_are() -> None:
    desk = SlowDesk()
    errands = _errands(desk)
    settings = RetrieverSettings.model_validate(PartitionSettings(default_smtp_password_set=False).model_dump())
    job = Job(id="a job", kind="reprocess", seconds=5, activity_id=7, settings=settings)
    doing = [asyncio.create_task(errands.do(job)) for _ in range(8)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert desk.asked == READ_AT_A_TIME
    desk.ready.set()
    await asyncio.gather(*doing)
    assert len(desk.told) == 8


async def test_a_job_that_is_none_of_a_retrievers_is_refused() -> None:
    with pytest.raises(Invalid, match="test_outgoing"):
        await _errands(Desk()).do(Job(id="a job", kind="test_outgoing", seconds=5))
