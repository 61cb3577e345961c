"""By what a mail is known again: where it lies on the server, and a keyed hash of its bytes. Pure."""

from config_api.sealing import Vault
from ece_common.contracts.inbound import Source

_HUGE = 2**63
LARGE = b"large"
"""Stands in the ledger for the hash of a mail whose bytes nobody fetched."""


def source_key(source: Source) -> str | None:
    """None when the source names no mail, or has a number or a character that no mail server gives."""
    if source.uidl is not None:
        key = f"uidl:{source.uidl}"
    elif _is_number(source.uid) and _is_number(source.uidvalidity):
        key = f"imap:{source.uidvalidity}:{source.uid}:{source.folder}"
    else:
        return None
    return None if "\x00" in key or "\x00" in source.fingerprint else key


def uidvalidity(source: Source) -> int | None:
    """None for POP3, whose identifiers are for good (RFC 1939 section 7)."""
    return None if source.uidl is not None else source.uidvalidity


def _is_number(value: int | None) -> bool:
    return value is not None and 0 <= value < _HUGE


def keyed_hash(vault: Vault, content_sha256: str) -> bytes:
    """Keyed, so that the ledger tells nobody whether a known mail was among these."""
    return vault.fingerprint("inbound", bytes.fromhex(content_sha256))
