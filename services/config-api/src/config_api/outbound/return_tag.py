"""The tag by which a delivery report is known to be about a message of ours. Pure.

It travels in a header of the message and comes back in the report; without the key nobody can make one, so a forged
report changes no delivery.
"""

import hmac

from config_api.sealing import Vault

_LENGTH = 32
_HUGE = 2**63


def make(vault: Vault, activity_id: int) -> str:
    return f"{activity_id}-{_signature(vault, activity_id)}"


def read(vault: Vault, tag: str) -> int | None:
    """The activity it was made for; None when it was not made here."""
    number, _, signature = tag.strip().partition("-")
    if not (number.isascii() and number.isdigit() and len(number) <= 19 and 0 < int(number) < _HUGE):
        return None
    genuine = _signature(vault, int(number))
    return int(number) if hmac.compare_digest(signature.encode(), genuine.encode()) else None


def _signature(vault: Vault, activity_id: int) -> str:
    return vault.fingerprint("return tag", str(activity_id).encode()).hex()[:_LENGTH]
