"""Lists of aliases: page by page, filtered by field."""

from typing import Any

import httpx
import pytest

from tests.config_api.builders import a_department, an_alias
from tests.config_api.process import ConfigApi


async def listed(admin: httpx.AsyncClient, department: int, **query: Any) -> list[str]:
    answer = await admin.get(f"/departments/{department}/aliases", params=query)
    assert answer.status_code == 200, answer.text
    return [alias["name"] for alias in answer.json()["items"]]


async def test_filters_find_aliases_by_field(admin: httpx.AsyncClient) -> None:
    department = await a_department(admin)
    await an_alias(admin, department, name="default", default_alias=True, email_address="One@shop.test")
    await an_alias(admin, department, name="asleep", status="inactive", retriever_instance="default")
    await an_alias(admin, name="elsewhere")
    assert await listed(admin, department) == ["default", "asleep"]
    assert await listed(admin, department, status="inactive") == ["asleep"]
    assert await listed(admin, department, default_alias=True) == ["default"]
    assert await listed(admin, department, default_alias=False) == ["asleep"]
    assert await listed(admin, department, email_address="ONE@shop.test") == ["default"]


async def test_a_list_is_read_page_by_page(admin: httpx.AsyncClient) -> None:
    department = await a_department(admin)
    made = [(await an_alias(admin, department))["id"] for _ in range(3)]
    path = f"/departments/{department}/aliases"
    first = (await admin.get(path, params={"limit": 2})).json()
    second = (await admin.get(path, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [alias["id"] for alias in (*first["items"], *second["items"])] == made
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    [{"status": "asleep"}, {"email_address": "a\x00b"}, {"limit": 0}, {"limit": 501}, {"cursor": "nonsense"},
     {"default_alias": "perhaps"}],
)  # fmt: skip
@pytest.mark.asyncio(loop_scope="session")
async def test_a_filter_that_makes_no_sense_is_refused(shared: ConfigApi, query: dict[str, Any]) -> None:
    admin = shared.admin
    department = await a_department(admin)
    refused = await admin.get(f"/departments/{department}/aliases", params=query)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == f"query.{next(iter(query))}"


async def test_ids_of_any_size_are_answered(admin: httpx.AsyncClient) -> None:
    assert (await admin.get(f"/aliases/{2**63 - 1}")).status_code == 404
    assert (await admin.get(f"/aliases/{2**63}")).status_code == 422
    assert (await admin.get("/departments/4711/aliases")).status_code == 404
