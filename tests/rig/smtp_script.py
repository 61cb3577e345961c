"""An SMTP server that records what it was given and answers each step as a test chose."""

import asyncio
import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.rig.certificates import Certificate
from tests.rig.tcp_server import Act, TcpServer

Step = Literal["connect", "ehlo", "auth", "mail", "rcpt", "data", "content", "quit"]

_USUAL: dict[Step, str] = {
    "connect": "220 mx.rig.test ESMTP",
    "auth": "235 2.7.0 Authentication successful",
    "mail": "250 2.1.0 Ok",
    "rcpt": "250 2.1.5 Ok",
    "data": "354 End data with <CR><LF>.<CR><LF>",
    "content": "250 2.0.0 Ok: queued",
    "quit": "221 2.0.0 Bye",
}


@dataclass(frozen=True, slots=True)
class Received:
    """One message whose final dot arrived. `reply` is what the client was told, an Act if it was not."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes  # as sent, dots unstuffed
    mail_options: str  # what followed MAIL FROM:<...>
    login: str | None
    tls: bool
    reply: str | Act

    @property
    def accepted(self) -> bool:
        return isinstance(self.reply, str) and self.reply.startswith("2")


@dataclass(slots=True)
class _Rule:
    step: Step
    reply: str | Act
    recipient: str | None
    times: int | None


@dataclass(slots=True)
class _Session:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    tls: bool
    login: str | None = None
    sender: str | None = None
    mail_options: str = ""
    recipients: list[str] = field(default_factory=list)

    def forget_envelope(self) -> None:
        self.sender, self.mail_options = None, ""
        self.recipients = []


class RecordingSmtp(TcpServer):
    """Offers PIPELINING, 8BITMIME, SMTPUTF8, SIZE, AUTH if there are `users`, STARTTLS if a certificate.

    `mechanisms`: what AUTH offers; XOAUTH2 and OAUTHBEARER take the `tokens`, which may change while it runs.
    `received`: messages in order. `commands`: lines in order, credentials left out.
    `implicit_tls`: TLS from the first byte instead of STARTTLS.
    """

    def __init__(
        self,
        *,
        users: dict[str, str] | None = None,
        certificate: Certificate | None = None,
        implicit_tls: bool = False,
        mechanisms: Sequence[str] = ("PLAIN", "LOGIN"),
        extensions: Sequence[str] = ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 10485760"),
    ) -> None:
        self.users = users or {}
        self.tokens: set[str] = set()
        self.tokens_shown: list[str] = []
        self._mechanisms = mechanisms
        self.received: list[Received] = []
        self.commands: list[str] = []
        self._rules: list[_Rule] = []
        self._extensions = extensions
        self._context = certificate.server_context() if certificate else None
        self._implicit = implicit_tls
        super().__init__("recording-smtp", tls=self._context if implicit_tls else None)

    @property
    def accepted(self) -> list[Received]:
        return [message for message in self.received if message.accepted]

    def on(self, step: Step, reply: str | Act, *, recipient: str | None = None, times: int | None = None) -> None:
        """From now on `reply` at `step`; a later call wins. `times` None: until clear().

        `recipient`: at rcpt only for that address, at content only for mails that have it (any case).
        A line feed in `reply` makes a multi-line reply; write the codes yourself.
        """
        self._rules.insert(0, _Rule(step, reply, recipient and recipient.lower(), times))

    def clear(self) -> None:
        """The usual replies again; `received` and `commands` are emptied."""
        self._rules.clear()
        self.received.clear()
        self.commands.clear()

    # --- one connection

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(reader, writer, tls=self._implicit)
        greeting = await self._answer(session, "connect")
        if not greeting.startswith("2"):
            return
        while raw := await reader.readline():
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            verb = line.partition(" ")[0].upper()
            self.commands.append("AUTH ..." if verb == "AUTH" else line)
            if verb == "QUIT":
                await self._answer(session, "quit")
                return
            # RFC 5321 3.8: whoever says 421 closes
            if (await self._command(session, verb, line)).startswith("421"):
                return

    async def _command(self, session: _Session, verb: str, line: str) -> str:
        known: dict[str, Callable[[_Session, str], Awaitable[str]]] = {
            "EHLO": self._ehlo,
            "HELO": self._ehlo,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": self._noop,
        }
        if self._offers_starttls(session):
            known["STARTTLS"] = self._starttls
        if self.users:
            known["AUTH"] = self._auth
        return await known.get(verb, self._unknown)(session, line)

    async def _rset(self, session: _Session, line: str) -> str:
        session.forget_envelope()
        return await self._noop(session, line)

    async def _noop(self, session: _Session, _line: str) -> str:
        return await self._say(session, "250 2.0.0 Ok")

    async def _unknown(self, session: _Session, _line: str) -> str:
        return await self._say(session, "502 5.5.2 Command not recognized")

    async def _ehlo(self, session: _Session, line: str) -> str:
        session.forget_envelope()
        lines = ["mx.rig.test", *self._extensions]
        if self._offers_starttls(session):
            lines.append("STARTTLS")
        if self.users:
            lines.append(" ".join(("AUTH", *self._mechanisms)))
        lines = lines[:1] if line.upper().startswith("HELO") else lines
        marks = ["-"] * (len(lines) - 1) + [" "]
        usual = "\n".join(f"250{mark}{text}" for mark, text in zip(marks, lines, strict=True))
        return await self._answer(session, "ehlo", usual=usual)

    def _offers_starttls(self, session: _Session) -> bool:
        return self._context is not None and not session.tls

    async def _starttls(self, session: _Session, _line: str) -> str:
        reply = await self._say(session, "220 2.0.0 Ready to start TLS")
        assert self._context is not None
        await session.writer.start_tls(self._context)
        session.tls, session.login = True, None
        session.forget_envelope()
        return reply

    async def _auth(self, session: _Session, line: str) -> str:
        _verb, mechanism, *initial = line.split(" ")
        if mechanism.upper() not in self._mechanisms:
            return await self._say(session, "504 5.5.4 Unrecognized authentication type")
        if mechanism.upper() in ("XOAUTH2", "OAUTHBEARER"):
            return await self._bearer(session, initial)
        if mechanism.upper() == "PLAIN":
            blob = initial[0] if initial else await self._challenge(session, "")
            name, password = _plain(blob)
        else:
            name = _decoded(initial[0] if initial else await self._challenge(session, "Username:"))
            password = _decoded(await self._challenge(session, "Password:"))
        if self.users.get(name) != password:
            return await self._say(session, "535 5.7.8 Authentication credentials invalid")
        reply = await self._answer(session, "auth")
        session.login = name if reply.startswith("235") else None
        return reply

    async def _bearer(self, session: _Session, initial: Sequence[str]) -> str:
        response = _decoded(initial[0] if initial else await self._challenge(session, ""))
        found = re.search(r"(?:user|n,a)=([^\x01,]+),?\x01(?:.*\x01)?auth=Bearer ([^\x01]+)\x01\x01\Z", response)
        self.tokens_shown.append(found[2] if found else "")
        if found is None or found[2] not in self.tokens:
            self.commands.append(await self._challenge(session, '{"status":"401","schemes":"bearer"}'))
            return await self._answer(session, "auth", usual="535 5.7.3 Authentication unsuccessful")
        reply = await self._answer(session, "auth")
        session.login = found[1] if reply.startswith("235") else None
        return reply

    async def _challenge(self, session: _Session, prompt: str) -> str:
        await self._say(session, "334 " + base64.b64encode(prompt.encode()).decode())
        return (await session.reader.readline()).decode("ascii", "replace").strip()

    async def _mail(self, session: _Session, line: str) -> str:
        path = re.match(r"MAIL FROM:\s*<([^>]*)>\s*(.*)", line, re.IGNORECASE)
        if path is None:
            return await self._say(session, "501 5.5.4 Syntax: MAIL FROM:<address>")
        if self.users and session.login is None:
            return await self._say(session, "530 5.7.0 Authentication required")
        reply = await self._answer(session, "mail")
        if reply.startswith("2"):
            session.sender, session.mail_options = path[1], path[2]
        return reply

    async def _rcpt(self, session: _Session, line: str) -> str:
        path = re.match(r"RCPT TO:\s*<([^>]+)>", line, re.IGNORECASE)
        if path is None or session.sender is None:
            return await self._say(session, "503 5.5.1 Need MAIL FROM:<address>, then RCPT TO:<address>")
        reply = await self._answer(session, "rcpt", recipients=[path[1]])
        if reply.startswith("2"):
            session.recipients.append(path[1])
        return reply

    async def _data(self, session: _Session, _line: str) -> str:
        if not session.recipients:
            return await self._say(session, "554 5.5.1 No valid recipients")
        go_ahead = await self._answer(session, "data")
        if not go_ahead.startswith("354"):
            return go_ahead
        content = await _until_dot(session.reader)
        reply = self._choose("content", session.recipients, _USUAL["content"])
        message = Received(
            session.sender or "",
            tuple(session.recipients),
            content,
            session.mail_options,
            session.login,
            session.tls,
            reply,
        )
        self.received.append(message)
        session.forget_envelope()
        return await self._say(session, reply, after_hang=_USUAL["content"])

    # --- replies

    async def _answer(self, session: _Session, step: Step, *, recipients: Sequence[str] = (), usual: str = "") -> str:
        usual = usual or _USUAL[step]
        return await self._say(session, self._choose(step, recipients, usual), after_hang=usual)

    def _choose(self, step: Step, recipients: Sequence[str], usual: str) -> str | Act:
        wanted = {address.lower() for address in recipients}
        for rule in self._rules:
            if rule.step == step and rule.times != 0 and (rule.recipient is None or rule.recipient in wanted):
                if rule.times is not None:
                    rule.times -= 1
                return rule.reply
        return usual

    async def _say(self, session: _Session, reply: str | Act, *, after_hang: str = "") -> str:
        if isinstance(reply, Act):
            await self.act(reply, session.writer)
            reply = after_hang
        session.writer.write(reply.replace("\n", "\r\n").encode() + b"\r\n")
        await session.writer.drain()
        return reply


async def _until_dot(reader: asyncio.StreamReader) -> bytes:
    lines: list[bytes] = []
    while (line := await reader.readline()) != b".\r\n":
        if not line.endswith(b"\n"):
            raise EOFError("the client left before the final dot")
        lines.append(line[1:] if line.startswith(b".") else line)
    return b"".join(lines)


def _decoded(blob: str) -> str:
    try:
        return base64.b64decode(blob, validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def _plain(blob: str) -> tuple[str, str]:
    _authorize, name, password = (*_decoded(blob).split("\0"), "", "", "")[:3]
    return name, password
