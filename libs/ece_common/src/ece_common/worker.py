"""One worker process: event loop, signals, the operations server, and an end that comes in time."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from typing import Self

import structlog
import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from ece_common.operations import metrics_app

try:
    from uvloop import new_event_loop
except ImportError:  # Windows, or an interpreter it has no wheel for
    from asyncio import new_event_loop

Main = Callable[[asyncio.Event], Awaitable[None]]

SERVER_SECONDS = 2.0
"""How long an answer on its way to a probe may take once the work has ended."""

CANCEL_SECONDS = 3.0
"""How long cancelled work may tidy up."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the operations server listens; with `metrics_port`, /metrics is there instead."""

    host: str
    port: int
    metrics_port: int | None = None


def run(
    main: Main,
    *,
    operations: FastAPI,
    listen: Listen,
    registry: CollectorRegistry | None = None,
    shutdown_seconds: float = 25.0,
) -> None:
    """Run `main(stop)` to its end and serve `operations` meanwhile; returns when all went well.

    SIGTERM and SIGINT set `stop`; `main` then has `shutdown_seconds` to give back what it holds, a second signal cuts
    that short. Raises SystemExit(1) when `main` raised, was too late, or a server could not be kept up. `registry`
    is what a separate metrics port serves.
    """
    apps = [(operations, listen.port)]
    if listen.metrics_port is not None:
        apps.append((metrics_app(registry or CollectorRegistry()), listen.metrics_port))
    try:
        servers = [_Server(app, _listener(listen.host, port)) for app, port in apps]
    except OSError as problem:
        log.critical("worker.cannot_listen", **asdict(listen), cause=str(problem))
        raise SystemExit(1) from None
    with _Deadline() as deadline, asyncio.Runner(loop_factory=new_event_loop) as runner:
        well = runner.run(_Process(main, operations, servers, shutdown_seconds, deadline).run())
    if not well:
        raise SystemExit(1)


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)


class _Server(uvicorn.Server):
    """An HTTP server that leaves the signals to the worker and takes a socket that is already bound."""

    def __init__(self, app: FastAPI, listener: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                lifespan="off",
                limit_concurrency=100,
                timeout_graceful_shutdown=int(SERVER_SECONDS),
            )
        )
        self._listener = listener

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def keep_up(self) -> None:
        await self.serve(sockets=[self._listener])


class _Deadline:
    """Ends the process when even cancellation does not: a thread stuck in a system call blocks any tidy end."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def start(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = threading.Timer(seconds, self._end)
            self._timer.daemon = True
            self._timer.start()

    @staticmethod
    def _end() -> None:
        log.critical("worker.killed_itself", cause="did not stop in time")
        os._exit(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()


class _Process:
    """The supervision of one `main` beside its servers."""

    def __init__(
        self,
        main: Main,
        operations: FastAPI,
        servers: Sequence[_Server],
        shutdown_seconds: float,
        deadline: _Deadline,
    ) -> None:
        self._main = main
        self._operations = operations
        self._servers = servers
        self._shutdown_seconds = shutdown_seconds
        self._deadline = deadline
        self._stop = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    async def run(self) -> bool:
        """True when `main` ended by itself or on time, and every server stayed up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)
        serving = [asyncio.create_task(server.keep_up(), name="operations") for server in self._servers]
        self._work = asyncio.create_task(self._worked(), name="main")
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            await asyncio.wait([self._work, stopping, *serving], return_when=asyncio.FIRST_COMPLETED)
            served = not any(task.done() for task in serving)
            if not served:
                log.critical("operations.ended", causes=[_cause(task) for task in serving if task.done()])
            self._begin_stop()
            return await self._ended(self._work) and served
        finally:
            self._begin_stop()
            stopping.cancel()
            await self._close(serving)

    async def _worked(self) -> None:
        await self._main(self._stop)

    def _on_signal(self, number: int) -> None:
        if self._stop.is_set() and self._work is not None:
            log.warning("worker.stop_forced", signal=signal.Signals(number).name)
            self._work.cancel()
            return
        log.info("worker.stopping", signal=signal.Signals(number).name, within=self._shutdown_seconds)
        self._begin_stop()

    def _begin_stop(self) -> None:
        self._operations.state.stopping = True
        self._stop.set()
        self._deadline.start(self._shutdown_seconds + CANCEL_SECONDS + 2 * SERVER_SECONDS)

    async def _ended(self, work: asyncio.Task[None]) -> bool:
        await asyncio.wait([work], timeout=self._shutdown_seconds)
        if not work.done():
            log.error("worker.stop_late", after=self._shutdown_seconds)
            work.cancel()
            await asyncio.wait([work], timeout=CANCEL_SECONDS)
            return False
        if work.cancelled():
            return False
        if (problem := work.exception()) is not None:
            log.critical("worker.failed", exc_info=problem)
            return False
        log.info("worker.stopped")
        return True

    async def _close(self, serving: Sequence["asyncio.Task[None]"]) -> None:
        for server in self._servers:
            server.should_exit = True
        _, late = await asyncio.wait(serving, timeout=2 * SERVER_SECONDS)
        for task in late:
            task.cancel()


def _cause(task: "asyncio.Task[None]") -> str:
    problem = None if task.cancelled() else task.exception()
    return "ended" if problem is None else f"{type(problem).__name__}: {problem}"
