"""A TCP proxy in front of any server, whose network can be made to fail at any time."""

import asyncio
import contextlib
import fcntl
import struct
import termios
from typing import Literal

from tests.rig.ports import LOOPBACK
from tests.rig.tcp_server import Act, ConversationOver, TcpServer, reset

Side = Literal["client", "server"]
_CHUNK = 1 << 15


class FaultProxy(TcpServer):
    """Connect to `port`. Faults hold for open and for new connections until mend().

    `bytes_to`: what was passed on so far, per side. `connections`: how many were accepted.
    """

    def __init__(self, target_port: int, target_host: str = LOOPBACK) -> None:
        self._target = (target_host, target_port)
        self._hanging = False
        self._cut: tuple[Side, int, bool] | None = None
        self._passed: dict[asyncio.StreamWriter, int] = {}
        self.latency = 0.0  # seconds, added to each chunk each way
        self.bytes_to: dict[Side, int] = {"client": 0, "server": 0}
        super().__init__("fault-proxy")
        self._flows = self._loop.call(asyncio.Event)
        self._loop.call(self._flows.set)

    # --- faults

    def mend(self) -> None:
        """All well: stalled bytes flow on, the port answers."""

        def all_well() -> None:
            self._hanging, self._cut, self.latency = False, None, 0.0
            self._flows.set()

        self._loop.call(all_well)
        if not self._server.is_serving():
            self._server = self._loop.run(asyncio.start_server(self._serve, LOOPBACK, self.port))
        self.release()

    def stall(self) -> None:
        """Nothing passes either way, nothing is closed: a network partition."""
        self._loop.call(self._flows.clear)

    def refuse(self) -> None:
        """New connections are refused; open ones are reset."""
        self._loop.call(self._server.close)
        self.reset_connections()

    def hang(self) -> None:
        """New connections are accepted and never spoken to; open ones work on."""
        self._hanging = True

    def reset(self) -> None:
        """Every open connection, now."""
        self.reset_connections()

    def cut_after(self, count: int, *, towards: Side = "client", once: bool = True) -> None:
        """Reset a connection when `count` more bytes went `towards` that side on it; `once`: the first only."""

        def arm() -> None:
            self._passed.clear()
            self._cut = (towards, count, once)

        self._loop.call(arm)

    # --- one connection

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._hanging:
            await self.act(Act.HANG, writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            reset(writer)
            return
        self._writers.add(far_writer)
        there = asyncio.create_task(self._pump(reader, far_writer, "server"))
        back = asyncio.create_task(self._pump(far_reader, writer, "client"))
        try:
            await asyncio.gather(there, back)
        except (OSError, ConversationOver):  # one side is gone in an impolite way: the other learns it so
            reset(writer)
            reset(far_writer)
        finally:
            there.cancel()
            back.cancel()
            self._writers.discard(far_writer)
            far_writer.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, towards: Side) -> None:
        while data := await source.read(_CHUNK):
            if self.latency:
                await asyncio.sleep(self.latency)
            await self._flows.wait()
            allowed, cut = self._allowance(sink, towards, len(data))
            sink.write(data[:allowed])
            await sink.drain()
            self.bytes_to[towards] += allowed
            if cut:
                await _kernel_has_sent(sink)
                raise ConversationOver
        await self._flows.wait()
        with contextlib.suppress(OSError):
            sink.write_eof()

    def _allowance(self, sink: asyncio.StreamWriter, towards: Side, size: int) -> tuple[int, bool]:
        """How many of `size` bytes may pass, and whether the connection is cut after them."""
        if self._cut is None or self._cut[0] != towards:
            return size, False
        _side, count, once = self._cut
        passed = self._passed.get(sink, 0)
        self._passed[sink] = passed + size
        if passed + size < count:
            return size, False
        if once:
            self._cut = None
        return count - passed, True


async def _kernel_has_sent(writer: asyncio.StreamWriter) -> None:
    """A reset throws unsent bytes away, so wait (a second at most) until there are none."""
    descriptor = writer.get_extra_info("socket").fileno()
    for _ in range(200):
        (unsent,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, b"\0" * 4))
        if unsent == 0:
            return
        await asyncio.sleep(0.005)
