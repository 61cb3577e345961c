"""From nothing to a server that takes letters: connected, secured, logged in."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import aiosmtplib
from aiosmtplib import SMTPResponse

from dispatcher.transport.dialogue import Ended, say, without_reply
from dispatcher.transport.port import Conversation, Reply, Stage, Trouble
from dispatcher.transport.sasl import Exchange, exchanges, unsaid
from ece_common import bearer
from ece_common.contracts.instances import OutgoingAccess
from ece_common.egress import EgressRefused

OpenSocket = Callable[[str, int, float], Awaitable[socket.socket]]

# RFC 4954 sections 4 and 6: the mechanism, not the password, is the problem; the next one may do.
_NEXT_MECHANISM = (500, 501, 502, 504, 534)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. RFC 5321 section 4.5.3.2 asks for minutes: a slow server is slow, not broken."""

    connect: float = 30.0
    command: float = 120.0
    block: float = 180.0
    final: float = 600.0
    check: float = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How a connection is made. `tls` verifies the certificate exactly when the alias uses SSL, `strict` always.

    `authenticate` is off where plain SMTP stands in for a refused login. `trusted`: peers to which an access token
    may go without TLS.
    """

    access: OutgoingAccess
    tls: ssl.SSLContext
    strict: ssl.SSLContext
    ehlo_name: str
    implicit_tls: bool
    authenticate: bool
    timeouts: Timeouts = field(default_factory=Timeouts)
    trusted: Callable[[str], bool] = bearer.is_loopback


async def connect(plan: Plan, open_socket: OpenSocket) -> aiosmtplib.SMTP:
    """Raises Ended when the server cannot be reached, secured or logged in to."""
    sock = await _reached(plan, open_socket)
    smtp = aiosmtplib.SMTP(
        hostname=plan.access.server_name.strip("[]"),
        sock=sock,
        use_tls=plan.implicit_tls,
        start_tls=False,
        tls_context=plan.tls,
        local_hostname=plan.ehlo_name,
        timeout=plan.timeouts.command,
    )
    try:
        await _greet(smtp)
        await _secure(smtp, plan)
        await _log_in(smtp, plan)
    except BaseException:
        # Never sock.close(): a closing TLS transport still has the descriptor, which the next socket would get.
        if smtp.transport is not None:
            cast("asyncio.WriteTransport", smtp.transport).abort()
        smtp.close()
        raise
    return smtp


async def _reached(plan: Plan, open_socket: OpenSocket) -> socket.socket:
    access = plan.access
    try:
        return await open_socket(access.server_name, access.port, plan.timeouts.connect)
    except EgressRefused as refused:
        raise Ended(Conversation(Stage.CONNECT, trouble=Trouble.NOT_ALLOWED, detail=refused.detail)) from None
    except (OSError, UnicodeError) as problem:
        raise Ended(_unreached(f"{access.server_name}:{access.port}", problem)) from None


def _unreached(place: str, problem: OSError | UnicodeError) -> Conversation:
    """Said as the retriever says it of incoming servers."""
    words = (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
    trouble, detail = Trouble.UNREACHABLE, f"{place}: {words}"
    if isinstance(problem, (socket.gaierror, UnicodeError)):
        trouble, detail = Trouble.UNRESOLVED, f"the name of {place} cannot be resolved: {words}"
    elif isinstance(problem, ConnectionRefusedError):
        detail = f"{place} refuses connections: the service is not started"
    elif isinstance(problem, TimeoutError):
        detail = words  # which names the place and the time
    return Conversation(Stage.CONNECT, trouble=trouble, detail=detail)


async def _greet(smtp: aiosmtplib.SMTP) -> None:
    try:
        await smtp.connect()
    except aiosmtplib.SMTPConnectResponseError as refused:
        raise Ended(Conversation(Stage.GREETING, Reply(refused.code, refused.message))) from None
    except aiosmtplib.SMTPException as lost:
        raise Ended(without_reply(Stage.GREETING, lost)) from None
    await _hello(smtp)


async def _hello(smtp: aiosmtplib.SMTP) -> None:
    """EHLO, and HELO for a server that knows no better (RFC 5321 section 3.2)."""
    try:
        try:
            await smtp.ehlo()
        except aiosmtplib.SMTPHeloError as refused:
            if not smtp.is_connected or refused.code // 100 == 4:
                raise
            await smtp.helo()
    except aiosmtplib.SMTPHeloError as refused:
        raise Ended(Conversation(Stage.GREETING, Reply(refused.code, refused.message))) from None
    except aiosmtplib.SMTPException as lost:
        raise Ended(without_reply(Stage.GREETING, lost)) from None


async def _secure(smtp: aiosmtplib.SMTP, plan: Plan) -> None:
    """With SSL: TLS or nothing. Without: TLS when it is offered (RFC 7435)."""
    if plan.implicit_tls:
        return
    if not smtp.supports_extension("starttls"):
        if plan.access.use_ssl:
            detail = "The server does not offer STARTTLS, which SSL demands on this port."
            raise Ended(Conversation(Stage.TLS, trouble=Trouble.NOT_OFFERED, detail=detail))
        return
    try:
        await smtp.starttls(tls_context=plan.strict if _token_leaves(smtp, plan) else plan.tls)
    except aiosmtplib.SMTPResponseException as refused:
        raise Ended(Conversation(Stage.TLS, Reply(refused.code, refused.message))) from None
    except (aiosmtplib.SMTPException, OSError) as lost:
        raise Ended(without_reply(Stage.TLS, lost)) from None
    await _hello(smtp)


def _token_leaves(smtp: aiosmtplib.SMTP, plan: Plan) -> bool:
    """Whether an access token is to go to another machine."""
    link = cast("asyncio.Transport", smtp.transport)
    return plan.access.access_token is not None and bearer.is_far(link.get_extra_info, plan.trusted)


async def _log_in(smtp: aiosmtplib.SMTP, plan: Plan) -> None:
    access = plan.access
    if not plan.authenticate or access.server_type != "ESMTP" or not access.user_name:
        return
    link = cast("asyncio.Transport", smtp.transport)
    if access.access_token is not None and bearer.exposed(link.get_extra_info, plan.trusted):
        raise Ended(Conversation(Stage.TLS, trouble=Trouble.NOT_OFFERED, detail=bearer.IN_CLEAR))
    possible = exchanges(access, smtp.server_auth_methods)
    if not possible:
        offered = ", ".join(smtp.server_auth_methods) or "none"
        detail = f"The server offers no way to authenticate that can be used (offered: {offered})."
        raise Ended(Conversation(Stage.AUTH, trouble=Trouble.NOT_OFFERED, detail=detail))
    for exchange in possible:
        reply = await _authenticate(smtp, exchange, access)
        if reply.code == 235:
            return
        if reply.code not in _NEXT_MECHANISM or exchange is possible[-1]:
            raise Ended(Conversation(Stage.AUTH, Reply(reply.code, reply.message)))


async def _authenticate(smtp: aiosmtplib.SMTP, exchange: Exchange, access: OutgoingAccess) -> SMTPResponse:
    command, answers = [b"AUTH", exchange.mechanism.encode("ascii")], list(exchange.answers)
    if exchange.initial:
        command.append(answers.pop())
    reply = await say(smtp, Stage.AUTH, *command)
    for answer in answers:
        if reply.code != 334:
            break
        reply = await say(smtp, Stage.AUTH, answer)
    challenge = ""
    if reply.code == 334:
        challenge = reply.message
        reply = await say(smtp, Stage.AUTH, exchange.ending)
    return SMTPResponse(reply.code, bearer.with_status(unsaid(reply.message, access, exchange), challenge))
