"""How a mailbox connects: the port for sockets and certificates, and when TLS must, may or need not be spoken."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Generator
from typing import Literal, Protocol, TypeVar

from ece_common.bearer import IN_CLEAR, MECHANISMS, exposed, is_far, is_loopback
from ece_common.contracts.aliases import TlsOptions
from ece_common.contracts.instances import IncomingAccess
from ece_common.egress import EgressPolicy
from ece_common.errors import EceError
from ece_common.tls import client_context
from retriever.diagnosis import ProtocolBroken, Stage, Unfit, diagnose
from retriever.mailbox import bearer

CONNECT_SECONDS = 20.0
HANDSHAKE_SECONDS = 20.0
# Dovecot answers the PASS of a locked mailbox after 10 to 12 s; a login may take that long and is no failure yet.
LOGIN_SECONDS = 30.0
# Without a byte of progress for so long a command is given up.
SILENCE_SECONDS = 60.0

IMPLICIT_TLS_PORTS = frozenset({993, 995})

Security = Literal["implicit", "required", "opportunistic"]
AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.Protocol)


class Answered(Exception):
    """The server said no; `line` is its answer without the tag, `challenge` what it had asked last, if anything."""

    def __init__(self, line: str, challenge: bytes | None = None) -> None:
        super().__init__(line)
        self.line = line
        self.challenge = challenge


class Connector(Protocol):
    """Where sockets and TLS contexts come from: the only way out for a mailbox."""

    async def open(self, host: str, port: int) -> socket.socket:
        """A connected non-blocking socket. Raises OSError (gaierror and TimeoutError too) or EgressRefused."""
        ...

    def tls(self, options: TlsOptions, *, verified: bool) -> ssl.SSLContext: ...

    def trusts(self, peer: str) -> bool:
        """Whether an access token may go to this address without TLS."""
        ...


class EgressConnector:
    """Sockets under the egress policy. TLS contexts are shared: each holds the system's CAs, most of a megabyte."""

    def __init__(self, policy: EgressPolicy, *, ca_file: str | None = None, seconds: float = CONNECT_SECONDS) -> None:
        self._policy = policy
        self._ca_file = ca_file
        self._seconds = seconds
        self._contexts: dict[tuple[str | None, str, bool], ssl.SSLContext] = {}

    async def open(self, host: str, port: int) -> socket.socket:
        connected = await self._policy.open_socket(host, port, self._seconds)
        _keep_alive(connected)
        return connected

    def tls(self, options: TlsOptions, *, verified: bool) -> ssl.SSLContext:
        key = (options.ca_bundle, options.minimum_version, verified)
        if key not in self._contexts:
            context = client_context(options.ca_bundle, options.minimum_version, self._ca_file)
            if not verified:
                # Opportunistic (RFC 7435): who can read along is kept out, who can interfere could strip STARTTLS
                # anyway; so a certificate that would not pass must not stop the mail.
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self._contexts[key] = context
        return self._contexts[key]

    def trusts(self, peer: str) -> bool:
        return is_loopback(peer)


def _keep_alive(connected: socket.socket) -> None:
    """A peer that vanished without a word is noticed within about two minutes, also while nothing is said."""
    with contextlib.suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        with contextlib.suppress(OSError, AttributeError):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def security(access: IncomingAccess) -> Security:
    if not access.use_ssl:
        return "opportunistic"
    return "implicit" if access.port in IMPLICIT_TLS_PORTS else "required"


async def establish(connect: Connector, access: IncomingAccess, make: Callable[[], AnyProtocol]) -> AnyProtocol:
    """Name, TCP and, on a port for that, TLS; the greeting is still to come. Raises MailFailure."""
    implicit = security(access) == "implicit"
    with diagnosing(access, "connect"):
        connected = await connect.open(access.server_name, access.port)
    with diagnosing(access, "tls"), _closing_on_failure(connected):
        _, protocol = await asyncio.get_running_loop().create_connection(
            make,
            sock=connected,
            ssl=connect.tls(access.tls, verified=True) if implicit else None,
            server_hostname=tls_name(access) if implicit else None,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if implicit else None,
        )
    return protocol


async def upgraded(
    connect: Connector, access: IncomingAccess, transport: asyncio.Transport, protocol: asyncio.Protocol
) -> asyncio.Transport:
    """The transport to go on with after the server agreed to STARTTLS or STLS. Raises MailFailure."""
    with diagnosing(access, "tls"):
        token_leaves = bool(access.access_token) and is_far(transport.get_extra_info, connect.trusts)
        context = connect.tls(access.tls, verified=access.use_ssl or token_leaves)
        secured = await asyncio.get_running_loop().start_tls(
            transport,
            protocol,
            context,
            server_hostname=tls_name(access),
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
        )
        if secured is None:
            raise ConnectionResetError("the connection was lost during TLS")
        return secured


def guard_token(connect: Connector, access: IncomingAccess, link: asyncio.Transport) -> None:
    """An access token opens more than a mailbox: where TLS is not offered, or was stripped, it is not said."""
    if access.access_token and exposed(link.get_extra_info, connect.trusts):
        with diagnosing(access, "tls"):
            raise Unfit(IN_CLEAR)


def tls_name(access: IncomingAccess) -> str:
    return access.server_name.strip("[]")


def secrets_of(access: IncomingAccess) -> tuple[str, ...]:
    secrets = [access.password, access.access_token or ""]
    secrets += [plain_response(access).decode()]
    if access.access_token:
        secrets += [bearer.response(mechanism, access).decode() for mechanism in MECHANISMS]
    return tuple(secret for secret in secrets if secret)


def plain_response(access: IncomingAccess) -> bytes:
    """RFC 4616: no authorization identity, user, password."""
    return f"\0{access.user_name}\0{access.password}".encode()


@contextlib.contextmanager
def diagnosing(access: IncomingAccess, stage: Stage) -> Generator[None]:
    """Whatever goes wrong inside comes out as the MailFailure it amounts to; who breaks it off learns the stage."""
    place = f"{access.server_name}:{access.port}"
    try:
        yield
    except Answered as no:
        raise diagnose(no.line, stage, server=place, secrets=secrets_of(access)) from None
    except asyncio.CancelledError as broken_off:
        broken_off.add_note(stage)
        raise
    except (OSError, EOFError, ValueError, EceError, ProtocolBroken, Unfit) as problem:
        raise diagnose(problem, stage, server=place, secrets=secrets_of(access)) from problem


@contextlib.contextmanager
def _closing_on_failure(connected: socket.socket) -> Generator[None]:
    try:
        yield
    except BaseException:
        connected.close()
        raise
