"""From the greeting to a selected folder: capabilities, STARTTLS, a login that fits, SELECT."""

import asyncio
import base64
import re
from dataclasses import dataclass

from aioimaplib.aioimaplib import AUTH, NONAUTH, SELECTED

from ece_common.bearer import ending
from ece_common.contracts.instances import IncomingAccess
from retriever.diagnosis import ProtocolBroken, Unfit
from retriever.mailbox import bearer
from retriever.mailbox.connection import (
    LOGIN_SECONDS,
    Answered,
    Connector,
    diagnosing,
    establish,
    guard_token,
    plain_response,
    security,
    upgraded,
)
from retriever.mailbox.imap_command import Asked
from retriever.mailbox.imap_grammar import astring, folder_name
from retriever.mailbox.imap_wire import ImapWire

# Dovecot, Postfix and Exchange all refuse a longer line than this somewhere; long tokens go in a line of their own.
INITIAL_RESPONSE_LIMIT = 1500

_CODE = re.compile(rb"\[([A-Z-]+)(?: ([^\]]*))?\]", re.IGNORECASE)
_EXISTS = re.compile(rb"\* (\d+) EXISTS", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Folder:
    """What SELECT told."""

    name: str
    uidvalidity: int | None


async def logged_in(connect: Connector, access: IncomingAccess) -> ImapWire:
    """A connection with a user, capabilities up to date. Raises MailFailure, leaving nothing open."""
    loop = asyncio.get_running_loop()
    wire = await establish(connect, access, lambda: ImapWire(loop))
    try:
        await _greeted(wire, access)
        await _secured(wire, connect, access)
        if wire.state == NONAUTH:
            guard_token(connect, access, wire.link)
        with diagnosing(access, "auth"):
            await _authenticated(wire, access)
    except BaseException:
        wire.give_up(ConnectionAbortedError("given up"))
        raise
    return wire


async def _greeted(wire: ImapWire, access: IncomingAccess) -> None:
    with diagnosing(access, "greeting"):
        async with asyncio.timeout(LOGIN_SECONDS):
            greeting = await asyncio.shield(wire.greeting)
        first = greeting[:6].upper()
        if first.startswith(b"* PREA"):
            wire.state = AUTH
        elif first.startswith(b"* OK"):
            wire.state = NONAUTH
        elif first.startswith((b"* BYE", b"* NO", b"* BAD")):
            raise Answered(greeting[2:1000].decode(errors="replace"))
        else:
            raise ProtocolBroken(f"no IMAP greeting: {greeting[:200].decode(errors='replace')}")
        if not _told(wire, [greeting]):
            await _capabilities(wire)


async def _secured(wire: ImapWire, connect: Connector, access: IncomingAccess) -> None:
    wanted = security(access)
    if wanted == "implicit":
        return
    if "STARTTLS" not in wire.capabilities or wire.state != NONAUTH:
        if wanted == "required":
            with diagnosing(access, "tls"):
                raise Unfit(f"{access.server_name}:{access.port} offers no STARTTLS, and this alias demands TLS")
        return
    with diagnosing(access, "tls"):
        await wire.ask("STARTTLS")
        wire.rewired(await upgraded(connect, access, wire.link, wire))
        # RFC 3501 section 6.2.1: what was said before TLS is not to be believed.
        await _capabilities(wire)


async def _authenticated(wire: ImapWire, access: IncomingAccess) -> None:
    if wire.state == AUTH:
        return
    async with asyncio.timeout(LOGIN_SECONDS):
        if access.access_token:
            done = await _with_token(wire, access)
        elif "AUTH=PLAIN" in wire.capabilities:
            done = await _sasl(wire, "PLAIN", plain_response(access))
        elif "LOGINDISABLED" in wire.capabilities:
            raise Unfit("the server takes no password on this connection (LOGINDISABLED): switch SSL on")
        else:
            done = await _login(wire, access)
        wire.state = AUTH
        if not _told(wire, [bytes(line) for line in done.response.lines] + [parts[0] for parts in done.answers]):
            await _capabilities(wire)


async def _with_token(wire: ImapWire, access: IncomingAccess) -> Asked:
    offered = {name.removeprefix("AUTH=") for name in wire.capabilities if name.startswith("AUTH=")}
    mechanism = bearer.chosen(offered)
    try:
        return await _sasl(wire, mechanism, bearer.response(mechanism, access), ending(mechanism))
    except Answered as no:
        raise Answered(bearer.told(no.line, no.challenge)) from None


async def _sasl(wire: ImapWire, mechanism: str, response: bytes, *further: bytes) -> Asked:
    """`further`: answers, in base64, to challenges after the response."""
    encoded = base64.b64encode(response)
    if "SASL-IR" in wire.capabilities and len(encoded) <= INITIAL_RESPONSE_LIMIT:
        return await wire.ask("AUTHENTICATE", mechanism, encoded.decode(), literals=further)
    return await wire.ask("AUTHENTICATE", mechanism, literals=[encoded, *further])


async def _login(wire: ImapWire, access: IncomingAccess) -> Asked:
    args, literals = in_pieces(astring(access.user_name), astring(access.password))
    return await wire.ask("LOGIN", *args, literals=literals)


def in_pieces(*values: str | bytes) -> tuple[list[str], list[bytes]]:
    """Arguments with literals among them: the first line's, and what is sent after each continuation."""
    args: list[str] = []
    literals: list[bytes] = []
    for value in values:
        if isinstance(value, bytes):
            size = f"{{{len(value)}}}"
            if literals:
                literals[-1] += b" " + size.encode()
            else:
                args.append(size)
            literals.append(value)
        elif literals:
            literals[-1] += b" " + value.encode()
        else:
            args.append(value)
    return args, literals


async def _capabilities(wire: ImapWire) -> None:
    answer = await wire.ask("CAPABILITY")
    if not _told(wire, [parts[0] for parts in answer.answers]):
        raise ProtocolBroken("no answer to CAPABILITY")


def _told(wire: ImapWire, lines: list[bytes]) -> bool:
    """Takes over the capabilities from `* CAPABILITY ...` or a `[CAPABILITY ...]` code, if one is there."""
    for line in lines:
        words = line.upper().decode(errors="replace")
        if words.startswith("* CAPABILITY "):
            wire.capabilities = set(words.split()[2:])
            return True
        if "[CAPABILITY " in words:
            wire.capabilities = set(words.split("[CAPABILITY ", 1)[1].split("]", 1)[0].split())
            return True
    return False


async def selected(wire: ImapWire, access: IncomingAccess) -> Folder:
    """Opens the folder read-write. Raises MailFailure."""
    name = folder_name(access.folder)
    with diagnosing(access, "select"):
        args, literals = in_pieces(astring(name))
        wire.exists = 0
        answer = await wire.ask("SELECT", *args, literals=literals)
        wire.state = SELECTED
        if "[READ-ONLY]" in answer.said.upper():
            raise Answered(f"NO [NOPERM] the folder {access.folder} can only be read: {answer.said}")
    uidvalidity = None
    for parts in answer.answers:
        code = _CODE.search(parts[0])
        if code is not None and code[1].upper() == b"UIDVALIDITY" and code[2] and code[2].isdigit():
            uidvalidity = int(code[2])
    return Folder(access.folder, uidvalidity)
