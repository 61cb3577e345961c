"""Logging in with an access token: which mechanism, what is said in it, and what its refusals tell. Pure.

XOAUTH2 is what Microsoft and Google document; OAUTHBEARER is its standard (RFC 7628). Both tell an error as one more
challenge, JSON in base64, and refuse once that is answered.
"""

import base64
import binascii
import json
from collections.abc import Collection
from typing import Literal

from ece_common.contracts.instances import IncomingAccess
from retriever.diagnosis import Unfit

Mechanism = Literal["XOAUTH2", "OAUTHBEARER"]
MECHANISMS: tuple[Mechanism, ...] = ("XOAUTH2", "OAUTHBEARER")

_STATUS_LENGTH = 60


def chosen(offered: Collection[str]) -> Mechanism:
    """Raises Unfit when the server names mechanisms, and neither is among them."""
    for mechanism in MECHANISMS:
        if mechanism in offered or not offered:
            return mechanism
    names = ", ".join(sorted(offered))[:200]
    raise Unfit(f"the server takes no access token on this connection (neither XOAUTH2 nor OAUTHBEARER, but {names})")


def response(mechanism: Mechanism, access: IncomingAccess) -> bytes:
    bearer = f"auth=Bearer {access.access_token}\1\1"
    if mechanism == "XOAUTH2":
        return f"user={access.user_name}\1{bearer}".encode()
    # RFC 5801 section 4: how "=" and "," stand in an authorization identity.
    name = access.user_name.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={name},\1host={access.server_name}\1port={access.port}\1{bearer}".encode()


def ending(mechanism: Mechanism) -> bytes:
    """The answer, in base64, to the challenge that tells the error (RFC 7628 section 3.2.3)."""
    return b"" if mechanism == "XOAUTH2" else b"AQ=="


def with_status(refusal: str, challenge: bytes | None) -> str:
    """The refusal with the status of the challenge before it, when that holds one."""
    status = _status(challenge) if challenge is not None else ""
    return f"{refusal} (status {status})" if status else refusal


def _status(challenge: bytes) -> str:
    try:
        told = json.loads(base64.b64decode(challenge.removeprefix(b"+").strip(), validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return ""
    status = told.get("status") if isinstance(told, dict) else None
    return str(status)[:_STATUS_LENGTH] if isinstance(status, (str, int)) else ""
