"""How many connections may be made at the same time: over all, and to one server."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

TOTAL = 50
PER_SERVER = 10


class Logins:
    def __init__(self, total: int = TOTAL, per_server: int = PER_SERVER) -> None:
        self._total = asyncio.Semaphore(total)
        self._servers: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(per_server))

    @asynccontextmanager
    async def turn(self, server: str) -> AsyncGenerator[None]:
        """Who waits for a slow server waits for that one alone: its own turn comes first."""
        async with self._servers[server.lower()], self._total:
            yield
