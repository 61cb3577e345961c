"""A Config API in this process, on a database of its own, with a clock that the test moves."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from config_api.main import create_app
from config_api.settings import Settings

ADMINISTRATOR = "administrator-token-of-the-tests"
WORKER = "worker-token-of-the-tests"
MASTER_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@dataclass
class Clock:
    """What `app.state.clock` asks. Leases do not: theirs is Postgres's time."""

    moment: datetime = field(default_factory=lambda: datetime(2030, 1, 1, 12, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **by: float) -> None:
        self.moment += timedelta(**by)


@dataclass
class ConfigApi:
    """A running service and clients that call it as nobody, as an administrator and as a worker."""

    app: FastAPI
    api: httpx.AsyncClient
    admin: httpx.AsyncClient
    worker: httpx.AsyncClient

    def client(self, token: str | None) -> httpx.AsyncClient:
        return _client(self.app, token)


def _client(app: FastAPI, token: str | None) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://config-api/v1", headers=headers, timeout=30)


def settings_for(database_url: str, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "database_url": SecretStr(database_url),
        "master_keys": [SecretStr(MASTER_KEY)],
        "bootstrap_token": SecretStr(ADMINISTRATOR),
        "worker_token": SecretStr(WORKER),
        "database_connections": 10,
        **changes,
    }
    return Settings(**values)


# Building the routes takes ten times as long as the usual test: a service that has stopped is started again.
_stopped: dict[tuple[str, str], list[FastAPI]] = {}


@asynccontextmanager
async def running(database_url: str, clock: Clock, **changes: Any) -> AsyncGenerator[ConfigApi]:
    """`changes` are fields of `Settings`. Several may run on one database, as several pods would."""
    settings = settings_for(database_url, **changes)
    idle = _stopped.setdefault((database_url, repr(sorted(changes.items()))), [])
    app = idle.pop() if idle else create_app(settings, clock=clock)
    app.state.clock = clock
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        clients = [await stack.enter_async_context(_client(app, token)) for token in (None, ADMINISTRATOR, WORKER)]
        yield ConfigApi(app, *clients)
    idle.append(app)
