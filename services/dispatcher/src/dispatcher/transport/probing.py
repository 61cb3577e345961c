"""An outgoing server is tried step by step up to the sender, and no further: for connection tests (R191)."""

import asyncio
import ssl
from collections.abc import Sequence
from typing import cast

import aiosmtplib

from dispatcher.transport.dialogue import Ended, say
from dispatcher.transport.fresh_token import is_about_token
from dispatcher.transport.opening import OpenSocket, Plan, connect
from dispatcher.transport.port import Conversation, Reply, Stage, Trouble
from dispatcher.transport.smtp import SmtpOptions, SmtpTransport, login_refused
from dispatcher.verdict import switched_off, written
from ece_common.contracts.instances import OutgoingAccess
from ece_common.contracts.jobs import ConnectionStep, Step, StepOutcome
from ece_common.trying import Another, Tried, tried

_STEPS: dict[Stage, Step] = {
    Stage.CONNECT: "tcp",
    Stage.GREETING: "greeting",
    Stage.TLS: "tls",
    Stage.AUTH: "auth",
    Stage.MAIL: "mail_from",
}
_HINTS: dict[Step, str] = {
    "dns": "Check `outgoing.server_name`: no server has that name.",
    "tcp": "Check server name and port, that the service is started, and firewalls on the dispatcher's way to it.",
    "greeting": "Check that an SMTP server listens on that port, and whether it takes mail from the dispatcher.",
    "tls": "Check that port and `use_ssl` fit and that the certificate is valid, or give its CA in `outgoing.tls`.",
    "auth": "Check user name and password, and that the server lets this mailbox send by SMTP.",
    "mail_from": "The server does not let this user send as the alias's address.",
}
_WITH_TOKEN: dict[Step, str] = {
    "dns": "No server has that name: correct the host in the OAuth application's `servers`.",
    "tls": "Check that port and `use_ssl` in the OAuth application's `servers` fit, that the certificate is valid "
    "and of that host, or give its CA to the dispatcher (ECE_CA_FILE).",
    "auth": "The server refuses the account's token for this mailbox: check its permissions and SMTP AUTH.",
    "mail_from": "Who signed in may not send as the alias's address: give them Send As for a shared mailbox.",
}
_NO_TOKENS = "Check that the server takes access tokens (XOAUTH2 or OAUTHBEARER), and on this port."
_CLEAR_TEXT = (
    "Switch `use_ssl` on with a port that fits (465 speaks TLS at once, others STARTTLS), or let the server offer "
    "STARTTLS: an access token goes over TLS only."
)
_SWITCHED_OFF = "Switch SMTP AUTH on for this mailbox and its tenant: no other token or password helps."
_WAIT = "The server asks to wait: try again later."
_WAITING = (421, 432, 450, 451, 454)


async def probe(
    access: OutgoingAccess, sender: str, open_socket: OpenSocket, options: SmtpOptions, another: Another
) -> list[ConnectionStep]:
    """Each step with its outcome; after one that failed the others are skipped."""
    plans = SmtpTransport(open_socket, options)

    async def attempt(token: str | None) -> Tried:
        return await _attempted(access.model_copy(update={"access_token": token}), sender, open_socket, plans)

    return await tried("outgoing", access.access_token, attempt, another)


async def _attempted(access: OutgoingAccess, sender: str, open_socket: OpenSocket, plans: SmtpTransport) -> Tried:
    order = _order(implicit=plans.speaks_tls_at_once(access))
    try:
        return Tried(await _spoken(plans.plan(access, authenticate=True), sender, open_socket, order))
    except Ended as ended:
        refused = _until(order, ended.conversation, access)
        if access.use_smtp != "when_authorization_fails" or not login_refused(ended.conversation):
            return Tried(refused, token_refused=is_about_token(ended.conversation))
    try:
        steps = await _spoken(plans.plan(access, authenticate=False), sender, open_socket, order)
    except Ended as ended:
        return Tried(_until(order, ended.conversation, access))
    login = next(one for one in refused if one.step == "auth")
    instead = login.model_copy(update={"outcome": "warning", "hint": "Plain SMTP stands in (`use_smtp`)."})
    return Tried([instead if one.step == "auth" else one for one in steps])


async def _spoken(plan: Plan, sender: str, open_socket: OpenSocket, order: Sequence[Step]) -> list[ConnectionStep]:
    smtp = await connect(plan, open_socket)
    try:
        secured = _security(smtp)
        reply = await say(smtp, Stage.MAIL, b"MAIL", f"FROM:<{sender}>".encode(), *_options(smtp, sender))
        if reply.code // 100 != 2:
            raise Ended(Conversation(Stage.MAIL, Reply(reply.code, reply.message)))
        for last in (b"RSET", b"QUIT"):
            await say(smtp, Stage.MAIL, last)
    finally:
        if smtp.transport is not None:
            cast("asyncio.WriteTransport", smtp.transport).abort()
        smtp.close()
    said = {"tls": secured[1], "auth": "" if _logs_in(plan) else "no login: plain SMTP"}
    return [_step(step, secured[0] if step == "tls" else "ok", said.get(step, "")) for step in order]


def _options(smtp: aiosmtplib.SMTP, sender: str) -> tuple[bytes, ...]:
    return (b"SMTPUTF8",) if not sender.isascii() and smtp.supports_extension("smtputf8") else ()


def _logs_in(plan: Plan) -> bool:
    return plan.authenticate and plan.access.server_type == "ESMTP" and bool(plan.access.user_name)


def _order(*, implicit: bool) -> Sequence[Step]:
    first: tuple[Step, ...] = ("dns", "tcp", "tls", "greeting") if implicit else ("dns", "tcp", "greeting", "tls")
    return (*first, "auth", "mail_from")


def _until(order: Sequence[Step], said: Conversation, access: OutgoingAccess) -> list[ConnectionStep]:
    failed = _STEPS.get(said.stage, "mail_from")
    if said.trouble is Trouble.UNRESOLVED:
        failed = "dns"
    place = order.index(failed)
    hint = _hint(failed, said, access)
    detail = written(said.reply) if said.reply is not None else said.detail
    return [
        *(_step(step, "ok") for step in order[:place]),
        _step(failed, "failed", detail, hint),
        *(_step(step, "skipped") for step in order[place + 1 :]),
    ]


def _hint(failed: Step, said: Conversation, access: OutgoingAccess) -> str:
    if said.reply is not None and said.reply.code in _WAITING:
        return _WAIT
    if said.reply is not None and switched_off(said.reply):
        return _SWITCHED_OFF
    if access.access_token is None:
        return _HINTS[failed]
    if said.trouble is Trouble.NOT_OFFERED:
        return _CLEAR_TEXT if failed == "tls" else _NO_TOKENS
    return _WITH_TOKEN.get(failed, _HINTS[failed])


def _step(step: Step, outcome: StepOutcome, detail: str = "", hint: str = "") -> ConnectionStep:
    return ConnectionStep(side="outgoing", step=step, outcome=outcome, detail=detail[:1000], hint=hint)


def _security(smtp: aiosmtplib.SMTP) -> tuple[StepOutcome, str]:
    link = cast("asyncio.Transport", smtp.transport)
    encrypted: ssl.SSLObject | None = link.get_extra_info("ssl_object")
    if encrypted is None:
        return "warning", "no TLS: mail travels in clear text; switch `use_ssl` on where the server offers it"
    version = encrypted.version() or "TLS"
    if encrypted.context.verify_mode is ssl.CERT_REQUIRED:
        return "ok", f"{version}, certificate verified"
    return "warning", f"{version} by STARTTLS, but without `use_ssl` the certificate is not verified"
