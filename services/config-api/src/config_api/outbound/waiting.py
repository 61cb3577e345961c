"""The long poll of the dispatchers: looks, and looks again when something changed or falls due."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from config_api.changes import Changes

Look = Callable[[], Awaitable[bool]]
NextDue = Callable[[], Awaitable[float | None]]


@dataclass(frozen=True, slots=True)
class Poll:
    """`look` answers whether there was work; `next_due` in how many seconds something waiting falls due."""

    changes: Changes
    topic: str
    look: Look
    next_due: NextDue


async def wait_for_work(poll: Poll, seconds: float) -> None:
    """Holds no database connection while it waits; ends at once when the service is asked to stop."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    awake, forget = poll.changes.subscribe(poll.topic)
    try:
        while not await poll.look():
            left = deadline - loop.time()
            if left <= 0 or poll.changes.closed:
                return
            due = await poll.next_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(left if due is None else min(left, due)):
                    await awake.wait()
            awake.clear()
    finally:
        forget()
