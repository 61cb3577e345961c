"""A database as good as new for each test; `api`, `admin`, `worker` call the service on it.

`admin.post("/departments", json=...)`: the clients' base is /v1. `config_api.app.state` holds sessions, vault, hooks.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import httpx
import pytest
import pytest_asyncio

from tests.config_api.process import Clock, ConfigApi, running
from tests.rig.postgres import Postgres
from tests.rig.pristine import Pristine


def _copied(postgres: Postgres, name: str, template: str) -> str:
    # a third of the time of the default strategy, for a database as small as this
    postgres.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    return postgres.url(name)


@pytest.fixture(scope="session")
def _kept(postgres: Postgres, migrated: str) -> Pristine:
    kept = Pristine(_copied(postgres, "config_api", migrated))
    asyncio.run(kept.remember())
    return kept


@pytest.fixture
def database(_kept: Pristine) -> Iterator[str]:
    """The URL of a database of the test's own: always the same, and always as it was after its migration."""
    yield _kept.url
    asyncio.run(_kept.restore())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def config_api(database: str, clock: Clock) -> AsyncIterator[ConfigApi]:
    async with running(database, clock) as service:
        yield service


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(postgres: Postgres, migrated: str) -> AsyncIterator[ConfigApi]:
    """One service for all tests marked `@pytest.mark.asyncio(loop_scope="session")`: those that store nothing, such
    as tables of refusals, or that mind nobody else's rows.
    """
    async with running(_copied(postgres, "config_api_shared", migrated), Clock()) as service:
        yield service


@pytest.fixture
def api(config_api: ConfigApi) -> httpx.AsyncClient:
    """Without a token."""
    return config_api.api


@pytest.fixture
def admin(config_api: ConfigApi) -> httpx.AsyncClient:
    return config_api.admin


@pytest.fixture
def worker(config_api: ConfigApi) -> httpx.AsyncClient:
    return config_api.worker


@pytest.fixture
async def sql(database: str) -> AsyncIterator[asyncpg.Connection]:
    """The database as an intruder would read it."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()
