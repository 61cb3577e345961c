"""What every test may ask for."""

import asyncio

import hypothesis
import pytest

from config_api import migrating
from tests.rig.postgres import Postgres

pytest_plugins = ["tests.rig.fixtures"]

# The same examples in every run: a suite that fails by chance teaches people to run it again.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> str:
    """The name of a database with the newest schema and nothing else in it, to be a template."""
    name = "migrated"
    url = postgres.create_database(name).replace("postgresql://", "postgresql+asyncpg://")
    asyncio.run(migrating.migrate(url))
    return name
