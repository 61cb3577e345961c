"""How many connections a route has at once, and which of them is used next."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from dispatcher.transport.connection import Connection
from dispatcher.transport.port import Conversation

# A server that is asked for fewer connections is tried with one more after this many letters.
_LETTERS_TO_WIDEN = 50
# A connection used this recently is taken at its word; an older one is asked first.
_TRUSTED_SECONDS = 2.0


class Opens(Protocol):
    async def open(self) -> Connection: ...

    def outdated(self, connection: Connection) -> bool: ...


class Pool:
    """`enter` and `leave` bound the conversations; in between `take`, `open` and `give` move connections."""

    def __init__(self, opener: Opens, letters_per_connection: int, idle_seconds: float) -> None:
        self._opener = opener
        self._letters_per_connection = letters_per_connection
        self._idle_seconds = idle_seconds
        self._idle: list[tuple[Connection, asyncio.TimerHandle]] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._preparing: asyncio.Task[None] | None = None
        self._narrowed: int | None = None
        self._streak = 0
        self._closed = False
        self.busy = 0
        self.maximum: Callable[[], int] = lambda: 8

    @property
    def limit(self) -> int:
        return min(self.maximum(), self._narrowed or self.maximum())

    @property
    def idle(self) -> int:
        return len(self._idle)

    @property
    def empty(self) -> bool:
        return not (self._idle or self.busy or self._waiting or self._preparing or self._narrowed)

    async def prepare(self) -> None:
        """Returns when the server is known to answer: a connection is open. Raises Ended. Callers share one try."""
        if self.busy or any(connection.alive for connection, _ in self._idle):
            return
        if self._preparing is None:
            self._preparing = asyncio.create_task(self._open_one())
            self._preparing.add_done_callback(self._prepared)
        await asyncio.shield(self._preparing)

    async def enter(self) -> None:
        if self.busy < self.limit and not self._waiting:
            self.busy += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            else:
                self._waiting.remove(turn)
            raise

    def leave(self) -> None:
        self.busy -= 1
        while self._waiting and self.busy < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.busy += 1
                turn.set_result(None)

    async def take(self) -> tuple[Connection, bool]:
        """A connection and whether it was a kept one. The latest used first, so that spare ones can go idle."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection, closing = self._idle.pop()
            closing.cancel()
            if not connection.alive:
                continue
            if self._opener.outdated(connection):
                connection.close()
                continue
            trusted = now - connection.idle_since < _TRUSTED_SECONDS and not connection.needs_reset
            if trusted or await connection.clean():
                return connection, True
            connection.abort()
        return await self._opener.open(), False

    async def open(self) -> Connection:
        return await self._opener.open()

    def give(self, connection: Connection) -> None:
        if not connection.alive:
            return
        if self._closed or connection.letters >= self._letters_per_connection or self.busy > self.limit:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.append((connection, loop.call_later(self._idle_seconds, self._retire, connection)))

    def learn(self, conversation: Conversation) -> None:
        """Half as many when the server says that these are too many (421, 432), one more after a good while."""
        reply = conversation.reply
        if reply is not None and reply.code in (421, 432):
            self._narrowed = max(1, min(self.busy + 1, self.limit) // 2)
            self._streak = 0
        elif conversation.accepted and self._narrowed is not None:
            self._streak += 1
            if self._streak >= _LETTERS_TO_WIDEN:
                self._streak = 0
                self._narrowed = self._narrowed + 1 if self._narrowed + 1 < self.maximum() else None

    def close(self) -> None:
        """No connection is kept from now on."""
        self._closed = True
        for connection, closing in self._idle:
            closing.cancel()
            connection.close()
        self._idle.clear()

    async def _open_one(self) -> None:
        self.give(await self._opener.open())

    def _prepared(self, task: asyncio.Task[None]) -> None:
        self._preparing = None
        if not task.cancelled():
            # Every waiter has it; a failure nobody waits for any more is no unhandled one.
            task.exception()

    def _retire(self, connection: Connection) -> None:
        self._idle = [(kept, closing) for kept, closing in self._idle if kept is not connection]
        connection.close()
