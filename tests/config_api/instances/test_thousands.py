"""Five thousand aliases in one instance."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import httpx
from sqlalchemy import Engine, event

from tests.config_api.builders import an_alias
from tests.config_api.replicas import Replica

THOUSANDS = 5000
_COPIES = """
    INSERT INTO aliases ({columns}, name, email_address, email_key)
    SELECT {columns}, 'copy ' || n, 'copy' || n || '@shop.test', 'copy' || n || '@shop.test'
      FROM aliases, generate_series(2, $1) AS n
"""


async def many_aliases(admin: httpx.AsyncClient, sql: asyncpg.Connection) -> None:
    await an_alias(admin)
    names = await sql.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'aliases' "
        "AND column_name NOT IN ('id', 'name', 'email_address', 'email_key')"
    )
    await sql.execute(_COPIES.format(columns=", ".join(f'"{row[0]}"' for row in names)), THOUSANDS)
    alias_ids = [row[0] for row in await sql.fetch("SELECT id FROM aliases")]
    filled = await admin.patch("/retriever-instances/1", json={"alias_ids": alias_ids})
    assert len(filled.json()["alias_ids"]) == THOUSANDS


async def test_they_are_handed_out_shared_and_assigned_in_a_few_statements(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient, sql: asyncpg.Connection
) -> None:
    await many_aliases(admin, sql)
    one, two = Replica(worker, "one"), Replica(worker, "two")
    await one.beat()
    assert len(one.aliases) == THOUSANDS
    with statements() as beat:
        await one.beat()
    with statements() as assignment:
        assert len(await one.assigned()) == THOUSANDS
    await two.beat()
    await one.beat()
    await asyncio.gather(one.beat(), two.beat())
    await two.beat()
    assert len(one.aliases) == len(two.aliases) == THOUSANDS // 2
    assert 0 < len(beat) < 40
    assert 0 < len(assignment) < 40


@contextmanager
def statements() -> Iterator[list[str]]:
    """What the Config API says to its database meanwhile."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", note)
