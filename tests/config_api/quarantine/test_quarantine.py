"""Blocked attachments: listed with their activity, restored or deleted once, never shown."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from tests.config_api.mail_in import Mailbox, a_mail, a_mailbox

WHY = {"extension": "exe", "path": "a.zip > invoice.pdf.exe", "reason": "its name ends so"}


@pytest.fixture
async def mailbox(admin: httpx.AsyncClient, worker: httpx.AsyncClient) -> Mailbox:
    return await a_mailbox(admin, worker)


def _attachment(**changes: Any) -> dict[str, Any]:
    described = {"name": "a.zip", "content_type": "application/zip", "content": {"offset": 0, "size": 4}}
    return {**described, "state": "quarantined", "blocked": WHY, **changes}


async def _activity(mailbox: Mailbox, **changes: Any) -> int:
    """With one attachment in quarantine, of the content `evil`."""
    described = _attachment(**changes)
    mail = a_mail(b"evil")
    mail.changes.update(original=None, attachments=[described])
    return await mailbox.activity_of(mail)


async def _list(admin: httpx.AsyncClient, mailbox: Mailbox) -> list[dict[str, Any]]:
    path = f"/departments/{mailbox.alias['department_id']}/blocked-attachments"
    answer = await admin.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def _blocked(admin: httpx.AsyncClient, mailbox: Mailbox) -> tuple[int, str]:
    activity_id = await _activity(mailbox)
    (one,) = await _list(admin, mailbox)
    return activity_id, f"/blocked-attachments/{one['id']}"


@pytest.mark.rule(229, 231)
async def test_the_list_says_whose_it_is_and_why_it_was_blocked(admin: httpx.AsyncClient, mailbox: Mailbox) -> None:
    activity_id = await _activity(mailbox)
    (one,) = await _list(admin, mailbox)
    assert {name: one[name] for name in ("activity_id", "n", "name", "size", "direction")} == {
        "activity_id": activity_id, "n": 1, "name": "a.zip", "size": 4, "direction": "inbound",
    }  # fmt: skip
    assert {name: one[name] for name in WHY} == WHY
    assert (await admin.get(f"/blocked-attachments/{one['id']}")).json() == one
    shown = (await admin.get(f"/activities/{activity_id}")).json()
    assert [file["state"] for file in shown["attachments"]] == ["quarantined"]
    hidden = await admin.get(f"/activities/{activity_id}/attachments/1/content")
    assert (hidden.status_code, hidden.json()["code"]) == (409, "attachment_quarantined")


async def test_its_content_is_saved_never_shown_and_each_look_is_audited(
    admin: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    _, path = await _blocked(admin, mailbox)
    content = await admin.get(f"{path}/content")
    assert content.content == b"evil"
    assert content.headers["Content-Disposition"].startswith("attachment;")
    assert content.headers["Content-Type"] == "application/octet-stream"
    assert content.headers["X-Content-Type-Options"] == "nosniff"
    (entry,) = (await admin.get("/audit-log", params={"action": "blocked_attachment.read"})).json()["items"]
    assert entry["changes"]["name"] == "a.zip"


@pytest.mark.rule(232, 236)
async def test_a_restored_one_is_available_on_its_activity_and_off_the_list(
    admin: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    activity_id, path = await _blocked(admin, mailbox)
    restored = await admin.post(f"{path}/restore")
    assert restored.status_code == 200, restored.text
    assert [file["state"] for file in restored.json()["attachments"]] == ["available"]
    assert (await admin.get(f"/activities/{activity_id}/attachments/1/content")).content == b"evil"
    assert await _list(admin, mailbox) == []
    assert (await admin.get(path)).status_code == 404
    for again in (await admin.post(f"{path}/restore"), await admin.delete(path)):
        assert (again.status_code, again.json()["code"]) == (409, "already_restored")


@pytest.mark.rule(231, 232)
async def test_a_transferred_activity_takes_it_along(admin: httpx.AsyncClient, mailbox: Mailbox) -> None:
    activity_id, path = await _blocked(admin, mailbox)
    made = await admin.post("/departments", json={"name": "Returns"})
    returns = made.json()["id"]
    moved = await admin.post(f"/activities/{activity_id}/transfer", json={"department_id": returns})
    assert moved.status_code == 200, moved.text
    assert await _list(admin, mailbox) == []
    (one,) = (await admin.get(f"/departments/{returns}/blocked-attachments")).json()["items"]
    assert one["department_id"] == returns
    assert (await admin.post(f"{path}/restore")).status_code == 200


async def test_of_two_who_resolve_it_at_once_one_succeeds(admin: httpx.AsyncClient, mailbox: Mailbox) -> None:
    _, path = await _blocked(admin, mailbox)
    both = await asyncio.gather(admin.post(f"{path}/restore"), admin.delete(path), admin.post(f"{path}/restore"))
    assert sorted(one.status_code for one in both)[1:] == [409, 409]


async def test_it_is_deleted_under_a_precondition(admin: httpx.AsyncClient, mailbox: Mailbox) -> None:
    _, path = await _blocked(admin, mailbox)
    seen = (await admin.get(path)).headers["ETag"]
    assert (await admin.delete(path, headers={"If-Match": '"other"'})).status_code == 412
    assert (await admin.delete(path, headers={"If-Match": seen})).status_code == 204


@pytest.mark.rule(234, 237)
async def test_a_deleted_one_is_gone_for_good(
    admin: httpx.AsyncClient, mailbox: Mailbox, sql: asyncpg.Connection
) -> None:
    activity_id, path = await _blocked(admin, mailbox)
    assert (await admin.delete(path)).status_code == 204
    assert await _list(admin, mailbox) == []
    assert await sql.fetchval("SELECT count(*) FROM attachments WHERE content IS NOT NULL") == 0
    assert (await admin.get(f"{path}/content")).status_code == 404
    assert (await admin.get(f"/activities/{activity_id}/attachments/1/content")).status_code == 404
    for again in (await admin.post(f"{path}/restore"), await admin.delete(path)):
        assert (again.status_code, again.json()["code"]) == (409, "already_deleted")
    actions = [one["action"] for one in (await admin.get("/audit-log")).json()["items"]]
    assert actions.count("blocked_attachment.deleted") == 1


@pytest.mark.rule(230)
async def test_under_the_action_delete_nothing_is_kept_or_listed(admin: httpx.AsyncClient, mailbox: Mailbox) -> None:
    activity_id = await _activity(mailbox, state="deleted", size=4, content={"offset": 0, "size": 0})
    assert await _list(admin, mailbox) == []
    shown = (await admin.get(f"/activities/{activity_id}")).json()
    assert [(file["state"], file["size"]) for file in shown["attachments"]] == [("deleted", 4)]


async def test_what_never_was_is_not_found(admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/blocked-attachments/999")).status_code == 404
    assert (await admin.post("/blocked-attachments/999/restore")).status_code == 404
    assert (await admin.get("/departments/999/blocked-attachments")).status_code == 404
