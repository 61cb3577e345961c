"""The feed skips nothing, whatever commits when; the audit log can be searched."""

import asyncpg
import httpx

from tests.config_api.builders import a_department, fields_of

_INSERT = "INSERT INTO events (type, subject, data) VALUES ($1, 'test/1', '{}')"


async def _after(admin: httpx.AsyncClient, cursor: str | None = None, limit: int = 100) -> tuple[list[str], str]:
    params = {"limit": limit} | ({"after": cursor} if cursor else {})
    answer = await admin.get("/events", params=params)
    assert answer.status_code == 200, answer.text
    return [one["type"] for one in answer.json()["items"]], answer.json()["next_after"]


async def test_an_event_of_a_transaction_that_ends_late_is_not_skipped(
    admin: httpx.AsyncClient, sql: asyncpg.Connection, database: str
) -> None:
    slow = await asyncpg.connect(database)
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute(_INSERT, "slow.first_id")
    await sql.execute(_INSERT, "fast.second_id")

    seen, cursor = await _after(admin)
    assert seen == []
    await transaction.commit()
    await slow.close()
    assert (await _after(admin, cursor))[0] == ["slow.first_id", "fast.second_id"]


async def test_the_feed_is_read_page_by_page_to_its_end_and_on(
    admin: httpx.AsyncClient, sql: asyncpg.Connection
) -> None:
    async with sql.transaction():
        for number in range(5):
            await sql.execute(_INSERT, f"one.{number}")
    await sql.execute(_INSERT, "two.0")
    seen: list[str] = []
    cursor = None
    for _ in range(4):
        page, cursor = await _after(admin, cursor, limit=2)
        seen += page
    assert seen == ["one.0", "one.1", "one.2", "one.3", "one.4", "two.0"]
    assert await _after(admin, cursor) == ([], cursor)
    await sql.execute(_INSERT, "three.0")
    assert (await _after(admin, cursor))[0] == ["three.0"]


async def test_a_cursor_that_is_none_is_refused_by_name(admin: httpx.AsyncClient) -> None:
    for cursor in ("x", "1", "1.2.3", "-1.0", f"{2**63}.0", "\u0661.1", "1.\x00"):
        assert fields_of(await admin.get("/events", params={"after": cursor})) == ["query.after"]
    assert await _after(admin, f"{2**63 - 1}.{2**63 - 1}") == ([], f"{2**63 - 1}.{2**63 - 1}")


async def test_the_audit_log_is_searched_by_who_what_and_whereof(admin: httpx.AsyncClient) -> None:
    first, second = await a_department(admin, "One"), await a_department(admin, "Two")
    await admin.patch(f"/departments/{first}", json={"description": "x"})

    async def found(**filters: str | int) -> list[tuple[str, str]]:
        answer = await admin.get("/audit-log", params=filters)
        assert answer.status_code == 200, answer.text
        return [(one["action"], one["subject"]) for one in answer.json()["items"]]

    made = ("department.created", f"department/{first}")
    changed = ("department.changed", f"department/{first}")
    other = ("department.created", f"department/{second}")
    assert await found() == [made, other, changed]
    assert await found(order="newest", limit=2) == [changed, other]
    assert await found(subject=f"department/{first}") == [made, changed]
    assert await found(action="department.created", principal="bootstrap") == [made, other]
    assert await found(department_id=first) == [made, changed]
    assert await found(since="2999-01-01T00:00:00Z") == []
    assert await found(principal="nobody") == []
    assert fields_of(await admin.get("/audit-log", params={"action": "\x00"})) == ["query.action"]
