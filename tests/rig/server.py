"""What every server of the rig can do: start, stop, crash, freeze, be closed at the end of a with block."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.rig.ports import wait_until
from tests.rig.processes import Process, RigError


class Closable(ABC):
    """Closed at the end of its with block."""

    @abstractmethod
    def close(self) -> None:
        """End it for good and remove its files; a second call does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SubprocessServer(Closable):
    """stop() or crash(), then start() again, keep ports and data."""

    _process: Process | None = None

    @abstractmethod
    def start(self) -> Self:
        """Returns once the server answers; RigError with its log when it does not."""

    @abstractmethod
    def log_text(self) -> str: ...

    def stop(self) -> None:
        """Orderly: sessions end, ports refuse."""
        self._running().stop()

    def crash(self) -> None:
        """SIGKILL for every process; locks and half-written files stay behind."""
        self._running().kill()

    def freeze(self) -> None:
        """Accepts connections (the kernel does) and says nothing more until thaw()."""
        self._running().freeze()

    def thaw(self) -> None:
        self._running().thaw()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def _await(self, answers: Callable[[], bool]) -> None:
        process = self._running()
        try:
            wait_until(lambda: not process.alive or answers())
        except TimeoutError:
            process.kill()
        if not process.alive:
            raise RigError(f"{type(self).__name__} did not start:\n{self.log_text()}")

    def _running(self) -> Process:
        if self._process is None:
            raise RigError(f"this {type(self).__name__} was never started")
        return self._process
