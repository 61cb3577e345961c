"""Where an access token may go without TLS."""

import pytest

from ece_common import bearer


@pytest.mark.parametrize(
    ("peer", "near"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("192.168.1.1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("128.0.0.1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_only_this_machine_is_near_enough(peer: str, *, near: bool) -> None:
    assert bearer.is_loopback(peer) is near


@pytest.mark.parametrize(
    ("told", "exposed"),
    [
        ({"ssl_object": object(), "peername": ("203.0.113.7", 993)}, False),
        ({"peername": ("127.0.0.1", 143)}, False),
        ({"peername": ("::1", 143, 0, 0)}, False),
        ({"peername": ("203.0.113.7", 143)}, True),
        ({}, True),
    ],
)
def test_a_connection_is_exposed_without_tls_and_beyond_this_machine(
    told: dict[str, object], *, exposed: bool
) -> None:
    assert bearer.exposed(told.get, bearer.is_loopback) is exposed
