"""One open SMTP connection, and one letter after the other over it."""

import asyncio
import contextlib
from typing import cast

import aiosmtplib
from aiosmtplib import SMTPResponse
from aiosmtplib.protocol import SMTPProtocol

from dispatcher.transport import opening
from dispatcher.transport.dialogue import Ended, say, without_reply
from dispatcher.transport.opening import OpenSocket, Plan
from dispatcher.transport.port import Conversation, Letter, Reply, Stage, Trouble

# Pieces of a long body; a message below this is written at once, dot and all.
_PIECE = 64 * 1024


class Connection:
    def __init__(self, smtp: aiosmtplib.SMTP, plan: Plan) -> None:
        self._smtp = smtp
        self._timeouts = plan.timeouts
        self.access = plan.access
        self._writer: asyncio.StreamWriter | None = None
        self._used_smtp_fallback = not plan.authenticate
        self.needs_reset = False
        self.letters = 0
        self.idle_since = 0.0

    @classmethod
    async def open(cls, plan: Plan, open_socket: OpenSocket) -> "Connection":
        """Raises Ended when the server cannot be reached, secured or logged in to."""
        return cls(await opening.connect(plan, open_socket), plan)

    @property
    def alive(self) -> bool:
        return self._smtp.is_connected

    @property
    def used_smtp_fallback(self) -> bool:
        return self._used_smtp_fallback

    async def clean(self) -> bool:
        """A kept connection is asked before it is trusted; RSET also drops an envelope that was left open."""
        try:
            reply = await self._smtp.execute_command(b"RSET", timeout=self._timeouts.check)
        except aiosmtplib.SMTPException:
            return False
        self.needs_reset = False
        return reply.code == 250 and self.alive

    def close(self) -> None:
        """Says QUIT without waiting for the answer: nobody needs it."""
        protocol = self._smtp.protocol
        if protocol is not None:
            with contextlib.suppress(aiosmtplib.SMTPException):
                protocol.write(b"QUIT\r\n")
        self._smtp.close()

    def abort(self) -> None:
        """Breaks the connection now; what waits on it learns that it is lost."""
        transport = self._smtp.transport
        if transport is not None:
            cast("asyncio.WriteTransport", transport).abort()

    async def transact(self, letter: Letter) -> Conversation:
        """Never raises for what the server or the network does."""
        self.letters += 1
        try:
            return await self._transact(letter)
        except Ended as ended:
            self.abort()
            return ended.conversation
        except BaseException:
            self.abort()
            raise

    async def _transact(self, letter: Letter) -> Conversation:
        international = letter.utf8_content is not None and self._smtp.supports_extension("smtputf8")
        content = letter.utf8_content if international and letter.utf8_content is not None else letter.content
        unsayable = frozenset[int]() if international else _unsayable(letter)
        refused: dict[int, Reply] = {}
        ended = await self._envelope(
            letter, self._options(len(content), international=international), unsayable, refused
        )
        if ended is None:
            reply = await say(self._smtp, Stage.DATA, b"DATA")
            ended = (Stage.DATA, reply) if reply.code != 354 else await self._hand_over(content)
        stage, final = ended
        return Conversation(
            stage,
            Reply(final.code, final.message) if final is not None else None,
            refused=refused,
            untransmittable=unsayable,
            used_smtp_fallback=self._used_smtp_fallback,
        )

    async def _envelope(
        self, letter: Letter, options: list[bytes], unsayable: frozenset[int], refused: dict[int, Reply]
    ) -> tuple[Stage, SMTPResponse | None] | None:
        """None when there is somebody to send to; else where it ended. Refused recipients are added to `refused`."""
        if len(unsayable) == len(letter.recipients):
            return Stage.RECIPIENT, None
        self.needs_reset = True
        reply = await say(self._smtp, Stage.MAIL, b"MAIL", b"FROM:<" + letter.sender.encode() + b">", *options)
        if reply.code // 100 != 2:
            return Stage.MAIL, reply
        for n, recipient in enumerate(letter.recipients):
            if n in unsayable:
                continue
            reply = await say(self._smtp, Stage.RECIPIENT, b"RCPT", b"TO:<" + recipient.encode() + b">")
            if reply.code == 421:
                return Stage.RECIPIENT, reply
            # RFC 5321 section 4.3.2: the first digit decides. Who answers 252 delivers: asking again would repeat it.
            if reply.code // 100 != 2:
                refused[n] = Reply(reply.code, reply.message)
        nobody = len(refused) + len(unsayable) == len(letter.recipients)
        return (Stage.RECIPIENT, None) if nobody else None

    def _options(self, size: int, *, international: bool) -> list[bytes]:
        options: list[bytes] = []
        if self._smtp.supports_extension("size"):
            options.append(b"SIZE=%d" % size)
        if international:
            # RFC 6531 section 3.4: SMTPUTF8 comes with 8BITMIME. Otherwise the content is 7 bit already.
            if self._smtp.supports_extension("8bitmime"):
                options.append(b"BODY=8BITMIME")
            options.append(b"SMTPUTF8")
        return options

    async def _hand_over(self, content: bytes) -> tuple[Stage, SMTPResponse]:
        """The body and the dot. Raises Ended with BODY while the dot was not written, with CONTENT after."""
        protocol = self._smtp.protocol
        if protocol is None:
            raise Ended(Conversation(Stage.BODY, trouble=Trouble.LOST, detail="Connection lost"))
        stuffed = _stuffed(content)
        if len(stuffed) > _PIECE:
            return await self._hand_over_slowly(protocol, stuffed)
        stage = Stage.BODY
        try:
            protocol.write(stuffed + b".\r\n")
            stage = Stage.CONTENT
            reply = await protocol.read_response(timeout=self._timeouts.final)
        except aiosmtplib.SMTPException as lost:
            raise Ended(without_reply(stage, lost)) from None
        self.needs_reset = False
        return stage, reply

    async def _hand_over_slowly(self, protocol: SMTPProtocol, content: bytes) -> tuple[Stage, SMTPResponse]:
        """In pieces, each out of our hands before the next, so that a loss on the way is known to be before the dot.

        A reply that comes in between (too large, shutting down) ends it, and the connection with it.
        """
        writer, stage = self._buffered(protocol), Stage.BODY
        answer = asyncio.create_task(protocol.read_response())
        answer.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            for start in range(0, len(content), _PIECE):
                protocol.write(content[start : start + _PIECE])
                async with asyncio.timeout(self._timeouts.block):
                    await writer.drain()
                if answer.done():
                    return stage, answer.result()
            protocol.write(b".\r\n")
            stage = Stage.CONTENT
            async with asyncio.timeout(self._timeouts.final):
                return stage, await answer
        except (aiosmtplib.SMTPException, OSError) as lost:
            raise Ended(without_reply(stage, lost)) from None
        finally:
            answer.cancel()
            self.needs_reset = False
            if stage is Stage.BODY:
                self.abort()

    def _buffered(self, protocol: SMTPProtocol) -> asyncio.StreamWriter:
        """Flow control by asyncio. Kept, since a StreamWriter closes its transport when it is collected."""
        if self._writer is None:
            transport = cast("asyncio.WriteTransport", self._smtp.transport)
            # Not 0: asyncio's TLS transport then takes an empty buffer for a full one.
            transport.set_write_buffer_limits(high=1, low=0)
            self._writer = asyncio.StreamWriter(transport, protocol, None, asyncio.get_running_loop())
        return self._writer


def _unsayable(letter: Letter) -> frozenset[int]:
    """Recipients that cannot be named without SMTPUTF8; all of them when the sender cannot (RFC 6531 section 3.5)."""
    if not letter.sender.isascii():
        return frozenset(range(len(letter.recipients)))
    return frozenset(n for n, address in enumerate(letter.recipients) if not address.isascii())


def _stuffed(content: bytes) -> bytes:
    """RFC 5321 section 4.5.2. The content ends in CRLF and has no other line ends."""
    doubled = content.replace(b"\r\n.", b"\r\n..")
    return b"." + doubled if doubled.startswith(b".") else doubled
