"""How much mail all aliases of a process may have in memory: in all, and of one server."""

import asyncio
from collections import defaultdict, deque

MIB = 1024 * 1024
TOTAL = 128 * MIB
"""Octets of originals. With what is decoded from them, three to four times as much."""
PER_SERVER = TOTAL // 2


class Room:
    """Octets, handed out in the order of asking. More than there is at all is asked for as all of it."""

    def __init__(self, octets: int) -> None:
        self._octets = octets
        self._taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def taken(self) -> int:
        return self._taken

    async def take(self, octets: int) -> int:
        """What to give back."""
        octets = min(octets, self._octets)
        if not self._waiting and self._taken + octets <= self._octets:
            self._taken += octets
            return octets
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((octets, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(octets)
            else:
                self._waiting.remove((octets, turn))
                self._admit()
            raise
        return octets

    def give(self, octets: int) -> None:
        self._taken -= octets
        self._admit()

    def _admit(self) -> None:
        while self._waiting and (self._waiting[0][1].done() or self._taken + self._waiting[0][0] <= self._octets):
            octets, turn = self._waiting.popleft()
            if not turn.done():
                self._taken += octets
                turn.set_result(None)


class Rooms:
    """Who waits for a slow server waits for that one alone: its own room comes first."""

    def __init__(self, total: int = TOTAL, per_server: int = PER_SERVER) -> None:
        self._total = Room(total)
        self._servers: defaultdict[str, Room] = defaultdict(lambda: Room(per_server))

    @property
    def taken(self) -> int:
        return self._total.taken

    async def hold(self, server: str, octets: int) -> "Held":
        own = self._servers[server.lower()]
        of_server = await own.take(octets)
        try:
            of_all = await self._total.take(octets)
        except BaseException:
            own.give(of_server)
            raise
        return Held([(own, of_server), (self._total, of_all)])


class Held:
    """Room for one batch, until it is released, however often that is said."""

    def __init__(self, parts: list[tuple[Room, int]]) -> None:
        self._parts = parts

    def release(self) -> None:
        parts, self._parts = self._parts, []
        for room, octets in parts:
            room.give(octets)
