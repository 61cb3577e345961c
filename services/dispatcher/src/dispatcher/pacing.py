"""How fast each route goes: who may start, who waits, and how long a troubled server is left alone."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil

from dispatcher.transport.port import most_connections, without_token
from dispatcher.verdict import Slow
from ece_common import retry
from ece_common.contracts.instances import OutgoingAccess

# A letter is marked before a connection is free for it, so that the round trip of the mark costs no connection time:
# as many a connection as fit into that round trip, at most this. A route that does not flow marks none ahead: what a
# killed process leaves marked and unsent is uncertain to everybody.
MOST_AHEAD = 10
_SMOOTHING = 0.1
_FLOWING_SECONDS = 2.0
# With this much in hand a route gets nothing more; it is asked for again at half of it.
HELD_AT = 256
_STALLED_SECONDS = 10.0
_STALLED_IN_HAND = 16
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 300.0


class TurnedAway(Exception):
    """A message that must not start: the route is held back (`waiting`), or the process stops (`released`)."""

    def __init__(self, outcome: str, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason
        self.retry_after = retry_after


@dataclass(slots=True)
class Route:
    """One server as one user sees it."""

    name: str
    access: OutgoingAccess
    clock: Callable[[], float]
    maximum: Callable[[], int]
    in_hand: int = 0
    started: int = 0
    paused_until: float = 0.0
    slow: Slow | None = None
    last_progress: float = 0.0
    last_used: float = 0.0
    totals: dict[str, int] = field(default_factory=dict[str, int])
    last_trouble: str | None = None
    mark_seconds: float = 0.0
    send_seconds: float = 0.0
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque[asyncio.Future[None]])
    _pauses: Iterator[float] | None = None
    _full: bool = False
    _closing: bool = False

    @property
    def paused(self) -> bool:
        return self.clock() < self.paused_until

    @property
    def stalled(self) -> bool:
        return self.started > 0 and self.clock() - self.last_progress > _STALLED_SECONDS

    @property
    def full(self) -> bool:
        """With hysteresis, so that a fast route is asked for in big portions."""
        limit = _STALLED_IN_HAND if self.stalled else HELD_AT
        self._full = self.in_hand >= limit or (self._full and self.in_hand > limit // 2)
        return self._full

    @property
    def _room(self) -> int:
        # Of the access of now: an alias may join an account, or leave it.
        connections = most_connections(self.access, self.maximum())
        if self.clock() - self.last_progress >= _FLOWING_SECONDS or not self.send_seconds:
            return connections
        # Waiting for a connection counts as sending: too many ahead make themselves fewer. Twice, since marks come
        # back in batches, whose letters wait for each other.
        return ceil(connections * min(MOST_AHEAD, 1 + 2 * self.mark_seconds / self.send_seconds))

    async def enter(self, patience: float) -> None:
        """Raises TurnedAway while the route is held back, when the process stops, or after `patience` seconds."""
        if self._closing:
            raise TurnedAway("released", "stopping")
        self._refuse_while_paused()
        if self.started >= self._room or self._waiting:
            await self._turn(patience)
            self._refuse_while_paused(leaving=True)
            return
        self._start()

    def leave(self) -> None:
        self.started -= 1
        self._admit()

    def progress(self) -> None:
        """The server answered: it works."""
        self.last_progress = self.clock()

    def timed(self, *, mark: float, send: float) -> None:
        """How long a letter's mark and its way took, in seconds."""
        first = not self.send_seconds
        self.mark_seconds += (mark - self.mark_seconds) * (1 if first else _SMOOTHING)
        self.send_seconds += (max(send, 0.0001) - self.send_seconds) * (1 if first else _SMOOTHING)

    def mend(self) -> None:
        """All is well again: the next pause starts small."""
        self._pauses, self.slow = None, None

    def pause(self, slow: Slow) -> float:
        """Seconds of the pause. Several letters that met the same trouble at once make one step, not many."""
        if not self.paused or self._pauses is None:
            self._pauses = self._pauses or retry.waits(_FIRST_PAUSE, _LONGEST_PAUSE)
            seconds = slow.seconds if slow.seconds is not None else _FIRST_PAUSE + next(self._pauses)
        else:
            seconds = max(slow.seconds or 0.0, self.paused_until - self.clock())
        # A day of quota is for the message to wait; the route is looked at again sooner, since settings may change.
        seconds = min(seconds, 2 * _LONGEST_PAUSE)
        self.paused_until, self.slow = self.clock() + seconds, slow
        self.turn_away("waiting", slow.reason)
        return seconds

    def resume(self) -> None:
        """After a change of settings: what they may have mended is tried at once."""
        if self.slow is not None and self.slow.mendable:
            self.paused_until = 0.0

    def turn_away(self, outcome: str, reason: str) -> None:
        remaining = max(0.0, self.paused_until - self.clock()) or None
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(TurnedAway(outcome, reason, remaining))

    def close(self) -> None:
        """Nobody starts any more."""
        self._closing = True
        self.turn_away("released", "stopping")

    def count(self, what: str) -> None:
        self.totals[what] = self.totals.get(what, 0) + 1

    def _start(self) -> None:
        if self.started == 0:
            self.last_progress = max(self.last_progress, self.clock() - _FLOWING_SECONDS)
        self.started += 1

    async def _turn(self, patience: float) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(patience):
                await turn
        except TimeoutError:
            self._withdraw(turn)
            raise TurnedAway("released", "route_busy") from None
        except asyncio.CancelledError:
            self._withdraw(turn)
            raise

    def _withdraw(self, turn: asyncio.Future[None]) -> None:
        """Admitted in the very moment it gave up: the place goes to the next."""
        if turn in self._waiting:
            self._waiting.remove(turn)
        elif not turn.cancelled() and turn.exception() is None:
            self.leave()

    def _admit(self) -> None:
        while self._waiting and self.started < self._room:
            turn = self._waiting.popleft()
            if not turn.done():
                self._start()
                turn.set_result(None)

    def _refuse_while_paused(self, *, leaving: bool = False) -> None:
        if not self.paused or self.slow is None:
            return
        if leaving:
            self.leave()
        raise TurnedAway("waiting", self.slow.reason, self.paused_until - self.clock())


