"""A small TCP server in a thread, whose connections can be closed, reset or left hanging."""

import asyncio
import contextlib
import socket
import ssl
import struct
from abc import abstractmethod
from enum import Enum, auto

from tests.rig.loop_thread import LoopThread
from tests.rig.ports import LOOPBACK, free_port
from tests.rig.server import Closable

_LINE_LIMIT = 1 << 20


class Act(Enum):
    """What a scripted server does in place of a reply."""

    CLOSE = auto()  # orderly, after what was written so far
    RESET = auto()  # the client sees "connection reset by peer"
    HANG = auto()  # nothing more until release()


class ConversationOver(Exception):
    """Closed or reset by the script; unwinds talk(), never leaves this server."""


def reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN; what the kernel has not yet sent is lost."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class TcpServer(Closable):
    """Listens at once on `port`. Subclasses say in talk() what happens on one connection."""

    def __init__(self, name: str, *, tls: ssl.SSLContext | None = None) -> None:
        self.port = free_port()
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = LoopThread(name)
        self._released = self._loop.call(asyncio.Event)
        self._server = self._loop.run(
            asyncio.start_server(self._serve, LOOPBACK, self.port, ssl=tls, limit=_LINE_LIMIT)
        )

    @abstractmethod
    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        # The client's going away, in whatever way, is a normal end. CancelledError is swallowed because
        # asyncio's own callback of this task would print it while close() runs.
        with contextlib.suppress(OSError, EOFError, ConversationOver, asyncio.CancelledError):
            await self.talk(reader, writer)
        self._writers.discard(writer)
        writer.close()

    async def act(self, act: Act, writer: asyncio.StreamWriter) -> None:
        """Returns only from HANG, after release()."""
        if act is Act.HANG:
            await self._released.wait()
            return
        if act is Act.RESET:
            reset(writer)
        raise ConversationOver

    def release(self) -> None:
        """Let everything that hangs go on; later hangs wait again."""

        def set_and_rearm() -> None:
            self._released.set()
            self._released.clear()  # waiters were woken by set(); they do not look at the flag again

        self._loop.call(set_and_rearm)

    def reset_connections(self) -> None:
        def reset_all() -> None:
            for writer in list(self._writers):
                reset(writer)

        self._loop.call(reset_all)

    def close(self) -> None:
        if not self._loop.closed:
            self._loop.call(self._shut)
        self._loop.close()

    def _shut(self) -> None:
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
