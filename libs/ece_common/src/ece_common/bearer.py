"""Logging in to a mail server with an access token: what is said, and what a refusal tells. Pure.

XOAUTH2 is what Microsoft and Google document; OAUTHBEARER is its standard (RFC 7628). Both tell an error as one more
challenge, JSON in base64, and refuse once that is answered.
"""

import base64
import binascii
import hashlib
import json
from typing import Literal

Mechanism = Literal["XOAUTH2", "OAUTHBEARER"]
MECHANISMS: tuple[Mechanism, ...] = ("XOAUTH2", "OAUTHBEARER")
"""In the order of preference."""

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


def _status(challenge: str) -> str:
    try:
        told = json.loads(base64.b64decode(challenge.strip(), validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return ""
    status = told.get("status") if isinstance(told, dict) else None
    return str(status)[:_STATUS_LENGTH] if isinstance(status, (str, int)) else ""
