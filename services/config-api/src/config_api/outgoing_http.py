"""Requests to other people's HTTPS servers: to a judged address, with verified TLS, bounded in size and time."""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpcore

from ece_common.egress import EgressPolicy, EgressRefused, Network
from ece_common.errors import Transient

PRIVATE_NETWORKS = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15",
    "224.0.0.0/3", "::1/128", "fc00::/7", "fec0::/10", "ff00::/8",
)  # fmt: skip
"""Where no provider on the internet lives: an address that an administrator typed must not lead there by itself."""


class Unreachable(Transient):
    """The server did not answer, or what answered is not that server. `detail` says how."""

    code = "provider_unreachable"
    title = "The other server does not answer"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


def policy(allow: Iterable[str], deny: Iterable[str]) -> EgressPolicy:
    """Private networks only as far as `allow` names them or a part of them: a wider network names none of them."""
    allowed = list(allow)
    named = [ip_network(one, strict=False) for one in allowed]
    left = [str(piece) for network in PRIVATE_NETWORKS for piece in _unnamed(ip_network(network), named)]
    return EgressPolicy(allowed, [*deny, *left])


def _unnamed(network: Network, named: Iterable[Network]) -> list[Network]:
    """What is left of `network` without those of `named` that lie in it."""
    left = [network]
    for one in named:
        if _inside(one, network):
            whole = [piece for piece in left if not _inside(piece, one)]
            left = [rest for piece in whole for rest in _without(piece, one)]
    return left


def _without(piece: Network, one: Network) -> list[Network]:
    return list(piece.address_exclude(one)) if _inside(one, piece) else [piece]  # pyright: ignore[reportArgumentType, reportUnknownArgumentType] - of one version, as `_inside` says


def _inside(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # pyright: ignore[reportArgumentType] - see the versions


class _JudgedAddresses(httpcore.AsyncNetworkBackend):
    """Connects to an address that the policy has seen; TLS is still checked against the name."""

    def __init__(self, rules: EgressPolicy) -> None:
        self._rules = rules
        self._connect: Any = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._rules.resolve(host, port)
        share = timeout / len(addresses) if timeout is not None else None
        for _, address in addresses[:-1]:
            try:
                return await self._connect.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._connect.connect_tcp(addresses[-1][1], port, share, local_address, socket_options)


class OutgoingHttp:
    """No redirect is followed, no proxy and no other part of the environment is heeded."""

    def __init__(
        self, rules: EgressPolicy, context: ssl.SSLContext, *, seconds: float = 10.0, maximum: int = 1 << 20
    ) -> None:
        self._rules = rules
        self._context = context
        self._seconds = seconds
        self._maximum = maximum

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return await self._request("GET", url, headers or {}, None)

    async def post_form(
        self, url: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Answer:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self._request("POST", url, {**(headers or {}), **form}, urlencode(fields).encode())

    def may_ask(self, url: str) -> bool:
        """False for an address of a network that is not allowed. Names are judged whenever they are asked."""
        host, _ = place(url)
        literal = "127.0.0.1" if host.rstrip(".") == "localhost" else host
        try:
            ip_address(literal)
        except ValueError:
            return True
        return self._rules.allows(literal)

    async def judge(self, url: str) -> list[str]:
        """The addresses that a request would go to. Raise `EgressRefused` or `Unreachable`."""
        host, port = place(url)
        try:
            return [address for _, address in await self._rules.resolve(host, port)]
        except OSError as problem:
            raise Unreachable(f"{host}: {problem.strerror or problem}") from None

    async def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        host, port = place(url)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._exchange(method, url, headers, body)
        except EgressRefused:
            raise
        except TimeoutError:
            raise Unreachable(f"{host}:{port} did not answer within {self._seconds:g} s") from None
        except (OSError, httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as problem:
            raise Unreachable(f"{host}:{port}: {_words(problem)}") from None

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        backend = _JudgedAddresses(self._rules)
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)
        async with (
            httpcore.AsyncConnectionPool(ssl_context=self._context, network_backend=backend) as pool,
            pool.stream(
                method, url, headers={"Accept": "application/json", "Connection": "close", **headers}, content=body,
                extensions={"timeout": timeouts},
            ) as response,
        ):  # fmt: skip
            read = bytearray()
            async for chunk in response.aiter_stream():
                read += chunk
                if len(read) > self._maximum:
                    raise Unreachable(f"{place(url)[0]} answered with more than {self._maximum} bytes")
            named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return Answer(response.status, named, bytes(read))


def place(url: str) -> tuple[str, int]:
    """Host and port of an https address. Raise `EgressRefused` for anything else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 443
    except ValueError:
        raise EgressRefused("that is no https address") from None
    if parts.scheme != "https" or not host or parts.username is not None:
        raise EgressRefused("only https addresses without a user name are asked")
    return host, port


def _words(problem: BaseException) -> str:
    """What OpenSSL or the system said, out of httpcore's wrapping."""
    inner = problem
    while (wrapped := inner.__cause__ or inner.__context__) is not None and not _is_ours(wrapped):
        inner = wrapped
    if isinstance(inner, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {inner.verify_message}"
    return str(inner)[:300] or type(inner).__name__


def _is_ours(problem: BaseException) -> bool:
    """What a caller was just handling says nothing about the network."""
    return type(problem).__module__.partition(".")[0] in ("config_api", "ece_common")
