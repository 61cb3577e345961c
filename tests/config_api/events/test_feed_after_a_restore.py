"""A dump restored into a younger cluster: the feed goes on where it ended, and skips nothing."""

import asyncpg
import httpx

from config_api import migrating
from tests.config_api.builders import a_department
from tests.config_api.process import settings_for

YOUNGER = 10**9
"""By so many transactions: the events' positions are moved ahead as far as a younger cluster lies behind."""


async def _types(admin: httpx.AsyncClient, cursor: str | None = None) -> tuple[list[str], str]:
    answer = await admin.get("/events", params={"after": cursor} if cursor else {})
    assert answer.status_code == 200, answer.text
    return [one["type"] for one in answer.json()["items"]], answer.json()["next_after"]


async def test_events_after_a_restore_follow_those_before_it(
    admin: httpx.AsyncClient, sql: asyncpg.Connection, database: str
) -> None:
    await a_department(admin, "Before")
    await sql.execute("UPDATE events SET xid = xid + $1", YOUNGER)
    assert await _types(admin) == ([], "0.0"), "hidden as if their transactions still ran"

    await migrating.migrate(settings_for(database).async_url)
    before, cursor = await _types(admin)
    assert "department.created" in before
    await a_department(admin, "After")
    after, _ = await _types(admin, cursor)
    assert after == ["department.created"]
    # Somebody had read on in the old cluster after the dump was taken.
    read_on = f"{int(cursor.split('.')[0]) + 10**6}.0"
    assert (await _types(admin, read_on))[0] == ["department.created"]


async def test_without_a_restore_nothing_is_moved(
    admin: httpx.AsyncClient, sql: asyncpg.Connection, database: str
) -> None:
    await a_department(admin)
    slow = await asyncpg.connect(database)
    await slow.execute("BEGIN")
    await slow.execute("INSERT INTO events (type, subject, data) VALUES ('slow', 'test/1', '{}')")
    await a_department(admin)
    for _ in range(2):
        await migrating.migrate(settings_for(database).async_url)
    assert await sql.fetchval("SELECT value FROM feed_offset") == 0
    await slow.execute("COMMIT")
    await slow.close()
