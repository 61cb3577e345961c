"""A mailbox is tried step by step and left as it was: for connection tests (R191)."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Sequence
from typing import cast

from ece_common.contracts.instances import IncomingAccess
from ece_common.contracts.jobs import ConnectionStep, Step, StepOutcome
from ece_common.trying import Another, Tried, tried
from retriever.diagnosis import Stage, Unfit, diagnose
from retriever.mailbox import imap_login, pop3_login
from retriever.mailbox.connection import Answered, Connector, diagnosing, security
from retriever.mailbox.imap_grammar import astring, folder_name
from retriever.mailbox.imap_wire import ImapWire
from retriever.mailbox.pop3_wire import Pop3Wire
from retriever.mailbox.port import MailFailure

GOODBYE_SECONDS = 3.0
_UIDL_LIMIT = 16 * 1024 * 1024
_HINTS: dict[tuple[Step, str], str] = {
    ("dns", "network_problem"): "Check `incoming.server_name`: no server has that name.",
    ("tcp", "service_not_started"): "Nothing listens there: check `incoming.port`, and that the service is started.",
    ("tcp", "network_problem"): "Check server name, port and firewalls between the retriever and the server.",
    ("tcp", "server_refuses"): "The retriever's own list of networks forbids this address (ECE_EGRESS_ALLOW, _DENY).",
    ("tls", "certificate_not_valid"): "Renew the server's certificate, or give its CA in `incoming.tls.ca_bundle`.",
    (
        "tls",
        "server_refuses",
    ): "Check that port and `use_ssl` fit: 993 and 995 speak TLS at once, others STARTTLS.",
    ("auth", "authentication_failed"): "Check user name and password; some servers want an app password or OAuth.",
    (
        "auth",
        "mailbox_locked",
    ): "Somebody has the mailbox open, perhaps this gateway just now: try again soon.",
    (
        "auth",
        "mailbox_access",
    ): "The login is right: check that IMAP or POP is enabled, and the mailbox's rights.",
    (
        "greeting",
        "server_stopped",
    ): "Check that port and `use_ssl` fit: 993 and 995 speak TLS at once and greet nobody who does not.",
    ("auth", "throttled"): "The server asks to wait: try again later.",
    ("auth", "server_refuses"): "The server takes no password on this connection: switch `use_ssl` on.",
    ("select", "folder_missing"): "Create the folder on the server, or correct `incoming.folder`.",
    ("select", "mailbox_access"): "Give the user the right to read the folder and to delete from it.",
    ("move_to", "folder_missing"): "Create the folder on the server, or correct `move_to`.",
}


_WITH_TOKEN: dict[tuple[Step, str], str] = {
    ("dns", "network_problem"): "No server has that name: correct the host in the OAuth application's `servers`.",
    (
        "tcp",
        "service_not_started",
    ): "Nothing listens there: check the port in the OAuth application's `servers`, and that the service is started.",
    (
        "tls",
        "certificate_not_valid",
    ): "Renew the server's certificate, or give its CA to the retriever (ECE_CA_FILE); the name must be the host's.",
    (
        "tls",
        "server_refuses",
    ): "Switch `use_ssl` on with a port that fits (993 and 995 speak TLS at once, others STARTTLS), or let the "
    "server offer STARTTLS: an access token goes over TLS only.",
    (
        "auth",
        "authentication_failed",
    ): "The server refuses the account's token for this mailbox: check its permissions and SharedMailbox.",
    (
        "auth",
        "server_refuses",
    ): "Check that the server takes access tokens (XOAUTH2 or OAUTHBEARER), and on this connection.",
    (
        "select",
        "mailbox_access",
    ): "Check that IMAP is enabled for the mailbox, and, where it is shared, that who signed in may open it wholly.",
}


async def probe(
    access: IncomingAccess, move_to: str | None, connect: Connector, another: Another, seconds: float
) -> list[ConnectionStep]:
    """Each step with its outcome; after one that failed the others are skipped. Nothing is read or changed.

    After `seconds` it is broken off, and told how far it came.
    """
    deadline = asyncio.get_running_loop().time() + seconds

    async def attempt(token: str | None) -> Tried:
        holding = access.model_copy(update={"access_token": token})
        first = await _attempted(holding, move_to, connect, deadline)
        again = isinstance(first, MailFailure) and first.fleeting
        ended = await _attempted(holding, move_to, connect, deadline) if again else first
        if not isinstance(ended, MailFailure):
            return Tried(ended)
        refused = token is not None and ended.reason == "authentication_failed"
        return Tried(_until(_order(access, move_to), access, ended), token_refused=refused)

    return await tried("incoming", access.access_token, attempt, another)


async def _attempted(
    access: IncomingAccess, move_to: str | None, connect: Connector, deadline: float
) -> list[ConnectionStep] | MailFailure:
    try:
        async with asyncio.timeout_at(deadline):
            secured, found = await (_pop3(access, connect) if access.server_type == "POP3"
                                    else _imap(access, move_to, connect))  # fmt: skip
    except MailFailure as failure:
        return failure
    except TimeoutError as late:
        return diagnose(TimeoutError(), _broken_off_at(late), server=f"{access.server_name}:{access.port}")
    said = {"select": found, "tls": secured[1]}
    order = _order(access, move_to)
    return [_step(step, secured[0] if step == "tls" else "ok", said.get(step, "")) for step in order]


def _broken_off_at(late: TimeoutError) -> Stage:
    notes: Sequence[str] = getattr(late.__cause__, "__notes__", ())
    return cast("Stage", notes[0]) if notes else "connect"


def _order(access: IncomingAccess, move_to: str | None) -> Sequence[Step]:
    first: tuple[Step, ...] = ("dns", "tcp", "tls", "greeting")
    if security(access) != "implicit":
        first = ("dns", "tcp", "greeting", "tls")
    return (*first, "auth", "select", *(("move_to",) if move_to else ()))


def _until(order: Sequence[Step], access: IncomingAccess, failure: MailFailure) -> list[ConnectionStep]:
    failed = _failed_at(failure)
    place = order.index(failed) if failed in order else 0
    place_and_reason = (failed, failure.reason)
    hint = _HINTS.get(place_and_reason, "")
    if access.access_token:
        hint = _WITH_TOKEN.get(place_and_reason, hint)
    return [
        *(_step(step, "ok") for step in order[:place]),
        _step(order[place], "failed", failure.detail, hint),
        *(_step(step, "skipped") for step in order[place + 1 :]),
    ]


def _failed_at(failure: MailFailure) -> Step:
    match failure.stage:
        case "connect":
            return "dns" if isinstance(failure.__cause__, socket.gaierror) else "tcp"
        case "tls":
            return "tls"
        case "greeting":
            return "greeting"
        case "auth":
            return "auth"
        case "session":
            return "move_to"
        case _:
            return "select"


def _step(step: Step, outcome: StepOutcome, detail: str = "", hint: str = "") -> ConnectionStep:
    return ConnectionStep(side="incoming", step=step, outcome=outcome, detail=detail[:1000], hint=hint)


async def _imap(
    access: IncomingAccess, move_to: str | None, connect: Connector
) -> tuple[tuple[StepOutcome, str], str]:
    wire = await imap_login.logged_in(connect, access)
    try:
        secured = _security(wire.link)
        await imap_login.selected(wire, access)
        if move_to:
            await _usable(wire, access, move_to)
        return secured, f"{wire.exists} mails in {access.folder}"
    finally:
        wire.leaving = True
        with contextlib.suppress(Exception):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await wire.ask("LOGOUT")
        wire.give_up(ConnectionAbortedError("closed"))


async def _usable(wire: ImapWire, access: IncomingAccess, move_to: str) -> None:
    try:
        with diagnosing(access, "select"):
            args, literals = imap_login.in_pieces(astring(folder_name(move_to)), "(MESSAGES)")
            await wire.ask("STATUS", *args, literals=literals)
    except MailFailure as failure:
        failure.stage = "session"
        raise


async def _pop3(access: IncomingAccess, connect: Connector) -> tuple[tuple[StepOutcome, str], str]:
    wire = await pop3_login.logged_in(connect, access)
    try:
        with diagnosing(access, "select"):
            secured = _security(wire.link)
            counted = await wire.ask("STAT")
            await _lists_uidl(wire, access)
            return secured, f"{counted.split(' ')[0]} mails"
    finally:
        with contextlib.suppress(Exception):
            await wire.ask("QUIT", GOODBYE_SECONDS)
        wire.give_up(ConnectionAbortedError("closed"))


async def _lists_uidl(wire: Pop3Wire, access: IncomingAccess) -> None:
    if "UIDL" in wire.capabilities:
        return
    try:
        await wire.ask("UIDL")
    except Answered:
        raise Unfit(f"{access.server_name} offers no UIDL: mail could not be told from mail already taken") from None
    await wire.block(_UIDL_LIMIT)


def _security(link: asyncio.Transport) -> tuple[StepOutcome, str]:
    encrypted: ssl.SSLObject | None = link.get_extra_info("ssl_object")
    if encrypted is None:
        return "warning", "no TLS: password and mail travel in clear text; switch `use_ssl` on"
    version = encrypted.version() or "TLS"
    if encrypted.context.verify_mode is ssl.CERT_REQUIRED:
        return "ok", f"{version}, certificate verified"
    return "warning", f"{version} by STARTTLS, but without `use_ssl` the certificate is not verified"
