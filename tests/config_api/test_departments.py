"""Departments: the groups that everything belongs to."""

import asyncpg
import httpx
import pytest

from tests.config_api.process import ConfigApi

HUGE = 2**63 - 1


async def test_a_department_is_created_read_renamed_and_deleted(admin: httpx.AsyncClient) -> None:
    made = await admin.post("/departments", json={"name": "Sales"})
    assert made.status_code == 201
    path = f"/departments/{made.json()['id']}"

    renamed = await admin.patch(path, json={"name": "Support", "description": "Second line"})
    assert (renamed.json()["name"], renamed.json()["description"]) == ("Support", "Second line")
    assert (await admin.get(path)).json() == renamed.json()

    assert (await admin.delete(path)).status_code == 204
    assert (await admin.get(path)).status_code == 404


async def test_two_departments_cannot_have_one_name(admin: httpx.AsyncClient) -> None:
    await admin.post("/departments", json={"name": "Sales"})
    again = await admin.post("/departments", json={"name": "Sales"})
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")


async def test_a_change_to_what_someone_else_changed_meanwhile_is_refused(admin: httpx.AsyncClient) -> None:
    made = await admin.post("/departments", json={"name": "Sales"})
    path, seen = f"/departments/{made.json()['id']}", made.headers["ETag"]
    await admin.patch(path, json={"description": "changed"}, headers={"If-Match": seen})
    late = await admin.patch(path, json={"name": "Mine"}, headers={"If-Match": seen})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")


async def test_departments_are_listed_page_by_page(admin: httpx.AsyncClient) -> None:
    for number in range(5):
        await admin.post("/departments", json={"name": f"D{number}"})
    names: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        body = (await admin.get("/departments", params=query)).json()
        names += [item["name"] for item in body["items"]]
        cursor = body["next_cursor"]
        if cursor is None:
            break
    assert names == ["D0", "D1", "D2", "D3", "D4"]


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "name"), ({"name": "a\x00b"}, "name"), ({"name": "x", "colour": "red"}, "colour"), ({"name": 7}, "name")],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_what_is_wrong_is_named(shared: ConfigApi, body: dict[str, object], field: str) -> None:
    refused = await shared.admin.post("/departments", json=body)
    assert refused.status_code == 422
    assert [one["field"] for one in refused.json()["errors"]] == [field]


async def test_callers_without_an_administrators_token_get_nothing(
    api: httpx.AsyncClient, worker: httpx.AsyncClient
) -> None:
    assert (await api.get("/departments")).status_code == 401
    assert (await worker.get("/departments")).status_code == 403


async def test_ids_of_any_size_are_answered(admin: httpx.AsyncClient) -> None:
    assert (await admin.get(f"/departments/{HUGE}")).status_code == 404
    assert (await admin.get(f"/departments/{HUGE + 1}")).status_code == 422


async def test_every_change_is_in_the_audit_log(admin: httpx.AsyncClient, sql: asyncpg.Connection) -> None:
    made = await admin.post("/departments", json={"name": "Sales"})
    await admin.patch(f"/departments/{made.json()['id']}", json={"name": "Support"})
    rows = await sql.fetch("SELECT action, principal FROM audit_log ORDER BY id")
    assert [tuple(row) for row in rows] == [("department.created", "bootstrap"), ("department.changed", "bootstrap")]
