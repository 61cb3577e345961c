import asyncio
import socket

import pytest

from ece_common.egress import EgressPolicy, EgressRefused
from ece_common.errors import Permanent

EVERYTHING = EgressPolicy([], [])


@pytest.mark.parametrize("address", ["8.8.8.8", "10.1.2.3", "127.0.0.1", "::1", "2001:db8::1"])
def test_empty_lists_allow_public_private_and_loopback_addresses(address: str) -> None:
    assert EVERYTHING.allows(address)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "0.0.0.0",
        "::",
    ],
)
def test_metadata_addresses_are_refused_however_they_are_written_and_whatever_is_allowed(address: str) -> None:
    assert not EVERYTHING.allows(address)
    assert not EgressPolicy(["0.0.0.0/0", "::/0"], []).allows(address)


def test_deny_wins_over_allow() -> None:
    policy = EgressPolicy(allow=["10.0.0.0/8"], deny=["10.9.0.0/16"])

    assert policy.allows("10.1.1.1")
    assert not policy.allows("10.9.1.1")
    assert not policy.allows("::ffff:10.9.1.1")


def test_with_an_allow_list_nothing_else_is_reached() -> None:
    policy = EgressPolicy(allow=["10.0.0.0/8", "2001:db8::/32"])

    assert policy.allows("2001:db8::5")
    assert not policy.allows("8.8.8.8")
    assert not policy.allows("::1")


def test_a_network_that_is_none_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        EgressPolicy(allow=["10.0.0.0/99"])


async def test_a_refused_address_is_permanent_and_says_which_it_was() -> None:
    with pytest.raises(EgressRefused, match=r"169\.254\.169\.254") as refusal:
        await EVERYTHING.resolve("169.254.169.254", 80)

    assert isinstance(refusal.value, Permanent)


async def test_a_name_is_resolved_to_its_allowed_addresses_only() -> None:
    policy = EgressPolicy(allow=["127.0.0.0/8"])

    assert await policy.resolve("localhost", 25) == [(socket.AF_INET, "127.0.0.1")]
    with pytest.raises(EgressRefused):
        await EgressPolicy(deny=["127.0.0.0/8", "::1"]).resolve("localhost", 25)


@pytest.mark.parametrize("name", ["no-such-host.invalid", "x" * 70 + ".example", "a..b"])
async def test_a_name_without_an_address_is_a_resolution_failure(name: str) -> None:
    with pytest.raises(socket.gaierror):
        await EVERYTHING.connect(name, 25, timeout=10)


async def test_a_connection_carries_bytes() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await EVERYTHING.connect("localhost", port, timeout=5)
        writer.write(b"EHLO\r\n")
        assert await reader.readline() == b"EHLO\r\n"
        writer.close()


async def test_a_port_nobody_listens_on_is_a_refusal_by_the_host() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(ConnectionRefusedError):
        await EVERYTHING.connect("127.0.0.1", port, timeout=5)


async def test_a_host_that_does_not_answer_is_a_timeout() -> None:
    # A full backlog: Linux drops further SYNs, as a firewall would.
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(0)
        address = mute.getsockname()
        waiting = [_begun(address) for _ in range(4)]
        try:
            with pytest.raises(TimeoutError, match=r"did not answer within 0\.2 s"):
                await EVERYTHING.connect(*address, timeout=0.2)
        finally:
            for connecting in waiting:
                connecting.close()


def _begun(address: tuple[str, int]) -> socket.socket:
    connecting = socket.socket()
    connecting.setblocking(False)
    connecting.connect_ex(address)
    return connecting


async def test_a_policy_refusal_sends_nothing() -> None:
    async with await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(EgressRefused):
            await EgressPolicy(deny=["127.0.0.0/8"]).connect("127.0.0.1", port, timeout=5)
