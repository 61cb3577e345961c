"""Activities are listed, read, assigned and moved; their files are handed out safely."""

import asyncpg
import httpx
import pytest

from tests.config_api.builders import a_department, fields_of
from tests.config_api.mail_in import Mailbox, a_mail
from tests.config_api.process import Clock

HUGE = 2**63 - 1


async def _listed(admin: httpx.AsyncClient, **filters: str | int) -> list[int]:
    answer = await admin.get("/activities", params=filters)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


async def test_lists_are_narrowed_by_every_filter_and_paged_both_ways(
    admin: httpx.AsyncClient, mailbox: Mailbox, clock: Clock
) -> None:
    first = await mailbox.activity_of(a_mail(from_="Anna@Customer.test", subtype="auto_reply"))
    clock.advance(hours=1)
    second, third = [one["activity_id"] for one in await mailbox.hand_in(a_mail(from_="ben@customer.test"), a_mail())]
    department = mailbox.alias["department_id"]
    queue = (await admin.get(f"/activities/{first}")).json()["queue_id"]
    await admin.patch(f"/activities/{third}", json={"status": "completed"})
    every = [first, second, third]
    assert await _listed(admin) == every
    assert await _listed(admin, department_id=department, alias_id=mailbox.id, queue_id=queue) == every
    assert await _listed(admin, department_id=HUGE) == []
    assert await _listed(admin, subtype="auto_reply") == [first]
    assert await _listed(admin, **{"from": "anna@customer.TEST"}) == [first, third]
    assert await _listed(admin, status="new", direction="inbound") == [first, second]
    assert await _listed(admin, direction="outbound") == []
    assert await _listed(admin, since="2030-01-01T12:30:00Z") == [second, third]
    assert await _listed(admin, since="2030-01-01T12:30:00") == [second, third]
    assert await _listed(admin, order="newest") == every[::-1]
    for order, expected in (("oldest", every), ("newest", every[::-1])):
        page = (await admin.get("/activities", params={"limit": 2, "order": order})).json()
        rest = (
            await admin.get("/activities", params={"limit": 2, "order": order, "cursor": page["next_cursor"]})
        ).json()
        assert [one["id"] for one in page["items"] + rest["items"]] == expected
        assert rest["next_cursor"] is None
    assert "text" not in (await admin.get("/activities")).json()["items"][0]


async def test_filters_that_make_no_sense_are_refused_by_name(admin: httpx.AsyncClient) -> None:
    for name, value in (
        ("alias_id", 0),
        ("alias_id", 2**63),
        ("status", "gone"),
        ("from", "\x00"),
        ("since", "0001-01-01T00:00:00+23:00"),
        ("cursor", "x"),
        ("limit", 0),
    ):
        assert fields_of(await admin.get("/activities", params={name: value})) == [f"query.{name}"]
    assert (await admin.get(f"/activities/{HUGE}")).status_code == 404


async def test_status_and_queue_change_with_etag_event_and_audit(admin: httpx.AsyncClient, mailbox: Mailbox) -> None:
    id_ = await mailbox.activity_of(a_mail())
    department = mailbox.alias["department_id"]
    queue = (await admin.post(f"/departments/{department}/queues", json={"name": "Returns"})).json()["id"]
    etag = (await admin.get(f"/activities/{id_}")).headers["ETag"]
    change = {"status": "in_progress", "queue_id": queue}
    changed = await admin.patch(f"/activities/{id_}", json=change, headers={"If-Match": etag})
    assert (changed.json()["status"], changed.json()["queue_id"]) == ("in_progress", queue)
    stale = await admin.patch(f"/activities/{id_}", json={"status": "new"}, headers={"If-Match": etag})
    assert stale.status_code == 412
    assert (await admin.delete(f"/queues/{queue}")).json()["references"][0]["id"] == id_
    events = [one for one in (await admin.get("/events")).json()["items"] if one["type"] == "activity.changed"]
    assert events[0]["data"] == {"activity_id": id_, **change}
    assert (await admin.get("/audit-log", params={"subject": f"activity/{id_}"})).json()["items"] != []


async def test_a_queue_of_another_department_and_cleared_fields_are_refused(
    admin: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    id_ = await mailbox.activity_of(a_mail())
    other = (await admin.get(f"/departments/{await a_department(admin)}/queues")).json()["items"][0]["id"]
    for change in ({"queue_id": other}, {"queue_id": HUGE}, {"queue_id": None}, {"queue_id": 2**63}):
        assert fields_of(await admin.patch(f"/activities/{id_}", json=change)) == ["queue_id"]
    assert fields_of(await admin.patch(f"/activities/{id_}", json={"status": None})) == ["status"]
    assert fields_of(await admin.patch(f"/activities/{id_}", json={"subject": "x"})) == ["subject"]


@pytest.mark.rule(246)
async def test_assigning_takes_a_mail_from_its_queue_and_giving_back_makes_it_new(
    admin: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    id_ = await mailbox.activity_of(a_mail())

    async def assign(name: str | None) -> tuple[str, str | None]:
        answer = await admin.post(f"/activities/{id_}/assign", json={"assigned_to": name})
        return answer.json()["status"], answer.json()["assigned_to"]

    assert await assign("anna") == ("assigned", "anna")
    assert await assign(None) == ("new", None)
    await admin.patch(f"/activities/{id_}", json={"status": "in_progress"})
    assert await assign("ben") == ("in_progress", "ben")
    for wrong in ("a\r\nb", "", " "):
        answer = await admin.post(f"/activities/{id_}/assign", json={"assigned_to": wrong})
        assert fields_of(answer) == ["assigned_to"], wrong
    assert (await admin.post(f"/activities/{HUGE}/assign", json={"assigned_to": "a"})).status_code == 404


async def test_a_strangers_file_is_handed_out_to_be_saved_and_nothing_else(
    admin: httpx.AsyncClient, mailbox: Mailbox, sql: asyncpg.Connection
) -> None:
    mail = a_mail(b"original", attachments=(b"<script>alert(1)</script>",))
    id_ = await mailbox.activity_of(mail)
    await sql.execute(
        "UPDATE attachments SET name = $1, content_type = 'text/html; evil' WHERE activity_id = $2",
        'a/../b";\r\nX-Evil: 1 \u00fc.html', id_,
    )  # fmt: skip
    answer = await admin.get(f"/activities/{id_}/attachments/1/content")
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename=\"b____X-Evil_ 1 _.html\"; filename*=UTF-8''b%22%3B%0D%0A")
    assert "X-Evil" not in answer.headers
    original = await admin.get(f"/activities/{id_}/original")
    assert original.headers["Content-Type"] == "message/rfc822"
    for n in (2, 2**31 - 1):
        assert (await admin.get(f"/activities/{id_}/attachments/{n}/content")).status_code == 404
    await sql.execute("UPDATE attachments SET state = 'quarantined'")
    held = await admin.get(f"/activities/{id_}/attachments/1/content")
    assert (held.status_code, held.json()["code"]) == (409, "attachment_quarantined")
    await sql.execute("UPDATE attachments SET state = 'deleted', content = NULL")
    assert (await admin.get(f"/activities/{id_}/attachments/1/content")).status_code == 404


async def test_an_original_that_was_not_handed_in_is_404_with_the_reason(
    admin: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    id_ = await mailbox.activity_of(a_mail(b"secret", original=None))
    answer = await admin.get(f"/activities/{id_}/original")
    assert answer.status_code == 404
    assert "masking" in answer.json()["detail"]
