"""The default alias of a department: one, active, and not deleted."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.config_api.builders import a_department, alias_body, an_alias


async def defaults(admin: httpx.AsyncClient, department: int) -> list[int]:
    found = await admin.get(f"/departments/{department}/aliases", params={"default_alias": True})
    return [alias["id"] for alias in found.json()["items"]]


async def patched(admin: httpx.AsyncClient, alias: dict[str, Any], **changes: Any) -> httpx.Response:
    return await admin.patch(f"/aliases/{alias['id']}", json=changes)


@pytest.mark.rule(63, 64, 68)
async def test_the_flag_moves_to_the_newest_default(admin: httpx.AsyncClient) -> None:
    department = await a_department(admin)
    first = await an_alias(admin, department, default_alias=True)
    second = await an_alias(admin, department)
    assert await defaults(admin, department) == [first["id"]]
    assert (await patched(admin, second, default_alias=True)).json()["default_alias"] is True
    assert await defaults(admin, department) == [second["id"]]
    third = await an_alias(admin, department, default_alias=True)
    assert await defaults(admin, department) == [third["id"]]


@pytest.mark.rule(68)
async def test_each_department_has_its_own(admin: httpx.AsyncClient) -> None:
    first = await an_alias(admin, default_alias=True)
    second = await an_alias(admin, default_alias=True)
    for alias in (first, second):
        assert await defaults(admin, alias["department_id"]) == [alias["id"]]


@pytest.mark.rule(68)
async def test_two_who_take_the_flag_at_once_leave_one_default(admin: httpx.AsyncClient) -> None:
    department = await a_department(admin)
    aliases = [await an_alias(admin, department) for _ in range(4)]
    answers = await asyncio.gather(*(patched(admin, alias, default_alias=True) for alias in aliases))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await defaults(admin, department)) == 1


@pytest.mark.rule(67)
async def test_the_default_alias_cannot_be_inactive_by_an_administrators_hand(admin: httpx.AsyncClient) -> None:
    department = await a_department(admin)
    default = await an_alias(admin, department, default_alias=True)
    inactive = await an_alias(admin, department, status="inactive")
    path = f"/departments/{department}/aliases"
    for refused in (
        await patched(admin, default, status="inactive"),
        await patched(admin, inactive, default_alias=True),
        await admin.post(path, json=alias_body(default_alias=True, status="inactive")),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "default_alias")
        assert [one["type"] for one in refused.json()["references"]] == ["department"]
    assert await defaults(admin, department) == [default["id"]]
    both = await patched(admin, inactive, default_alias=True, status="active")
    assert both.status_code == 200
    assert (await patched(admin, default, status="inactive")).status_code == 200


async def test_the_flag_can_be_given_up(admin: httpx.AsyncClient) -> None:
    alias = await an_alias(admin, default_alias=True)
    assert (await patched(admin, alias, default_alias=False)).json()["default_alias"] is False
    assert await defaults(admin, alias["department_id"]) == []
    assert (await patched(admin, alias, status="inactive")).status_code == 200
