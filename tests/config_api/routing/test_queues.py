"""Queues: two come with a department and stay, others come and go."""

import httpx
import pytest

from tests.config_api.builders import a_department, fields_of

HUGE = 2**63 - 1


@pytest.fixture
async def path(admin: httpx.AsyncClient) -> str:
    return f"/departments/{await a_department(admin)}/queues"


async def test_a_department_starts_with_a_default_and_an_exception_queue_that_stay(
    admin: httpx.AsyncClient, path: str
) -> None:
    default, exception = (await admin.get(path)).json()["items"]
    assert (default["name"], default["is_default"], default["is_exception"]) == ("Default", True, False)
    assert (exception["name"], exception["is_default"], exception["is_exception"]) == ("Exception", False, True)
    for queue in (default, exception):
        refused = await admin.delete(f"/queues/{queue['id']}")
        assert (refused.status_code, refused.json()["code"]) == (409, "queue_needed")
    department = path.split("/")[2]
    assert (await admin.delete(f"/departments/{department}")).status_code == 204
    assert (await admin.get(f"/queues/{default['id']}")).status_code == 404


async def test_a_queue_is_made_renamed_and_deleted(admin: httpx.AsyncClient, path: str) -> None:
    made = await admin.post(path, json={"name": "Returns", "description": "Goods come back."})
    assert made.status_code == 201
    queue = f"/queues/{made.json()['id']}"
    renamed = await admin.patch(queue, json={"name": "Refunds"}, headers={"If-Match": made.headers["ETag"]})
    assert renamed.json()["name"] == "Refunds"
    assert renamed.json()["description"] == "Goods come back."
    stale = await admin.patch(queue, json={"name": "X"}, headers={"If-Match": made.headers["ETag"]})
    assert stale.status_code == 412
    assert (await admin.patch(queue, json={"description": None})).json()["description"] == ""
    assert [one["name"] for one in (await admin.get(path)).json()["items"]] == ["Default", "Exception", "Refunds"]
    assert (await admin.delete(queue)).status_code == 204
    assert (await admin.get(queue)).status_code == 404


async def test_names_are_unique_in_a_department_only(admin: httpx.AsyncClient, path: str) -> None:
    taken = await admin.post(path, json={"name": "Default"})
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    made = (await admin.post(path, json={"name": "Other"})).json()["id"]
    assert (await admin.patch(f"/queues/{made}", json={"name": "Default"})).status_code == 409
    assert (await admin.patch(f"/queues/{made}", json={"name": "Other"})).status_code == 200
    second = await a_department(admin)
    assert (await admin.post(f"/departments/{second}/queues", json={"name": "Other"})).status_code == 201


async def test_bad_input_is_refused_by_name(admin: httpx.AsyncClient, path: str) -> None:
    for body, field in (
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "a\r\nb"}, "name"),
        ({"name": "a", "description": "\x00"}, "description"),
        ({"name": "a", "is_default": True}, "is_default"),
    ):
        assert fields_of(await admin.post(path, json=body)) == [field]
    made = (await admin.post(path, json={"name": "a"})).json()["id"]
    assert fields_of(await admin.patch(f"/queues/{made}", json={"name": None})) == ["name"]
    assert (await admin.post(f"/departments/{HUGE}/queues", json={"name": "a"})).status_code == 404
    assert (await admin.get(f"/departments/{HUGE}/queues")).status_code == 404
    assert fields_of(await admin.get(f"/queues/{2**63}")) == ["path.queue_id"]
