"""The demo's subprocesses: started with a log file each, ended together."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class _Command:
    argv: Sequence[str]
    environment: Mapping[str, str]


class Processes:
    """A context: whatever happens in it, nothing stays behind."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, _Command] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for process in reversed(self._running.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in reversed(self._running.values()):
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._commands[name] = _Command(command, environment or {})
        self._launch(name)

    def _launch(self, name: str) -> None:
        command = self._commands[name]
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command.argv,
                env={**os.environ, **command.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C goes to the demo alone, which then ends them in order.
                start_new_session=True,
            )

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def revive(self, names: Sequence[str]) -> list[tuple[str, int]]:
        """Start those that ended again, as a cluster would; (name, exit code) of each."""
        ended = [(name, code) for name in names if (code := self._running[name].poll()) is not None]
        for name, _ in ended:
            self._launch(name)
        return ended

    def check(self) -> None:
        """Raise with the end of its log when one of them has died."""
        for name, process in self._running.items():
            if process.poll() is not None:
                tail = (self._logs / f"{name}.log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{name} ended with {process.returncode}:\n{tail}")
