"""From the greeting to the transaction state: capabilities, STLS, a login that fits."""

import asyncio
import base64

from ece_common.bearer import ending as ending_of
from ece_common.contracts.instances import IncomingAccess
from retriever.diagnosis import Unfit
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
from retriever.mailbox.pop3_wire import Pop3Wire

_CAPABILITIES_LIMIT = 65536


async def logged_in(connect: Connector, access: IncomingAccess) -> Pop3Wire:
    """A connection in the transaction state. Raises MailFailure, leaving nothing open."""
    loop = asyncio.get_running_loop()
    wire = await establish(connect, access, lambda: Pop3Wire(loop))
    try:
        with diagnosing(access, "greeting"):
            await wire.reply(LOGIN_SECONDS)
            await _capabilities(wire)
        encrypted = await _secured(wire, connect, access)
        guard_token(connect, access, wire.link)
        with diagnosing(access, "auth"):
            # CAPA is not asked again: RFC 2449 lets neither PIPELINING nor UIDL differ after the login.
            await _authenticated(wire, access, encrypted=encrypted)
    except BaseException:
        wire.give_up(ConnectionAbortedError("given up"))
        raise
    return wire


async def _capabilities(wire: Pop3Wire) -> None:
    """RFC 2449. A server that does not know CAPA leaves us with nothing known."""
    wire.capabilities = {}
    try:
        await wire.ask("CAPA")
    except Answered:
        return
    for line in (await wire.block(_CAPABILITIES_LIMIT)).decode(errors="replace").splitlines():
        words = line.upper().split()
        if words:
            wire.capabilities[words[0]] = frozenset(words[1:])


async def _secured(wire: Pop3Wire, connect: Connector, access: IncomingAccess) -> bool:
    """Whether the connection is encrypted afterwards."""
    wanted = security(access)
    if wanted == "implicit":
        return True
    with diagnosing(access, "tls"):
        if "STLS" not in wire.capabilities:
            if wanted == "required":
                raise Unfit(f"{access.server_name}:{access.port} offers no STLS, and this alias demands TLS")
            return False
        await wire.ask("STLS")
        wire.rewired(await upgraded(connect, access, wire.link, wire))
        # RFC 2595 section 4: what was said before TLS is not to be believed.
        await _capabilities(wire)
    return True


async def _authenticated(wire: Pop3Wire, access: IncomingAccess, *, encrypted: bool) -> None:
    if access.access_token:
        mechanism = bearer.chosen(wire.capabilities.get("SASL", frozenset()))
        await _sasl(wire, mechanism, bearer.response(mechanism, access), ending_of(mechanism))
    elif "PLAIN" in wire.capabilities.get("SASL", frozenset()):
        await _sasl(wire, "PLAIN", plain_response(access))
    elif "USER" in wire.capabilities or not wire.capabilities or encrypted:
        await _user_and_password(wire, access)
    else:
        raise Unfit("the server takes no password on this connection (CAPA names neither USER nor PLAIN): use SSL")


async def _user_and_password(wire: Pop3Wire, access: IncomingAccess) -> None:
    for word in (access.user_name, access.password):
        if any(ord(character) < 32 or ord(character) == 127 for character in word):
            raise Unfit("user name and password must not contain control characters where the server knows only USER")
    await wire.ask(f"USER {access.user_name}", LOGIN_SECONDS)
    await wire.ask(f"PASS {access.password}", LOGIN_SECONDS)


async def _sasl(wire: Pop3Wire, mechanism: str, response: bytes, ending: bytes = b"") -> None:
    """In two steps (RFC 5034): an initial response may make the line longer than the server takes.

    `ending`, in base64, is said to a challenge too many.
    """
    await wire.ask(f"AUTH {mechanism}", LOGIN_SECONDS)
    wire.send(base64.b64encode(response))
    line, challenge = await wire.line(LOGIN_SECONDS), None
    if line.startswith(b"+") and not line.upper().startswith(b"+OK"):
        # A failure told in a challenge: its answer brings the real refusal.
        challenge = line
        wire.send(ending)
        line = await wire.line(LOGIN_SECONDS)
    if not line.startswith(b"+OK"):
        raise Answered(bearer.told(line.decode(errors="replace"), challenge))
