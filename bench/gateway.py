"""The gateway under test: the three services as processes with their default settings, on a durable Postgres."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from bench.patience import Run, wait_until_over
from tests.e2e.suite import Json, Service, Suite
from tests.rig.loop_thread import LoopThread
from tests.rig.postgres import Postgres


class Database:
    """Asks Postgres what is committed, on one connection of its own."""

    def __init__(self, url: str) -> None:
        self._loop = LoopThread("bench-database")
        self._connection: asyncpg.Connection = self._loop.run(asyncpg.connect(url, ssl=False, timeout=10))

    def value(self, query: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the query asks for
        return self._loop.run(self._connection.fetchval(query, *arguments), seconds=60)

    def close(self) -> None:
        self._loop.run(self._connection.close())
        self._loop.close()


@dataclass(frozen=True, slots=True)
class Gateway:
    """`department` is the one that everything of the benchmark belongs to."""

    suite: Suite
    database: Database
    department: int

    def worker(self, kind: str) -> Service:
        return self.suite.worker(kind, f"{kind}-bench")

    def alias(self, address: str, incoming: Json, outgoing: Json | None = None, **fields: object) -> int:
        body = {
            "name": address,
            "email_address": address,
            "incoming": incoming,
            "outgoing": outgoing or {"server_name": "127.0.0.1"},
            **fields,
        }
        return int(self.suite.post(f"/departments/{self.department}/aliases", body)["id"])

    def retire(self, alias: int) -> None:
        """Nobody polls it any more while the next one is measured."""
        self.suite.patch(f"/aliases/{alias}", {"status": "inactive"})

    def wait_until_over(self, over: Callable[[], bool], left: Callable[[], int], *, step: float) -> None:
        """Raise with the services' logs as soon as it is clear that the end will not come."""
        try:
            wait_until_over(Run(over, left, self.suite.ended, step))
        except (RuntimeError, TimeoutError) as trouble:
            raise type(trouble)(f"{trouble}\n{self.logs()}") from None

    def logs(self) -> str:
        """The end of each service's log, for the message of what went wrong."""
        logs = sorted(self.suite.folder.path.glob("*.log"))
        return "\n".join(f"--- {log.stem}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)

    def postgres_version(self) -> str:
        return str(self.database.value("SHOW server_version"))

    def durability(self) -> dict[str, str]:
        return {name: str(self.database.value(f"SHOW {name}")) for name in ("fsync", "synchronous_commit")}


@contextmanager
def gateway() -> Generator[Gateway]:
    """Config API on a new database; workers are started by who measures them."""
    with Postgres(durable=True) as postgres:
        url = postgres.create_database("bench")
        with Suite(url) as suite:
            database = Database(url)
            try:
                yield Gateway(suite, database, suite.department("Benchmark"))
            finally:
                database.close()
