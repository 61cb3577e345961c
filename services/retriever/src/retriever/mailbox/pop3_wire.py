"""POP3 on the wire: lines and dot-terminated blocks out of one buffer, any size in linear time, every wait bounded.

Our own, because poplib in a thread would cost a thread for every mailbox, cannot be cancelled, reads line by line
and does not pipeline (RFC 2449 section 6.6), a factor of three to seven; and asyncio's POP3 libraries are unkept.
"""

import asyncio
from typing import cast

from retriever.diagnosis import ProtocolBroken
from retriever.mailbox.connection import SILENCE_SECONDS, Answered

LINE_LIMIT = 8192
CHATTER = 4 * 1024 * 1024
_END = b"\r\n.\r\n"


class Pop3Wire(asyncio.Protocol):
    """One connection. Replies come in the order of the commands; the caller keeps count."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._link: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._room = CHATTER
        self._waiter: asyncio.Future[None] | None = None
        self.trouble: Exception | None = None
        self.capabilities: dict[str, frozenset[str]] = {}

    # --- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._link = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > self._room:
            self.give_up(ProtocolBroken("the server sent far more than it was asked for"))
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(exc if isinstance(exc, OSError) else EOFError("end of the connection"))

    def give_up(self, problem: Exception) -> None:
        self._finish(problem)
        if self._link is not None:
            self._link.abort()

    def _finish(self, problem: Exception) -> None:
        if self.trouble is None:
            self.trouble = problem
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- our side

    def send(self, *lines: str | bytes) -> None:
        if self.trouble is not None:
            raise self.trouble
        data = b"".join((line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines)
        assert self._link is not None
        self._link.write(data)

    def expect(self, octets: int) -> None:
        """How much content is on its way: the buffer may grow to that and no further."""
        self._room = octets + CHATTER

    async def ask(self, line: str, seconds: float = SILENCE_SECONDS) -> str:
        """One command, one line. Raises Answered on -ERR."""
        self.send(line)
        return await self.reply(seconds)

    async def reply(self, seconds: float = SILENCE_SECONDS) -> str:
        """The next status line without +OK (or the `+ ` of a continuation)."""
        line = await self.line(seconds)
        text = line.decode(errors="replace")
        if text.startswith("+"):
            return text.partition(" ")[2]
        if not text.startswith("-"):
            raise ProtocolBroken(f"no POP3 reply: {text[:200]}")
        raise Answered(text)

    async def line(self, seconds: float = SILENCE_SECONDS) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > LINE_LIMIT:
                raise ProtocolBroken("a line without end")
            await self._more(seconds)
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line

    async def block(self, limit: int) -> bytes:
        """What follows a status line up to the single dot, unstuffed (RFC 1939 section 3)."""
        while len(self._buffer) < 3:
            await self._more(SILENCE_SECONDS)
        if self._buffer.startswith(b".\r\n"):
            del self._buffer[:3]
            return b""
        searched = 0
        while (end := self._buffer.find(_END, searched)) < 0:
            searched = max(0, len(self._buffer) - len(_END) + 1)
            if searched > limit:
                raise ProtocolBroken(f"more than {limit} octets where less was announced")
            await self._more(SILENCE_SECONDS)
        with memoryview(self._buffer) as view:
            content = bytes(view[: end + 2])
        del self._buffer[: end + len(_END)]
        if content.startswith(b"."):
            content = content[1:]
        return content.replace(b"\r\n.", b"\r\n") if b"\r\n." in content else content

    async def _more(self, seconds: float) -> None:
        """Waits for more data; what had arrived before the connection was lost has been read by then."""
        if self.trouble is not None:
            raise self.trouble
        self._waiter = self._loop.create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._waiter
        except TimeoutError:
            self.give_up(TimeoutError("no answer"))
            raise
        finally:
            self._waiter = None

    @property
    def link(self) -> asyncio.Transport:
        if self._link is None:
            raise ConnectionResetError("not connected")
        return self._link

    def rewired(self, transport: asyncio.Transport) -> None:
        """After STLS. What was received before it is not the server's word."""
        self._link = transport
        if self._buffer:
            raise ProtocolBroken("data before TLS began")
