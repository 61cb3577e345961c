"""Which addresses outgoing connections may go to, and a connect that cannot be led elsewhere.

A name is resolved once, each address is judged, and the connection goes to the judged address: a DNS answer that
changes between check and use (rebinding) changes nothing.
"""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncGenerator, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from ece_common.errors import Permanent

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Target = tuple[int, tuple[Any, ...]]
"""Address family, and what `socket.connect` takes."""

ALWAYS_REFUSED: tuple[Network, ...] = (
    # Cloud metadata lives on link-local addresses: it hands credentials of the machine to whoever can connect.
    IPv4Network("169.254.0.0/16"),
    IPv6Network("fe80::/10"),
    IPv6Network("fd00:ec2::254/128"),
    # "This network": Linux connects 0.0.0.0 and :: to the machine itself, past any rule about 127.0.0.0/8.
    IPv4Network("0.0.0.0/8"),
    IPv6Network("::/128"),
)

_NAT64 = IPv6Network("64:ff9b::/96")


class EgressRefused(Permanent):
    """The address policy does not let us connect there. Trying again changes nothing."""

    status = 403
    code = "egress_refused"
    title = "That network is not allowed"


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in texts if text.strip())


def checked_networks(texts: list[str]) -> list[str]:
    """`texts`, when each is a network or an address. Raise ValueError, which tells the place and not the text."""
    for place, text in enumerate(texts, start=1):
        try:
            _networks([text])
        except ValueError:
            raise ValueError(f"entry {place} must be a network such as 10.0.0.0/8, or an address") from None
    return texts


def _forms(text: str) -> set[Address]:
    """The address itself, and the IPv4 address that a packet to it really reaches where IPv6 merely wraps one."""
    address = ipaddress.ip_address(text.split("%", 1)[0])
    if isinstance(address, IPv4Address):
        return {address}
    # RFC 6052: the last 32 bits are the IPv4 address the translator connects to.
    translated = IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
    return {form for form in (address, address.ipv4_mapped, address.sixtofour, translated) if form is not None}


def _within(forms: set[Address], networks: tuple[Network, ...]) -> bool:
    return any(form in network for form in forms for network in networks)


@contextlib.asynccontextmanager
async def _answering(host: str, port: int, seconds: float) -> AsyncGenerator[None]:
    """A TimeoutError that says who did not answer, instead of one without words."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise TimeoutError(f"{host}:{port} did not answer within {seconds:g} s") from None


class EgressPolicy:
    """Deny wins over allow; with `allow` given only those networks; link-local and metadata never.

    `allow` and `deny` are CIDR networks or single addresses; ValueError names one that is neither.
    """

    def __init__(self, allow: Iterable[str] = (), deny: Iterable[str] = ()) -> None:
        self._allow = _networks(allow)
        self._deny = (*ALWAYS_REFUSED, *_networks(deny))

    def allows(self, address: str) -> bool:
        forms = _forms(address)
        return not _within(forms, self._deny) and (not self._allow or _within(forms, self._allow))

    async def resolve(self, host: str, port: int) -> list[tuple[int, str]]:
        """(family, address) of `host` that may be connected to, in the resolver's order.

        Raises socket.gaierror when the name has no address, EgressRefused when every address it has is refused.
        """
        return [(family, target[0]) for family, target in await self._targets(host, port)]

    async def open_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ASYNC109
        """A connected, non-blocking TCP socket; each allowed address is tried within `timeout` seconds overall.

        Raises socket.gaierror, ConnectionRefusedError, TimeoutError or another OSError (unreachable), that of the
        last address tried; EgressRefused before anything is sent.
        """
        async with _answering(host, port, timeout):
            return await self._first_reached(await self._targets(host, port), timeout)

    async def connect(
        self,
        host: str,
        port: int,
        *,
        timeout: float,  # noqa: ASYNC109 - the caller states it; the overall bound is set here
        ssl: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Streams to `host`, with TLS when `ssl` is given (checked against `server_hostname` or `host`).

        Errors as `open_socket`, and ssl.SSLError; `timeout` covers the name, the connection and the handshake.
        """
        async with _answering(host, port, timeout):
            connected = await self._first_reached(await self._targets(host, port), timeout)
            try:
                named = (server_hostname or host) if ssl is not None else None
                return await asyncio.open_connection(sock=connected, ssl=ssl, server_hostname=named)
            except BaseException:
                connected.close()
                raise

    async def _targets(self, host: str, port: int) -> list[Target]:
        name = host.strip("[]")
        try:
            found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except UnicodeError:
            raise socket.gaierror(socket.EAI_NONAME, f"{name!r} is not a host name") from None
        allowed: list[Target] = [
            (int(family), address) for family, _, _, _, address in found if self.allows(str(address[0]))
        ]
        if not allowed:
            refused = ", ".join(sorted({str(address[0]) for *_, address in found}))
            raise EgressRefused(f"connections to {name} ({refused}) are not allowed by the outgoing address policy")
        return allowed

    async def _first_reached(self, targets: list[Target], total: float) -> socket.socket:
        """Tried in turn, each with an equal share of the time: a dead address does not hide a living one."""
        trouble: OSError = OSError("no address")
        for family, target in targets:
            connecting = socket.socket(family, socket.SOCK_STREAM)
            connecting.setblocking(False)
            try:
                async with asyncio.timeout(total / len(targets)):
                    await asyncio.get_running_loop().sock_connect(connecting, target)
            except OSError as problem:  # TimeoutError is one too
                connecting.close()
                trouble = problem
            except BaseException:
                connecting.close()
                raise
            else:
                with contextlib.suppress(OSError):
                    connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connecting
        raise trouble
