"""A service whose leases are short, and instances with aliases."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from tests.config_api.builders import a_department, an_alias
from tests.config_api.process import Clock, ConfigApi, running

LEASE = 1.0
Fill = Callable[[int], Awaitable[list[int]]]


@pytest.fixture
async def short(database: str, clock: Clock) -> AsyncIterator[ConfigApi]:
    """A second process on the same database, with leases of one second."""
    async with running(database, clock, lease_seconds=LEASE) as service:
        yield service


@pytest.fixture
def fill(admin: httpx.AsyncClient) -> Fill:
    """So many new aliases in the default retriever instance."""

    async def filled(number: int) -> list[int]:
        department = await a_department(admin)
        made = [await an_alias(admin, department, retriever_instance="default") for _ in range(number)]
        return [alias["id"] for alias in made]

    return filled
