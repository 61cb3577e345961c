"""Old events leave the feed from its beginning; readers and notifications miss nothing unawares."""

import asyncio
import json

import asyncpg
import httpx
import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import migrating
from config_api.events import feed, retention
from config_api.events.feed import Cursor
from config_api.events.retention import Purger
from config_api.notifications import telling
from tests.config_api.builders import a_department, fields_of
from tests.config_api.process import ConfigApi, settings_for
from tests.config_api.waiting import until

_DATED = "INSERT INTO events (type, subject, data, at) VALUES ($1, 'test/1', '{}', now() - make_interval(days => $2))"
_TOLD_ALL = """
    INSERT INTO notified (id, xid, event_id) VALUES (1, feed_horizon(), 0)
    ON CONFLICT (id) DO UPDATE SET xid = feed_horizon(), event_id = 0
"""


@pytest.fixture
def purger(config_api: ConfigApi) -> Purger:
    return Purger(config_api.app.state.sessions, telling.told_up_to, at_once=3)


def _purger(config_api: ConfigApi, told: Cursor | None) -> Purger:
    """Where notifications stand still."""

    async def told_up_to(_session: AsyncSession) -> Cursor | None:
        return told

    return Purger(config_api.app.state.sessions, told_up_to, at_once=3)


async def _written(sql: asyncpg.Connection, *events: tuple[str, int]) -> None:
    """Each in a transaction of its own, so many days old; told already where it needed to be."""
    for kind, days in events:
        await sql.execute(_DATED, kind, days)

    async def settled() -> bool:
        await sql.execute(_TOLD_ALL)
        return bool(await sql.fetchval("SELECT max(xid) < (SELECT xid FROM notified) FROM events"))

    await until(settled)


async def _page(admin: httpx.AsyncClient, after: str | None = None, limit: int = 100) -> tuple[list[str], str]:
    answer = await admin.get("/events", params={"limit": limit} | ({"after": after} if after is not None else {}))
    assert answer.status_code == 200, answer.text
    return [one["type"] for one in answer.json()["items"]], answer.json()["next_after"]


async def test_what_is_older_than_the_setting_goes_and_the_rest_stays(
    admin: httpx.AsyncClient, sql: asyncpg.Connection, purger: Purger
) -> None:
    await _written(sql, *((f"old.{n}", 400) for n in range(8)), ("young", 364))
    assert await purger.purge() == 8, "in several batches"
    assert await purger.purge() == 0
    assert (await _page(admin))[0] == ["young"]
    assert (await admin.patch("/settings", json={"events_kept_days": 30})).status_code == 200
    assert await purger.purge() == 1
    assert (await _page(admin))[0] == ["settings.changed"]


@pytest.mark.usefixtures("config_api")
async def test_the_service_purges_by_itself() -> None:
    assert "event retention" in {task.get_name() for task in asyncio.all_tasks()}


