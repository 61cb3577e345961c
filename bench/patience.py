"""Waits for a run's end, and notices within seconds when it will not come."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LOOKED_AFTER = 1.0  # seconds between looks at the services and at what is left: neither is for free
STANDSTILL = 30.0  # seconds in which nothing at all becomes less


@dataclass(frozen=True, slots=True)
class Run:
    """What a run is judged by. `over` is asked all the time and has to be cheap."""

    over: Callable[[], bool]
    left: Callable[[], int]
    """How much is still to do."""
    ended: Callable[[], Sequence[str]]
    """Services that ended although nobody stopped them."""
    step: float = 0.01
    now: Callable[[], float] = time.perf_counter
    pause: Callable[[float], None] = time.sleep


def wait_until_over(run: Run) -> None:
    """Raise RuntimeError when a service ended, TimeoutError when nothing moves any more."""
    least, moved = run.left(), run.now()
    look = moved + LOOKED_AFTER
    while not run.over():
        if run.now() >= look:
            if gone := run.ended():
                raise RuntimeError(f"{', '.join(gone)} ended, with {run.left()} mails to go")
            if (left := run.left()) < least:
                least, moved = left, run.now()
            if run.now() - moved > STANDSTILL:
                raise TimeoutError(f"nothing has moved for {STANDSTILL:.0f} s, with {left} mails to go")
            look = run.now() + LOOKED_AFTER
        run.pause(run.step)
