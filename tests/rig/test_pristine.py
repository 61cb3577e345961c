import asyncpg

from tests.rig.postgres import Postgres
from tests.rig.pristine import Pristine

_TABLES = """
    CREATE TABLE owners (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
    CREATE TABLE pets (owner_id int NOT NULL REFERENCES owners, name text);
    INSERT INTO owners (name) VALUES ('Ada')
"""
_USE = """
    UPDATE owners SET name = 'Bea';
    INSERT INTO owners (name) VALUES ('Cleo');
    INSERT INTO pets SELECT 2, repeat('x', 100) FROM generate_series(1, {rows})
"""


async def test_a_database_is_brought_back_to_what_it_held(postgres: Postgres) -> None:
    url = postgres.create_database("pristine")
    postgres.execute(_TABLES, database="pristine")
    kept = Pristine(url)
    await kept.remember()
    for rows in (1, 20_000):
        left_open = await asyncpg.connect(url, ssl=False)
        await left_open.execute(_USE.format(rows=rows))
        await kept.restore()
        assert left_open.is_closed() or await _is_gone(left_open)
        connection = await asyncpg.connect(url, ssl=False)
        assert [tuple(row) for row in await connection.fetch("SELECT * FROM owners")] == [(1, "Ada")]
        assert await connection.fetchval("SELECT count(*) FROM pets") == 0
        assert await connection.fetchval("INSERT INTO owners (name) VALUES ('Dora') RETURNING id") == 2
        await connection.close()
    postgres.drop_database("pristine")


async def _is_gone(connection: asyncpg.Connection) -> bool:
    try:
        await connection.fetchval("SELECT 1")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return True
    return False
