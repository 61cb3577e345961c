"""The long poll: wait until the assignment is another one, holding nothing but the open request."""

import asyncio
from collections.abc import Awaitable, Callable

from config_api.changes import Changes

Look = Callable[[], Awaitable[str]]


async def changed(changes: Changes, topic: str, look: Look, known: str | None, seconds: float) -> str | None:
    """The ETag when it is not `known`; null when the time is up or the service stops.

    `look` asks the database and gives its connection back: any process may answer, whoever made the change.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    awake, forget = changes.subscribe(topic)
    try:
        while True:
            # Subscribed first, looked afterwards: a change in between sets the event again.
            awake.clear()
            current = await look()
            if current != known:
                return current
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or changes.closed:
                return None
            await _woken(awake, left)
    finally:
        forget()


async def _woken(awake: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await awake.wait()
    except TimeoutError:
        return
