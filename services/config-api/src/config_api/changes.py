"""Wakes those who wait for a change: Postgres NOTIFY, one listening connection for each process.

A waiter holds no database connection. A notification that gets lost costs one period of patience, never a change:
whoever wakes, for whatever reason, looks in the database.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

import asyncpg
import structlog
from sqlalchemy import func
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from ece_common.retry import sleep_unless, waits

CHANNEL = "ece_changes"
OUTBOUND = "outbound"
"""The topic of the dispatchers' long polls: there may be something to send."""
log = structlog.get_logger()


async def announce(session: AsyncSession, topic: str) -> None:
    """Wake the waiters of `topic`, in every process, when this transaction commits."""
    await session.exec(select(func.pg_notify(CHANNEL, topic)))


def _setter(lost: asyncio.Event) -> Callable[[object], None]:
    def lose(_connection: object) -> None:
        lost.set()

    return lose


class Changes:
    """Topics and their waiters. `close` (at SIGTERM) ends every wait at once."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._waiters: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._closed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def start(self) -> None:
        """Also again, after `stop`."""
        self._closed = asyncio.Event()
        self._task = asyncio.create_task(self._listen(), name="changes")

    def close(self) -> None:
        self._closed.set()
        self._wake_all()

    async def stop(self) -> None:
        self.close()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def wait(self, topic: str, seconds: float) -> bool:
        """True when something about the topic may have changed before the time was up."""
        if self.closed:
            return False
        awake = asyncio.Event()
        self._waiters[topic].add(awake)
        try:
            async with asyncio.timeout(seconds):
                await awake.wait()
        except TimeoutError:
            return False
        finally:
            self._forget(topic, awake)
        return not self.closed

    def subscribe(self, topic: str) -> tuple[asyncio.Event, Callable[[], None]]:
        """An event that the next notification sets, and the call that ends it. Subscribe first, then look."""
        awake = asyncio.Event()
        if self.closed:
            awake.set()
        self._waiters[topic].add(awake)
        return awake, lambda: self._forget(topic, awake)

    def _forget(self, topic: str, awake: asyncio.Event) -> None:
        self._waiters[topic].discard(awake)
        if not self._waiters[topic]:
            del self._waiters[topic]

    def _wake(self, topic: str) -> None:
        for awake in self._waiters.get(topic, ()):
            awake.set()

    def _notified(self, _connection: object, _pid: int, _channel: str, topic: object) -> None:
        self._wake(str(topic))

    def _wake_all(self) -> None:
        for topic in list(self._waiters):
            self._wake(topic)

    async def _listen(self) -> None:
        pauses = waits(first=0.5, maximum=10.0)
        while not self.closed:
            try:
                await self._listen_once()
                pauses = waits(first=0.5, maximum=10.0)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as problem:
                log.warning("changes.listener_lost", problem=type(problem).__name__)
            await sleep_unless(self._closed, next(pauses))

    async def _listen_once(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=10)
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(_setter(lost))
            await connection.add_listener(CHANNEL, self._notified)
            # What was announced while nobody listened is found by looking again.
            self._wake_all()
            await lost.wait()
        finally:
            await connection.close(timeout=5)
