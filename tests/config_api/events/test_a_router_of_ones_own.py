"""What assigns activities to agents needs the feed and one call: the journey that README.md tells."""

import httpx
import pytest

from tests.config_api.mail_in import a_mail, a_mailbox


async def _news(admin: httpx.AsyncClient, after: str | None) -> tuple[list[tuple[str, str]], str]:
    """What happened to activities since, and where to go on."""
    params = {} if after is None else {"after": after}
    answer = await admin.get("/events", params={"limit": 500, **params})
    assert answer.status_code == 200, answer.text
    page = answer.json()
    told = [(one["type"], one["subject"]) for one in page["items"] if one["type"].startswith("activity.")]
    return told, page["next_after"]


@pytest.mark.rule(43, 44)
async def test_new_mail_is_heard_of_assigned_once_and_what_the_agent_does_comes_back(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient
) -> None:
    mailbox = await a_mailbox(admin, worker)
    _, position = await _news(admin, None)
    subject = f"activity/{await mailbox.activity_of(a_mail())}"
    told, position = await _news(admin, position)
    assert told == [("activity.created", subject)]

    path = f"/activities/{subject.removeprefix('activity/')}"
    seen = {"If-Match": (await admin.get(path)).headers["ETag"]}
    assigned = await admin.post(f"{path}/assign", json={"assigned_to": "anna"}, headers=seen)
    assert (assigned.status_code, assigned.json()["status"]) == (200, "assigned")
    # A second router, or the same one that read the event again.
    assert (await admin.post(f"{path}/assign", json={"assigned_to": "ben"}, headers=seen)).status_code == 412

    await admin.patch(path, json={"status": "completed"})
    told, position = await _news(admin, position)
    assert told == [("activity.assigned", subject), ("activity.changed", subject)]
    assert (await _news(admin, position))[0] == []


@pytest.mark.rule(20)
async def test_a_reply_needs_no_more_than_the_alias_its_department_came_with_the_queue(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient
) -> None:
    """Simpler than the guide: a default queue is there from the beginning, a workflow and users may follow."""
    mailbox = await a_mailbox(admin, worker)
    activity_id = await mailbox.activity_of(a_mail())
    queues = (await admin.get(f"/departments/{mailbox.alias['department_id']}/queues")).json()["items"]
    default = next(queue["id"] for queue in queues if queue["is_default"])
    assert (await admin.get(f"/activities/{activity_id}")).json()["queue_id"] == default
    replied = await admin.post(f"/activities/{activity_id}/replies", json={"text": "It arrives tomorrow."})
    assert replied.status_code in (200, 201, 202), replied.text


@pytest.mark.rule(29)
async def test_no_sender_is_turned_away_and_no_setting_does_so(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient
) -> None:
    """That is the mail server's work: whatever it let in is brought in."""
    mailbox = await a_mailbox(admin, worker)
    for sender in ("offers@spam.example", "x@[192.0.2.1]", "nobody"):
        activity_id = await mailbox.activity_of(a_mail(from_=sender))
        assert (await admin.get(f"/activities/{activity_id}")).json()["from"] == sender
    settings = (await admin.get("/settings")).json()
    assert [name for name in settings if "sender" in name or "spam" in name] == []
