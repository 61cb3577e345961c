"""How many octets of mail a replica has in memory at a time, however many mailboxes bring in mail at once."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable

TOTAL_OCTETS = 128 * 1024 * 1024
"""Of originals: with what is decoded from them, three to four times as much."""
PER_SERVER_OCTETS = TOTAL_OCTETS // 2
"""A server that delivers slowly holds room for long: the mailboxes of the others must not wait for it."""


class Hold:
    """Room that was taken, until it is freed; freeing it again does nothing."""

    def __init__(self, free: Callable[[], None]) -> None:
        self._free: Callable[[], None] | None = free

    def free(self) -> None:
        give, self._free = self._free, None
        if give is not None:
            give()


class Room:
    def __init__(self, total: int = TOTAL_OCTETS, per_server: int = PER_SERVER_OCTETS) -> None:
        self._total = _Stock(total)
        self._servers: defaultdict[str, _Stock] = defaultdict(lambda: _Stock(per_server))

    async def take(self, server: str, octets: int) -> Hold:
        """In order of asking; what is larger than all the room gets all of it."""
        own = self._servers[server.lower()]
        share = await own.take(octets)
        try:
            whole = await self._total.take(octets)
        except BaseException:
            own.give(share)
            raise

        def give() -> None:
            own.give(share)
            self._total.give(whole)

        return Hold(give)


class _Stock:
    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, octets: int) -> int:
        """How much was taken: never more than there ever is."""
        octets = min(octets, self._size)
        if not self._waiting and octets <= self._left:
            self._left -= octets
            return octets
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((octets, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(octets)
            else:
                turn.cancel()
                self._admit()
            raise
        return octets

    def give(self, octets: int) -> None:
        self._left += octets
        self._admit()

    def _admit(self) -> None:
        while self._waiting:
            octets, turn = self._waiting[0]
            if not turn.done():
                if octets > self._left:
                    return
                self._left -= octets
                turn.set_result(None)
            self._waiting.popleft()