class Routes:
    """All routes this process has mail for."""

    def __init__(self, clock: Callable[[], float], maximum: int) -> None:
        self._clock = clock
        self.maximum = maximum
        self._routes: dict[str, Route] = {}

    def learn(self, told: dict[str, OutgoingAccess]) -> None:
        """The Config API's latest word on how each server is spoken to."""
        for name, access in told.items():
            route = self._routes.get(name)
            if route is None:
                self._routes[name] = Route(name, access, self._clock, lambda: self.maximum)
            elif route.access != access:
                renewed = without_token(route.access) == without_token(access)
                route.access = access
                if not renewed:
                    # A token that is new by the hour ends no pause: what was refused is asked about again anyway.
                    route.resume()

    def knows(self, name: str) -> bool:
        return name in self._routes

    def get(self, name: str) -> Route:
        route = self._routes[name]
        route.last_used = self._clock()
        return route

    def held(self) -> list[str]:
        """Those for which nothing may be claimed now."""
        return [name for name, route in self._routes.items() if route.paused or route.full]

    def paused(self) -> list[Route]:
        return [route for route in self._routes.values() if route.paused]

    @property
    def any_full(self) -> bool:
        return any(route.full for route in self._routes.values())

    @property
    def in_hand(self) -> int:
        return sum(route.in_hand for route in self._routes.values())

    def soonest_resume(self) -> float | None:
        """Seconds until a held-back route may be asked for again."""
        ends = [route.paused_until - self._clock() for route in self._routes.values() if route.paused]
        return max(0.0, min(ends)) if ends else None

    def resume_mendable(self) -> None:
        for route in self._routes.values():
            route.resume()

    def close(self) -> None:
        for route in self._routes.values():
            route.close()

    def forget_idle(self, seconds: float) -> None:
        now = self._clock()
        for name, route in list(self._routes.items()):
            if route.in_hand == 0 and not route.paused and now - route.last_used > seconds:
                del self._routes[name]

    def status(self) -> list[dict[str, object]]:
        """For /status: no user name, no secret."""
        return [
            {
                "route": route.name,
                "server": f"{route.access.server_name}:{route.access.port}",
                "in_hand": route.in_hand,
                "sending": route.started,
                "paused_for_seconds": round(max(0.0, route.paused_until - self._clock()), 1),
                "reason": route.slow.reason if route.slow is not None else None,
                "last_trouble": route.last_trouble,
                "totals": route.totals,
            }
            for route in self._routes.values()
        ]
