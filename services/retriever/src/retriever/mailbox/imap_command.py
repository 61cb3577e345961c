"""One command on its way, with what came back."""

import asyncio
from collections import deque
from collections.abc import Sequence

from aioimaplib.aioimaplib import Command

from retriever.mailbox.connection import SILENCE_SECONDS


class Asked(Command):
    """A command with what came back: `answers` holds the untagged ones, each as text, literal, text, ..."""

    def __init__(
        self, name: str, tag: str, *args: str, prefix: str, literals: Sequence[bytes], loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(name, tag, *args, prefix=prefix, loop=loop, timeout=SILENCE_SECONDS)
        self.literals = deque(literals)
        self.answers: list[list[bytes]] = []
        self.challenge: bytes | None = None
        """The last line in which the server asked for more."""

    def progressed(self) -> None:
        self._reset_timer()

    def bounded(self, seconds: float) -> None:
        self._timeout = seconds
        self._reset_timer()

    def unbounded(self) -> None:
        self._timer.cancel()
        self._timeout = None

    def fail(self, problem: Exception) -> None:
        if not self._event.is_set():
            self._exception = problem
            self.close(b"", "KO")

    @property
    def said(self) -> str:
        last = self.response.lines[-1] if self.response.lines else b""
        return f"{self.response.result} {bytes(last).decode(errors='replace')}"
