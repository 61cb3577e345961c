"""Two dispatchers report troubles of the same aliases at the same moment, each in its own order."""

import asyncio

import asyncpg

from config_api.bulk import Bulk
from config_api.outbound import troubles
from tests.config_api.builders import an_alias
from tests.config_api.process import Clock, ConfigApi


async def _reported(database: str, clock: Clock, begins: int, ends: int) -> None:
    connection = await asyncpg.connect(database)
    try:
        for _ in range(30):
            async with connection.transaction():
                await troubles.tell(Bulk(connection), {begins: ("throttled", None)}, {ends}, clock())
    finally:
        await connection.close()


async def test_two_batches_that_begin_and_end_each_others_troubles_do_not_wait_for_each_other(
    config_api: ConfigApi, database: str, sql: asyncpg.Connection, clock: Clock
) -> None:
    one, two = [(await an_alias(config_api.admin))["id"] for _ in range(2)]
    await asyncio.gather(_reported(database, clock, one, two), _reported(database, clock, two, one))
    told = await sql.fetch("SELECT type FROM events WHERE type LIKE 'alias.outbound%' ORDER BY id")
    assert told[0]["type"] == "alias.outbound_trouble"
    assert await sql.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0
