"""Logging in to a mail server with an access token: what is said, and what a refusal tells. Pure.

XOAUTH2 is what Microsoft and Google document; OAUTHBEARER is its standard (RFC 7628). Both tell an error as one more
challenge, JSON in base64, and refuse once that is answered.
"""

import base64
import binascii
import hashlib
import ipaddress
import json
from collections.abc import Callable
from typing import Any, Literal

Mechanism = Literal["XOAUTH2", "OAUTHBEARER"]
MECHANISMS: tuple[Mechanism, ...] = ("XOAUTH2", "OAUTHBEARER")
"""In the order of preference."""

IN_CLEAR = "the server offers no TLS: an access token is never sent in clear; set `use_ssl` or mend the server"
_STATUS_LENGTH = 60


def response(mechanism: Mechanism, token: str, user: str, *, host: str, port: int) -> bytes:
    """The client's answer to the first challenge, before base64."""
    bearer = f"auth=Bearer {token}\1\1"
    if mechanism == "XOAUTH2":
        return f"user={user}\1{bearer}".encode()
    # RFC 5801 section 4: how "=" and "," stand in an authorization identity.
    name = user.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={name},\1host={host}\1port={port}\1{bearer}".encode()


def ending(mechanism: Mechanism) -> bytes:
    """The answer, in base64, to the challenge that tells the error (RFC 7628 section 3.2.3)."""
    return b"" if mechanism == "XOAUTH2" else b"AQ=="


def with_status(refusal: str, challenge: str) -> str:
    """The refusal with the status that the challenge before it, base64, told; if it did."""
    status = _status(challenge)
    return f"{refusal} (status {status})" if status else refusal


def digest(token: str) -> str:
    """SHA-256 in hex: how a token is spoken of."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_loopback(peer: str) -> bool:
    """Whether what is sent to this address never leaves the machine: only there a token may go without TLS."""
    try:
        address = ipaddress.ip_address(peer.split("%", 1)[0])
    except ValueError:
        return False
    # ipv4_mapped: Python calls ::ffff:127.0.0.1 no loopback before 3.13.
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


def exposed(extra_info: Callable[[str], Any], trusted: Callable[[str], bool]) -> bool:
    """Whether a token said on a connection could be read on its way. `extra_info`: its transport's `get_extra_info`;
    `trusted`: peers that need no TLS.
    """
    return extra_info("ssl_object") is None and is_far(extra_info, trusted)


def is_far(extra_info: Callable[[str], Any], trusted: Callable[[str], bool]) -> bool:
    """Whether a connection leads to a peer that needs TLS, with a certificate that is valid: who can strip STARTTLS
    can as well show a certificate of their own.
    """
    peer = extra_info("peername")
    return not (peer and trusted(str(peer[0])))


def _status(challenge: str) -> str:
    try:
        told = json.loads(base64.b64decode(challenge.strip(), validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return ""
    status = told.get("status") if isinstance(told, dict) else None
    return str(status)[:_STATUS_LENGTH] if isinstance(status, (str, int)) else ""