async def test_the_setting_has_a_range_and_a_default(admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/settings")).json()["events_kept_days"] == 365
    for days in (6, 3651):
        refused = await admin.patch("/settings", json={"events_kept_days": days})
        assert fields_of(refused) == ["events_kept_days"]


async def test_a_position_before_the_oldest_event_is_answered_with_what_to_do(
    admin: httpx.AsyncClient, sql: asyncpg.Connection, purger: Purger
) -> None:
    await _written(sql, ("old.0", 400), ("old.1", 400), ("old.2", 400), ("young", 1))
    _, before = await _page(admin, limit=2)
    _, at_the_end = await _page(admin, limit=3)
    assert await purger.purge() == 3
    gone = await admin.get("/events", params={"after": before})
    assert (gone.status_code, gone.json()["code"]) == (410, "position_expired")
    assert gone.headers["content-type"] == "application/problem+json"
    assert "begin without `after`" in gone.json()["detail"]
    assert "by the lists" in gone.json()["detail"]
    assert (await admin.get("/events", params={"after": "0.0"})).status_code == 410
    # Who had read all that is gone has missed nothing.
    assert (await _page(admin, at_the_end))[0] == ["young"]
    assert (await _page(admin))[0] == ["young"]


async def test_who_begins_in_an_emptied_feed_can_go_on(
    admin: httpx.AsyncClient, sql: asyncpg.Connection, purger: Purger
) -> None:
    await _written(sql, ("old", 400))
    assert await purger.purge() == 1
    nothing, position = await _page(admin)
    assert nothing == []
    await _written(sql, ("new", 0))
    assert (await _page(admin, position))[0] == ["new"]


async def test_a_limited_reader_is_told_the_same(
    config_api: ConfigApi, sql: asyncpg.Connection, purger: Purger
) -> None:
    department = await a_department(config_api.admin)
    fields = {"name": "one", "kind": "administrator", "department_ids": [department]}
    made = await config_api.admin.post("/tokens", json=fields)
    assert made.status_code == 201, made.text
    limited = config_api.client(made.json()["token"])
    _, position = await _page(limited)
    await _written(sql, ("old", 400))
    await sql.execute("UPDATE events SET at = now() - interval '400 days'")
    assert await purger.purge() >= 2
    assert (await limited.get("/events", params={"after": position})).status_code == 410
    nothing, position = await _page(limited)
    assert nothing == []
    assert (await _page(limited, position))[0] == []


async def test_what_notifications_have_not_told_yet_stays(config_api: ConfigApi, sql: asyncpg.Connection) -> None:
    await _written(sql, ("old.told", 400), ("old.untold", 400))
    told = await sql.fetchrow("SELECT xid, id FROM events WHERE type = 'old.told'")
    assert told is not None
    for position, gone in ((None, 0), ((told["xid"], told["id"]), 1)):
        assert await _purger(config_api, position).purge() == gone, "nothing before the first turn of notifications"
    assert (await _page(config_api.admin))[0] == ["old.untold"]


async def test_what_lies_behind_a_running_transaction_stays(
    config_api: ConfigApi, sql: asyncpg.Connection, database: str
) -> None:
    slow = await asyncpg.connect(database)
    await slow.execute("BEGIN")
    await slow.execute(_DATED, "old.slow", 400)
    await sql.execute(_DATED, "old.fast", 400)
    assert await _purger(config_api, (2**62, 0)).purge() == 0
    await slow.execute("COMMIT")
    await slow.close()
    assert (await _page(config_api.admin))[0] == ["old.slow", "old.fast"]


async def test_a_younger_event_holds_up_what_comes_after_it(
    admin: httpx.AsyncClient, sql: asyncpg.Connection, purger: Purger
) -> None:
    await _written(sql, ("old", 400), ("young", 1), ("dated.long.ago", 400))
    assert await purger.purge() == 1
    assert (await _page(admin))[0] == ["young", "dated.long.ago"]


async def test_several_processes_purge_one_at_a_time_and_a_reader_meanwhile_skips_nothing(
    config_api: ConfigApi, sql: asyncpg.Connection
) -> None:
    state, admin = config_api.app.state, config_api.admin
    await _written(sql, *((f"old.{n}", 400) for n in range(40)), ("young", 0))
    purgers = [Purger(state.sessions, telling.told_up_to, at_once=2) for _ in range(3)]

    async def read_through() -> list[str]:
        """From the beginning; whatever is handed out is without a gap, until the feed says that there is one."""
        seen, position = await _page(admin, limit=3)
        while seen[-1] != "young":
            answer = await admin.get("/events", params={"limit": 3, "after": position})
            if answer.status_code == 410:
                return seen
            seen += [one["type"] for one in answer.json()["items"]]
            position = answer.json()["next_after"]
        return seen

    gone, seen = await asyncio.gather(asyncio.gather(*(one.purge() for one in purgers)), read_through())
    everything = [*(f"old.{n}" for n in range(40)), "young"]
    begin = everything.index(seen[0])
    assert seen == everything[begin : begin + len(seen)]
    assert sum(gone) + await purgers[0].purge() == 40
    assert (await _page(admin))[0] == ["young"]


async def test_a_failed_purge_leaves_position_and_events_as_they_were(
    config_api: ConfigApi, admin: httpx.AsyncClient, sql: asyncpg.Connection, purger: Purger
) -> None:
    await _written(sql, ("old", 400))
    async with config_api.app.state.sessions() as session, session.begin():
        before = await feed.purged(session)
    lock = sql.transaction()
    await lock.start()
    await sql.execute("SELECT FROM events_purged FOR UPDATE")
    assert await purger.purge() == 0, "somebody else has it in hand"
    await lock.rollback()
    async with config_api.app.state.sessions() as session, session.begin():
        assert await feed.purged(session) == before
    assert (await _page(admin))[0] == ["old"]


async def test_a_restored_dump_of_a_purged_feed_goes_on_after_what_was_purged(
    config_api: ConfigApi, admin: httpx.AsyncClient, sql: asyncpg.Connection, database: str, purger: Purger
) -> None:
    """Positions are moved ahead as far as a younger cluster would lie behind; no event is left to tell how far."""
    await _written(sql, ("old", 400))
    assert await purger.purge() == 1
    await sql.execute("UPDATE events_purged SET xid = xid + 1000000000")
    await sql.execute("UPDATE notified SET xid = xid + 2000000000")
    _, position = await _page(admin)
    async with config_api.app.state.sessions() as session, session.begin():
        told = await telling.told_up_to(session)
    assert told is not None
    await migrating.migrate(settings_for(database).async_url)
    await sql.execute(_DATED, "new", 0)

    async def seen() -> bool:
        return (await _page(admin, position))[0] == ["new"]

    await until(seen)
    assert await sql.fetchval("SELECT (xid, id) > ($1, $2) FROM events", *told), "notifications would pass it over"


async def test_the_purge_and_the_feed_read_little_of_a_large_table(
    admin: httpx.AsyncClient, sql: asyncpg.Connection, purger: Purger
) -> None:
    await sql.execute(
        "INSERT INTO events (type, subject, data, at, xid) SELECT 'many', 'test/' || g, '{}',"
        " now() - make_interval(mins => 60000 - g), g FROM generate_series(1, 60000) g"
    )
    await sql.execute("UPDATE events SET at = now() - interval '400 days' WHERE xid <= 20")
    await sql.execute("UPDATE feed_offset SET value = value + 60000")
    await _written(sql, ("last", 0))
    await sql.execute("ANALYZE events")
    assert await _touched(sql, retention.OLDEST, 0, 0, 365, 2**62, 0, 1000) < 100
    assert await _touched(sql, retention.DELETE, list(range(1, 20))) < 150
    assert await purger.purge() == 20
    assert await _touched(sql, feed.VISIBLE, 20, 20, 100) < 100
    assert (await _page(admin, limit=1))[0] == ["many"]


async def _touched(sql: asyncpg.Connection, statement: str, *values: object) -> int:
    """Pages that the statement reads, from memory or not; the table has more than a thousand."""
    trial = sql.transaction()
    await trial.start()
    told = await sql.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *values)
    await trial.rollback()
    (plan,) = json.loads(str(told))
    return plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
