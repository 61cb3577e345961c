"""An event loop in a thread of its own, so that sync and async tests use the same in-process servers."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs until close(), which cancels what is left."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], *, seconds: float = 5) -> T:
        """Wait for `work` from any other thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def call(self, act: Callable[[], T], *, seconds: float = 5) -> T:
        """Run a plain function in the loop's thread."""

        async def wrapped() -> T:
            return act()

        return self.run(wrapped(), seconds=seconds)

    @property
    def closed(self) -> bool:
        return self._loop.is_closed()

    def close(self) -> None:
        if self.closed:
            return
        self.run(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _cancel_all(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the next round of the loop
