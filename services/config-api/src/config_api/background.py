"""A duty that the service sees to by itself, every few seconds, as long as it runs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from ece_common.retry import sleep_unless, waits

_LONGEST_PAUSE = 60.0
log = structlog.get_logger()


class Background:
    """Calls `duty` every `seconds`. Survives its every exception: says so once, and comes back later and later.

    `at_once`: the first time when it starts; otherwise what is not urgent leaves a start to those who wait.
    """

    def __init__(
        self, name: str, seconds: float, duty: Callable[[], Awaitable[object]], *, at_once: bool = True
    ) -> None:
        self._name = name
        self._at_once = at_once
        self._seconds = seconds
        self._duty = duty
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Also again, after `stop`."""
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self._keep_going(), name=self._name)

    async def stop(self) -> None:
        self._stop.set()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _keep_going(self) -> None:
        pauses = None
        if not self._at_once:
            await sleep_unless(self._stop, self._seconds)
        while not self._stop.is_set():
            try:
                await self._duty()
                pauses = None
            except Exception as trouble:  # noqa: BLE001 - whatever it was, the duty is still there
                if pauses is None:
                    log.warning("background.failed", duty=self._name, problem=type(trouble).__name__)
                    pauses = waits(first=self._seconds, maximum=_LONGEST_PAUSE)
            await sleep_unless(self._stop, self._seconds if pauses is None else 0.5 + next(pauses))
