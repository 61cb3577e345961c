"""Transfers between departments: the queue there, and whose address answers have."""

from typing import Any

import httpx
import pytest

from tests.config_api.builders import a_department, an_alias, fields_of
from tests.config_api.mail_in import Mailbox, a_mail, a_mailbox

SUBSTITUTE = {"from_on_transfer": "use_default_alias_of_destination_department"}


@pytest.fixture
async def mailbox(admin: httpx.AsyncClient, worker: httpx.AsyncClient) -> Mailbox:
    return await a_mailbox(admin, worker)


@pytest.fixture
async def mail(mailbox: Mailbox) -> int:
    return await mailbox.activity_of(a_mail())


async def _destination(admin: httpx.AsyncClient) -> tuple[int, dict[str, Any]]:
    """A department and its default alias."""
    department = await a_department(admin)
    return department, await an_alias(admin, department, default_alias=True)


async def _transfer(admin: httpx.AsyncClient, mail: int, department: int, **fields: Any) -> httpx.Response:
    return await admin.post(f"/activities/{mail}/transfer", json={"department_id": department, **fields})


async def _from(admin: httpx.AsyncClient, mail: int) -> str:
    return (await admin.post(f"/activities/{mail}/replies", json={"text": "Hello"})).json()["from"]


@pytest.mark.rule(66)
async def test_it_waits_in_the_destinations_default_queue_and_keeps_its_from(
    admin: httpx.AsyncClient, mailbox: Mailbox, mail: int
) -> None:
    department, _ = await _destination(admin)
    assert (await admin.post(f"/activities/{mail}/assign", json={"assigned_to": "ann"})).status_code == 200
    moved = (await _transfer(admin, mail, department, note="About an invoice")).json()
    queues = (await admin.get(f"/departments/{department}/queues")).json()["items"]
    assert (moved["department_id"], moved["queue_id"]) == (department, queues[0]["id"])
    assert (moved["assigned_to"], moved["status"]) == (None, "new")
    assert await _from(admin, mail) == mailbox.alias["email_address"]
    entries = (await admin.get("/audit-log", params={"action": "activity.transferred"})).json()["items"]
    assert {one["department_id"] for one in entries} == {department, mailbox.alias["department_id"]}
    assert entries[0]["changes"]["note"] == "About an invoice"


@pytest.mark.rule(65, 180)
async def test_the_destinations_default_alias_answers_where_the_setting_says_so(
    admin: httpx.AsyncClient, mail: int
) -> None:
    department, default = await _destination(admin)
    changed = await admin.patch(f"/departments/{department}/settings", json=SUBSTITUTE)
    assert changed.status_code == 200, changed.text
    moved = (await _transfer(admin, mail, department)).json()
    assert moved["alias_id"] == default["id"]
    assert await _from(admin, mail) == default["email_address"]


@pytest.mark.rule(65)
async def test_without_a_default_alias_there_it_is_refused_and_stays(admin: httpx.AsyncClient, mail: int) -> None:
    department = await a_department(admin)
    assert (await admin.patch("/settings", json=SUBSTITUTE)).status_code == 200
    before = (await admin.get(f"/activities/{mail}")).json()
    refused = await _transfer(admin, mail, department)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_default_alias")
    assert (await admin.get(f"/activities/{mail}")).json() == before


async def test_it_can_be_put_in_a_queue_of_the_destination_and_in_no_other(
    admin: httpx.AsyncClient, mailbox: Mailbox, mail: int
) -> None:
    department, _ = await _destination(admin)
    queue = (await admin.post(f"/departments/{department}/queues", json={"name": "Invoices"})).json()
    own = (await admin.get(f"/departments/{mailbox.alias['department_id']}/queues")).json()["items"][0]
    assert fields_of(await _transfer(admin, mail, department, queue_id=own["id"])) == ["queue_id"]
    assert fields_of(await _transfer(admin, mail, 999)) == ["department_id"]
    assert fields_of(await _transfer(admin, mail, mailbox.alias["department_id"])) == ["department_id"]
    assert (await _transfer(admin, mail, department, queue_id=queue["id"])).json()["queue_id"] == queue["id"]


async def test_what_goes_out_is_not_transferred(admin: httpx.AsyncClient, mail: int) -> None:
    department, _ = await _destination(admin)
    reply = (await admin.post(f"/activities/{mail}/replies", json={"text": "Hello"})).json()
    refused = await _transfer(admin, reply["id"], department)
    assert (refused.status_code, refused.json()["code"]) == (409, "outgoing")
    stale = await admin.post(
        f"/activities/{mail}/transfer", json={"department_id": department}, headers={"If-Match": '"99"'}
    )
    assert stale.status_code == 412
