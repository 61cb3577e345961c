"""Mail that nothing could read is read again: same activity, its content in one transaction."""

import asyncio
import json
from typing import Any

import asyncpg
import httpx
import pytest

from tests.config_api.jobs.test_jobs import Retriever
from tests.config_api.mail_in import Mail, a_mail, a_mailbox, multipart

ORIGINAL = b"From: anna@customer.test\r\nSubject: Broken\r\n\r\nHello"


@pytest.fixture
async def unread(admin: httpx.AsyncClient, worker: httpx.AsyncClient) -> int:
    """An activity with nothing but its sealed original."""
    mailbox = await a_mailbox(admin, worker)
    poison = a_mail(
        ORIGINAL, subtype="unparsed", unparsed_reason="a parser's bug", subject="", text=None, message_id=None
    )
    return await mailbox.activity_of(poison)


@pytest.fixture
def retriever(worker: httpx.AsyncClient) -> Retriever:
    return Retriever(worker)


def _reprocess(admin: httpx.AsyncClient, activity_id: int) -> asyncio.Task[httpx.Response]:
    return asyncio.create_task(admin.post(f"/activities/{activity_id}/reprocess"))


async def _tell(retriever: Retriever, job: dict[str, Any], mail: Mail) -> httpx.Response:
    batch = {"alias_id": 1, "epoch": 0, "mailbox_generation": 0, "messages": [mail.message(0)]}
    body, headers = multipart(json.dumps(batch).encode(), mail.contents)
    return await retriever.worker.put(f"/worker-jobs/{job['id']}/reprocessed", content=body, headers=headers)


async def test_a_mail_that_can_be_read_now_gets_its_content_and_keeps_its_id(
    admin: httpx.AsyncClient, retriever: Retriever, unread: int, sql: asyncpg.Connection
) -> None:
    before = (await admin.get(f"/activities/{unread}")).json()
    asked = _reprocess(admin, unread)
    job = await retriever.claim_one()
    assert (job["kind"], job["activity_id"]) == ("reprocess", unread)
    assert job["settings"]["maximum_body_size"] > 0
    original = await retriever.worker.get(f"/worker-jobs/{job['id']}/original")
    assert original.content == ORIGINAL
    read = a_mail(ORIGINAL, attachments=(b"a file",), subject="Broken no more", text="Hello")
    assert (await _tell(retriever, job, read)).status_code == 204
    assert (await asked).json() == {"activity_id": unread, "outcome": "reprocessed", "reason": None}
    after = (await admin.get(f"/activities/{unread}")).json()
    assert (after["subtype"], after["subject"], after["text"]) == ("email", "Broken no more", "Hello")
    assert after["queue_id"] != before["queue_id"], "it leaves the exception queue"
    assert [one["name"] for one in after["attachments"]] == ["file1.pdf"]
    content = await admin.get(f"/activities/{unread}/attachments/1/content")
    assert content.content == b"a file"
    assert (await admin.get(f"/activities/{unread}/original")).content == ORIGINAL
    assert await sql.fetchval("SELECT count(*) FROM activities WHERE direction = 'inbound'") == 1
    events = (await admin.get("/events")).json()["items"]
    assert [one["subject"] for one in events if one["type"] == "activity.reprocessed"] == [f"activity/{unread}"]


async def test_one_that_still_cannot_be_read_stays_as_it_is(
    admin: httpx.AsyncClient, retriever: Retriever, unread: int
) -> None:
    before = (await admin.get(f"/activities/{unread}")).json()
    asked = _reprocess(admin, unread)
    job = await retriever.claim_one()
    again = a_mail(
        ORIGINAL, subtype="unparsed", unparsed_reason="still a bug", subject="", text=None, message_id=None
    )
    assert (await _tell(retriever, job, again)).status_code == 204
    assert (await asked).json() == {"activity_id": unread, "outcome": "still_unparsed", "reason": "still a bug"}
    assert (await admin.get(f"/activities/{unread}")).json() == before


async def test_a_mail_that_was_read_is_not_read_again(admin: httpx.AsyncClient, worker: httpx.AsyncClient) -> None:
    mailbox = await a_mailbox(admin, worker)
    refused = await admin.post(f"/activities/{await mailbox.activity_of(a_mail())}/reprocess")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_unparsed")
    assert (await admin.post("/activities/999/reprocess")).status_code == 404


async def test_what_was_read_twice_is_stored_once(
    admin: httpx.AsyncClient, retriever: Retriever, unread: int
) -> None:
    asked = _reprocess(admin, unread)
    job = await retriever.claim_one()
    read = a_mail(ORIGINAL, subject="Broken no more")
    assert (await _tell(retriever, job, read)).status_code == 204
    assert (await _tell(retriever, job, read)).status_code == 409
    assert (await asked).json()["outcome"] == "reprocessed"
