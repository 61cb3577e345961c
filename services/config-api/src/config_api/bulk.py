"""Many rows at once, by asyncpg's own calls, inside the transaction of the request's session."""

from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession


class Bulk:
    """COPY and set-based statements: ORM rows cost about ten times as much."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def copy(self, table: str, columns: Sequence[str], records: Sequence[tuple[Any, ...]]) -> None:
        if records:
            await self._connection.copy_records_to_table(table, columns=columns, records=records)

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        return await self._connection.fetch(statement, *arguments)

    async def execute(self, statement: str, *arguments: object) -> None:
        await self._connection.execute(statement, *arguments)

    async def events(self, records: Sequence[tuple[str, str, int | None, str]]) -> None:
        """Tell the feed: (type, subject, department, data as JSON) each. See `journal.event`."""
        await self.copy("events", ("type", "subject", "department_id", "data"), records)


async def of(session: AsyncSession) -> Bulk:
    await session.flush()
    raw = await (await session.connection()).get_raw_connection()
    connection = raw.driver_connection
    assert isinstance(connection, asyncpg.Connection)
    if not connection.is_in_transaction():
        # SQLAlchemy begins with its first statement; ours must not stand outside.
        await session.exec(text("SELECT 1"))  # pyright: ignore[reportCallIssue, reportArgumentType]
    return Bulk(connection)
