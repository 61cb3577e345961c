"""aioimaplib's command life-cycle over framing of our own: any size in linear time, every wait bounded.

The library (2.0.3) recurses once per line, looks at the whole answer again for each line, writes what it received to
its log, has no STARTTLS and does not wake a command when the connection is lost. What is kept of it: tags, the table
of states, the queue of commands, and its commands with their timers.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence
from typing import Any, cast

from aioimaplib.aioimaplib import AioImapException, CommandTimeout, IMAP4ClientProtocol

from retriever.diagnosis import ProtocolBroken
from retriever.mailbox.connection import SILENCE_SECONDS, Answered
from retriever.mailbox.imap_command import Asked
from retriever.mailbox.imap_grammar import literal_size

# A search over a million mails fits; nothing else comes near.
LINE_LIMIT = 16 * 1024 * 1024
# What a server may say beside the content that was asked for.
CHATTER = 4 * 1024 * 1024
# The slowest line on which one command may go on for ever is none: bytes per second below which we give up.
SLOWEST = 8 * 1024

_TAGGED = re.compile(rb"[A-Z0-9]+ (?:OK|NO|BAD)\b", re.IGNORECASE)
_NUMBERED = re.compile(rb"\* (\d{1,10}) (EXISTS|EXPUNGE)", re.IGNORECASE)


class ImapWire(IMAP4ClientProtocol):
    """One connection. `ask` sends one command and waits for its end; `idle_for` waits for news."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.running_loop = loop
        self.greeting: asyncio.Future[bytes] = loop.create_future()
        self.news = asyncio.Event()
        """Set when mails arrived since it was last cleared."""
        self.trouble: Exception | None = None
        """Why the connection is of no more use."""
        self.exists = 0
        self.leaving = False
        self.flagged: set[int] = set()
        """UIDs this connection marked as deleted and could not expunge yet."""
        self._link: asyncio.Transport | None = None
        self._stirred = asyncio.Event()
        self._buffer = bytearray()
        self._searched = 0
        self._parts: list[bytes] = []
        self._missing: int | None = None
        self._allowance = CHATTER
        self._last_words = ""

    # --- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._link = cast(asyncio.Transport, transport)

    def data_received(self, d: bytes) -> None:
        self._allowance -= len(d)
        if self._allowance < 0:
            self.give_up(ProtocolBroken("the server sent far more than it was asked for"))
            return
        self._buffer += d
        command = self._pending()
        if command is not None and command.name != "IDLE":
            command.progressed()
        try:
            self._take_apart()
        except ProtocolBroken as problem:
            self.give_up(problem)
        except (AioImapException, ValueError):
            # The library's words hold the command that was under way, password and all.
            self.give_up(ProtocolBroken("the server answered what it had not been asked"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._last_words:
            self._finish(EOFError(self._last_words))
        else:
            self._finish(exc if isinstance(exc, OSError) else EOFError("end of the connection"))

    def give_up(self, problem: Exception) -> None:
        self._finish(problem)
        if self._link is not None:
            self._link.abort()

    def _finish(self, problem: Exception) -> None:
        if self.trouble is None:
            self.trouble = problem
        self._stirred.set()
        if not self.greeting.done():
            self.greeting.set_exception(self.trouble)
            self.greeting.exception()  # nobody may be waiting for it, and that is no mistake
        for command in (self.pending_sync_command, *self.pending_async_commands.values()):
            if isinstance(command, Asked):
                command.fail(self.trouble)
        self.pending_sync_command = None
        self.pending_async_commands.clear()

    # --- framing

    def _take_apart(self) -> None:
        buffer, start = self._buffer, 0
        while True:
            if self._missing is not None:
                if len(buffer) - start < self._missing:
                    break
                with memoryview(buffer) as view:
                    self._parts.append(bytes(view[start : start + self._missing]))
                start += self._missing
                self._missing = None
            end = buffer.find(b"\r\n", max(start, self._searched))
            if end < 0:
                self._searched = max(start, len(buffer) - 1)
                break
            line = bytes(buffer[start:end])
            start = self._searched = end + 2
            self._line(line)
        del buffer[:start]
        self._searched = max(0, self._searched - start)
        if self._missing is None and len(buffer) > LINE_LIMIT:
            raise ProtocolBroken("a line without end")

    def _line(self, line: bytes) -> None:
        self._parts.append(line)
        if self._parts[0].startswith(b"* "):
            self._missing = literal_size(line)
        if self._missing is not None:
            if self._missing > self._allowance + len(self._buffer):
                raise ProtocolBroken(f"a literal of {self._missing} octets that nobody asked for")
            return
        parts, self._parts = self._parts, []
        self._heard(parts)

    def _heard(self, parts: list[bytes]) -> None:
        first, self._last_words = parts[0], ""
        if not self.greeting.done():
            self.greeting.set_result(first)
        elif first.startswith(b"* "):
            self._untagged(parts)
        elif first.startswith(b"+"):
            self._continuation(first)
        elif _TAGGED.match(first):
            self._response_done(first)
        elif first:
            # Exchange Online says "Server Unavailable. 15" without tag or star, and then hangs up.
            self._last_words = first[:500].decode(errors="replace")

    def _untagged(self, parts: list[bytes]) -> None:
        numbered = _NUMBERED.match(parts[0])
        if numbered is not None:
            self._counted(int(numbered[1]), numbered[2].upper())
        elif parts[0][:5].upper() == b"* BYE" and not self.leaving:
            self.give_up(Answered(parts[0][2:1000].decode(errors="replace")))
        command = self._pending()
        if command is not None:
            command.answers.append(parts)

    def _counted(self, number: int, what: bytes) -> None:
        if what == b"EXPUNGE":
            self.exists -= 1
            return
        if number > self.exists:
            self.news.set()
            self._stirred.set()
        self.exists = number

    def _continuation(self, line: bytes) -> None:
        command = self._pending()
        if command is None:
            return
        if command.name == "IDLE":
            self._idle_event.set()
            self._stirred.set()
        else:
            # To a challenge too many an empty answer is given: that brings the real refusal.
            command.challenge = line
            self._write((command.literals.popleft() if command.literals else b"") + b"\r\n")

    def _pending(self) -> Asked | None:
        command = self.pending_sync_command or next(iter(self.pending_async_commands.values()), None)
        return command if isinstance(command, Asked) else None

    def send(self, line: str, scrub: str | None = None) -> None:  # noqa: ARG002 - the library's signature
        """The library would write the line, password and all, to its log."""
        self._write(line.encode() + b"\r\n")

    def _write(self, data: bytes) -> None:
        if self._link is not None and not self._link.is_closing():
            self._link.write(data)

    def rewired(self, transport: asyncio.Transport) -> None:
        """After STARTTLS. What was received before it is not the server's word (the STARTTLS injection)."""
        self._link = transport
        self.transport = transport
        if self._buffer:
            raise ProtocolBroken("data before TLS began")

    @property
    def link(self) -> asyncio.Transport:
        if self._link is None:
            raise ConnectionResetError("not connected")
        return self._link

    # --- our side

    async def ask(
        self,
        name: str,
        *args: str,
        prefix: str = "",
        literals: Sequence[bytes] = (),
        content: int = 0,
        lenient: bool = False,
    ) -> Asked:
        """The command with its answers; raises Answered on NO and BAD, OSError or EOFError when it is lost.

        `literals`: sent one by one as the server asks for them. `content`: octets that may come back beside chatter.
        `lenient`: a NO is no error when something came before it (RFC 5530's EXPUNGEISSUED: some mails are gone).
        """
        if self.trouble is not None:
            raise self.trouble
        self._allowance = content + CHATTER
        command = Asked(name, self.new_tag(), *args, prefix=prefix, literals=literals, loop=self.running_loop)
        await self._carried_out(command, SILENCE_SECONDS + content / SLOWEST)
        result = command.response.result.upper()
        if result != "OK" and not (lenient and result == "NO" and (command.answers or "EXPUNGE" in command.said)):
            raise Answered(command.said, command.challenge)
        return command

    async def _carried_out(self, command: Asked, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.execute(command)
        except CommandTimeout:
            self.give_up(TimeoutError("no answer"))
            raise TimeoutError(f"{command.name} was not answered") from None
        except AioImapException as problem:
            raise ProtocolBroken(str(problem)) from problem
        except (TimeoutError, asyncio.CancelledError):
            # Half an answer may still come; the next command must not take it for its own.
            self.give_up(TimeoutError("no answer"))
            raise

    async def idle_for(self, seconds: float) -> None:
        """Until news, the loss of the connection (raised) or `seconds`. Raises Answered when IDLE is refused.

        Cancelled, it leaves IDLE by DONE; the next command waits for the server to agree.
        """
        if self.trouble is not None:
            raise self.trouble
        self._allowance = CHATTER
        command = Asked("IDLE", self.new_tag(), prefix="", literals=(), loop=self.running_loop)
        idling = asyncio.ensure_future(self.execute(command))
        self.tasks.add(idling)
        idling.add_done_callback(self._idled)
        try:
            await self._until(self._idle_event.is_set, idling, SILENCE_SECONDS)
            command.unbounded()
            await self._until(self.news.is_set, idling, seconds)
        finally:
            if not idling.done():
                command.bounded(SILENCE_SECONDS)
                self._write(b"DONE\r\n")
        with contextlib.suppress(AioImapException, OSError, EOFError, Answered, ProtocolBroken):
            await idling
        if self.trouble is not None:
            raise self.trouble
        if command.response.result.upper() != "OK":
            raise Answered(command.said)

    async def rest(self, seconds: float) -> None:
        """Until `seconds` passed or the server said something of interest; raises when the connection is lost."""
        never: asyncio.Future[Any] = self.running_loop.create_future()
        await self._until(self.news.is_set, never, seconds)
        if self.trouble is not None:
            raise self.trouble

    async def _until(self, enough: Callable[[], bool], idling: "asyncio.Future[Any]", seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not enough() and not idling.done() and self.trouble is None:
                    self._stirred.clear()
                    await self._stirred.wait()

    def _idled(self, idling: "asyncio.Future[Any]") -> None:
        self.tasks.discard(idling)
        self._stirred.set()
        if not idling.cancelled() and isinstance(idling.exception(), CommandTimeout):
            self.give_up(TimeoutError("IDLE was not answered"))
