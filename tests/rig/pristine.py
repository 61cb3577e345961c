"""A database that tests use one after another: what it held at first is brought back in between.

A copy of a template costs a quarter of a second, most of it the files of a catalogue that no test changes; this costs
a few milliseconds.
"""

import io

import asyncpg

# Emptied by TRUNCATE from this size on, which gives the pages back; below it DELETE is quicker.
_LARGE = 1 << 20


class Pristine:
    """The rows and sequences of the database at `url`. The schema is not looked after: leave it as it is."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._rows: dict[str, bytes] = {}
        self._sequences = ""
        self._used = ""

    async def remember(self) -> None:
        connection = await asyncpg.connect(self.url, ssl=False)
        try:
            tables = [row[0] for row in await connection.fetch(_TABLES)]
            self._used = " UNION ALL ".join(
                f"SELECT '{table}', pg_relation_size('\"{table}\"') WHERE EXISTS (SELECT FROM \"{table}\")"
                for table in tables
            )
            for table, _size in await connection.fetch(self._used):
                kept = io.BytesIO()
                await connection.copy_from_table(table, output=kept, format="binary")
                self._rows[table] = kept.getvalue()
            self._sequences = "; ".join(row[0] for row in await connection.fetch(_SEQUENCES))
        finally:
            await connection.close()

    async def restore(self) -> None:
        """Whoever is still connected is sent away."""
        connection = await asyncpg.connect(self.url, ssl=False)
        try:
            await connection.execute(_SEND_AWAY)
            async with connection.transaction():
                # no foreign key and no trigger, such as the one that keeps the audit log
                await connection.execute("SET LOCAL session_replication_role = replica")
                await self._empty(connection)
                await connection.execute(self._sequences)
                for table, rows in self._rows.items():
                    await connection.copy_to_table(table, source=io.BytesIO(rows), format="binary")
        finally:
            await connection.close()

    async def _empty(self, connection: asyncpg.Connection) -> None:
        used = await connection.fetch(self._used)
        emptying = [f'DELETE FROM "{table}"' for table, size in used if size < _LARGE]
        large = ", ".join(f'"{table}"' for table, size in used if size >= _LARGE)
        if large:
            emptying.insert(0, f"TRUNCATE {large} CASCADE")
        await connection.execute("; ".join(emptying))


_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_SEQUENCES = """
    SELECT format('SELECT setval(%L, %s, %L)', quote_ident(sequencename), coalesce(last_value, start_value),
                  last_value IS NOT NULL)
    FROM pg_sequences WHERE schemaname = 'public'
"""
# And waited for: one that is just committing would do so behind our back.
_SEND_AWAY = """
    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
