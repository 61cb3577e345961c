"""Claim ids that prove themselves: half random, half a keyed hash of the activity. Pure.

A report that comes long after its claim passed on is believed by its id alone, with no list of old claims kept.
"""

import hmac
import secrets
import uuid

from config_api.sealing import Vault

_HALF = 8


def make(vault: Vault, activity_id: int) -> str:
    chance = secrets.token_bytes(_HALF)
    return str(uuid.UUID(bytes=chance + _signature(vault, activity_id, chance)))


def genuine(vault: Vault, activity_id: int, claim_id: str) -> bool:
    try:
        value = uuid.UUID(claim_id).bytes
    except ValueError:
        return False
    return hmac.compare_digest(value[_HALF:], _signature(vault, activity_id, value[:_HALF]))


def _signature(vault: Vault, activity_id: int, chance: bytes) -> bytes:
    return vault.fingerprint("claim", activity_id.to_bytes(8, "big") + chance)[:_HALF]
