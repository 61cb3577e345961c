"""How long this replica may believe in its leases without hearing from the Config API. Pure but for the clock."""

from collections.abc import Callable


class Tenure:
    """`clock` is monotonic, in seconds, and goes on while the process is stopped: woken, it knows that it is late."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ends = float("-inf")
        self.lease_seconds = 0.0

    def renewed(self, asked_at: float, lease_seconds: float) -> None:
        """Counted from when the heartbeat was sent: the Config API can only have begun to count later."""
        self.lease_seconds = lease_seconds
        self._ends = asked_at + lease_seconds

    def now(self) -> float:
        return self._clock()

    def in_force(self) -> bool:
        return self._clock() < self._ends
