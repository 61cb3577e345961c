"""Real HTTP servers on loopback for a test, on a port the system chose."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Generator

import uvicorn
from fastapi import FastAPI

from tests.ece_common.waiting import until


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:  # pytest keeps its own signal handlers
        yield


@contextlib.asynccontextmanager
async def serving(app: FastAPI) -> AsyncGenerator[str]:
    """The base URL of `app` while it is served."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = _Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        server.force_exit = True
        await task
