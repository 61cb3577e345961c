"""Waiting for what another thread or task brings about."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Returns when `condition` holds; TimeoutError when it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the rig's servers live in threads and set no event of ours
            await asyncio.sleep(0.005)
