"""A server that speaks lines a test wrote: IMAP, POP3 or SMTP as no real server would say them."""

import asyncio
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.rig.tcp_server import Act, TcpServer


@dataclass(frozen=True, slots=True)
class StartTls:
    """In place of a reply: the TLS handshake happens here."""

    context: ssl.SSLContext


# str: one line, CRLF added, {tag} and named groups of the pattern filled in; bytes: sent as they are
Reply = str | bytes | Act | StartTls


@dataclass(slots=True)
class On:
    """When a line from the client matches `pattern` (searched, case ignored): these replies, in order.

    `times`: how often the rule may be used on one connection; None is always.
    """

    pattern: str
    replies: Sequence[Reply]
    times: int | None = None

    def __init__(self, pattern: str, *replies: Reply, times: int | None = None) -> None:
        self.pattern, self.replies, self.times = pattern, replies, times


@dataclass(slots=True)
class Script:
    """One connection. In order: the n-th line must match the n-th rule; otherwise: the first rule that fits."""

    greeting: Reply | None
    rules: Sequence[On]
    in_order: bool = False
    otherwise: Sequence[Reply] = field(default=(Act.CLOSE,))


class LineServer(TcpServer):
    """Plays `scripts` one per connection, the last one again and again.

    `lines`: what clients said, all connections, in order of arrival. `surprises`: the lines no rule fitted.
    `tls`: speak TLS from the first byte.
    """

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        if not scripts:
            raise ValueError("a LineServer needs at least one script")
        self._scripts = scripts
        self.lines: list[str] = []
        self.surprises: list[str] = []
        super().__init__("line-script", tls=tls)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self._scripts[min(self.connections, len(self._scripts)) - 1]
        used: list[On] = []
        if script.greeting is not None:
            await self._say(writer, script.greeting, {})
        while raw := await reader.readline():
            line = raw.decode("latin-1").rstrip("\r\n")
            self.lines.append(line)
            rule, words = _choose(script, used, line)
            if rule is None:
                self.surprises.append(line)
            else:
                used.append(rule)
            for reply in script.otherwise if rule is None else rule.replies:
                await self._say(writer, reply, words)

    async def _say(self, writer: asyncio.StreamWriter, reply: Reply, words: dict[str, str]) -> None:
        match reply:
            case bytes():
                writer.write(reply)
            case str():
                writer.write(_filled(reply, words).encode() + b"\r\n")
            case StartTls():
                await writer.start_tls(reply.context)
            case Act():
                await writer.drain()
                await self.act(reply, writer)
        await writer.drain()


def _choose(script: Script, used: list[On], line: str) -> tuple[On | None, dict[str, str]]:
    words = {"tag": line.partition(" ")[0]}
    candidates = list(script.rules[len(used) :][:1] if script.in_order else script.rules)
    for rule in candidates:
        spent = rule.times is not None and sum(past is rule for past in used) >= rule.times
        if not spent and (match := re.search(rule.pattern, line, re.IGNORECASE)):
            return rule, words | {name: value or "" for name, value in match.groupdict().items()}
    return None, words


def _filled(reply: str, words: dict[str, str]) -> str:
    # not str.format: IMAP literals look like {12}
    for name, value in words.items():
        reply = reply.replace("{" + name + "}", value)
    return reply
