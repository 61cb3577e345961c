"""Lists and intake read a page of what they need, not the whole table, however many activities there are."""

import json
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy.dialects import postgresql

from config_api.activities import repository
from config_api.activities.repository import Filter
from tests.config_api.builders import a_department

_MANY = 60_000
_PAGES = 150
"""A page of a list touches some dozens; the table has thousands."""
_STORED = """
    INSERT INTO activities (department_id, direction, subtype, status, from_address, subject)
    SELECT $1, 'inbound', 'email', CASE WHEN g > $2 - 20 THEN 'new' ELSE 'completed' END,
           CASE WHEN g % 2 = 0 THEN 'Robot@shop.test' ELSE 'c' || g || '@x.test' END, repeat('subject ', 10)
    FROM generate_series(1, $2::int) g
"""


async def _touched(sql: asyncpg.Connection, statement: str) -> int:
    """Pages that the statement reads, from memory or not."""
    told = await sql.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
    (plan,) = json.loads(str(told))
    return plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]


@pytest.fixture
async def department(admin: httpx.AsyncClient, sql: asyncpg.Connection) -> int:
    """With tens of thousands of activities, the last few of them open."""
    department = await a_department(admin)
    await sql.execute(_STORED, department, _MANY)
    await sql.execute("ANALYZE activities")
    return department


async def test_every_filter_of_the_list_reads_little(
    admin: httpx.AsyncClient, sql: asyncpg.Connection, department: int
) -> None:
    filters: list[dict[str, Any]] = [
        {"department_id": department, "status": "new"},
        {"status": "in_progress"},
        {"department_id": department, "subtype": "unparsed"},
        {"subtype": "email_permanent_undeliverable"},
        {"department_id": department, "assigned_to": "anna"},
        {"from_": "robot@SHOP.test"},
        {"department_id": department, "from_": "nobody@shop.test"},
        {"department_id": department},
        {},
    ]
    for wanted in filters:
        for newest_first in (False, True):
            query = repository.listed(Filter(**wanted), 0, 101, newest_first=newest_first)
            compiled = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
            assert await _touched(sql, str(compiled)) < _PAGES, (wanted, newest_first)
    found = await admin.get("/activities", params={"from": "ROBOT@shop.test", "limit": 3})
    assert [one["from"] for one in found.json()["items"]] == ["Robot@shop.test"] * 3
    open_ones = await admin.get("/activities", params={"department_id": department, "status": "new"})
    assert len(open_ones.json()["items"]) == 20


async def test_the_next_mail_of_a_sender_of_very_many_costs_what_its_first_did(
    sql: asyncpg.Connection, department: int
) -> None:
    stored = (
        "INSERT INTO activities (department_id, direction, subtype, status, from_address, subject)"
        f" VALUES ({department}, 'inbound', 'email', 'new', '{{}}', 's')"
    )
    first = await _touched(sql, stored.format("first@x.test"))
    assert await _touched(sql, stored.format("robot@shop.test")) < first + 8


async def test_an_address_of_any_length_is_stored_and_found(
    admin: httpx.AsyncClient, sql: asyncpg.Connection, department: int
) -> None:
    long = "x" * 900 + "@shop.test"
    for end in ("a", "b"):
        await sql.execute(
            "INSERT INTO activities (department_id, direction, subtype, status, from_address, subject)"
            " VALUES ($1, 'inbound', 'email', 'new', $2, 's')",
            department,
            long + end,
        )
    found = await admin.get("/activities", params={"from": long.upper() + "B"})
    assert [one["from"] for one in found.json()["items"]] == [long + "b"]
