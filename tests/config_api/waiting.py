"""Waiting for the world to be so, instead of for time to pass."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 15, every: float = 0.02) -> None:
    """Ask again and again; fail when it does not come true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, f"not so after {seconds} s"
        await asyncio.sleep(every)
