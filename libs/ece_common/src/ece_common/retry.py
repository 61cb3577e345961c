"""How long to wait before the next try, and how to wait so that a stop ends it."""

import asyncio
from collections.abc import Iterator

from tenacity import RetryCallState, Retrying, wait_random_exponential

# 2 ** 60 seconds is beyond any maximum; a larger exponent would only grow the number that tenacity computes.
_LAST_STEP = 60


def waits(first: float = 1.0, maximum: float = 60.0) -> Iterator[float]:
    """Endless waits in seconds, each anywhere between 0 and an end that doubles from `first` up to `maximum`.

    Full jitter: callers that failed together do not come back together. Make a new one after a success.
    """
    strategy = wait_random_exponential(multiplier=first, max=maximum)
    state = RetryCallState(Retrying(), None, (), {})
    while True:
        yield strategy(state)
        state.attempt_number = min(state.attempt_number + 1, _LAST_STEP)


async def sleep_unless(stop: asyncio.Event, seconds: float) -> bool:
    """Wait, but no longer than until `stop` is set. True when it is set."""
    if not stop.is_set() and seconds > 0:
        try:
            async with asyncio.timeout(seconds):
                await stop.wait()
        except TimeoutError:
            pass
    return stop.is_set()
