"""How a server runs as a subprocess: own session, logged, ended by PID with everything it forked."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from tests.rig.ports import wait_until

IS_ROOT = os.geteuid() == 0


class RigError(RuntimeError):
    """A server could not be run; the message says what is missing or quotes the server's log."""


def unprivileged_user() -> str:
    """Who rootless servers run as: nobody when the tests run as root, otherwise whoever runs them."""
    return "nobody" if IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name


def find_program(*candidates: str) -> str:
    for name in candidates:
        if found := shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/postfix/sbin"):
            return found
    raise RigError(f"none of {', '.join(candidates)} is installed; run `bash tests/install-servers`")


def give_to(user: str, *paths: Path) -> None:
    if IS_ROOT:
        entry = pwd.getpwnam(user)
        for path in paths:
            os.chown(path, entry.pw_uid, entry.pw_gid)


class ServerFolder:
    """A directory of its own for one server, readable by the user it runs as, gone after `remove()`."""

    def __init__(self, name: str, user: str | None = None) -> None:
        # A unix socket's path has 107 bytes at most, and Dovecot adds some forty of its own.
        base = tempfile.gettempdir() if len(tempfile.gettempdir()) < 30 else "/tmp"
        self.path = Path(tempfile.mkdtemp(prefix=f"ece-{name}-", dir=base))
        self.path.chmod(0o755)
        give_to(user or unprivileged_user(), self.path)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def session_members(session: int) -> list[int]:
    """The live processes of a session. Zombies do not count: their parent may be init, and late."""
    members: list[int] = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            pid = int(entry.name)
            state, _parent, _group, leader = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(leader) == session and state not in {"Z", "X"}:
                members.append(pid)
    return members


# Waits until our end of its stdin closes, as it does however we die, then ends the session $1. The kernel's
# own way, PDEATHSIG, is forgotten by servers that change their uid and leaves behind what a server forked.
_WATCH = """
trap '' INT TERM HUP
read -r _
while :; do
  left=
  for entry in /proc/[0-9]*; do
    { read -r stat <"$entry/stat"; } 2>/dev/null || continue
    set -- "$1" ${stat##*) }
    if [ "$5" = "$1" ] && [ "$2" != Z ]; then
      kill -KILL "${entry#/proc/}" 2>/dev/null
      left=1
    fi
  done
  [ -n "$left" ] || exit 0
done
"""


class Identity(TypedDict, total=False):
    """What subprocess needs to run something as another user."""

    user: int
    group: int
    extra_groups: list[int]


def identity(user: str | None) -> Identity:
    if user is None or not IS_ROOT:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Process:
    """`argv` started at once, as `user` when root. `end_with` is what stop() sends to it.

    When the tests themselves are killed, the process and all it forked are killed, too.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        log: Path,
        user: str | None = None,
        env: Mapping[str, str] | None = None,
        end_with: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._end_with = end_with
        self._log = log
        with log.open("ab") as out:
            self._child = subprocess.Popen(
                argv,
                cwd="/",
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                **identity(user),
            )
        self.pid = self._child.pid
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "watch", str(self.pid)], stdin=subprocess.PIPE, start_new_session=True
        )

    @property
    def alive(self) -> bool:
        return self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._child.poll()

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")

    def members(self) -> list[int]:
        return session_members(self.pid)

    def ask_to_end(self) -> None:
        """Only ask, so that a test may see how it ends."""
        self._child.send_signal(signal.SIGCONT)  # a frozen process would not hear the next one
        self._child.send_signal(self._end_with)

    def stop(self, seconds: float = 5) -> None:
        """Ask the leader to end; whatever of its session is left after that is killed."""
        if self.alive:
            self.ask_to_end()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """Every process at once, as when a machine dies."""

        def none_left() -> bool:
            self._signal_all(signal.SIGKILL)  # again and again: the leader may just have forked
            return self.members() == []

        wait_until(none_left, what=f"the end of session {self.pid}")
        self._child.wait(5)
        self._watcher.communicate(timeout=5)

    def freeze(self) -> None:
        """Stop answering without closing anything; new connections still reach the kernel's backlog."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
