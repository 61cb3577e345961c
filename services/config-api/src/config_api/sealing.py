"""Seals secrets before they are stored. The first master key encrypts, all of them decrypt (rotation)."""

import hashlib
import hmac
from collections.abc import Callable, Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from prometheus_client import CollectorRegistry, Counter

from ece_common.errors import Permanent


class CannotOpen(Permanent):
    """The value was sealed with a master key that this process does not have."""

    code = "master_key_missing"
    title = "A stored secret cannot be read"
    status = 500


def unopened(registry: CollectorRegistry) -> Counter:
    return Counter(
        "ece_config_api_secrets_unopened",
        "Attempts to read a stored secret that none of ECE_MASTER_KEYS opens: its mailbox or mail stands still",
        registry=registry,
    )


class Vault:
    """Fernet (AES-128-CBC with HMAC-SHA-256) under each of the master keys. `on_unopened`: when none of them fits."""

    def __init__(self, master_keys: Sequence[str], on_unopened: Callable[[], None] = lambda: None) -> None:
        self._on_unopened = on_unopened
        try:
            self._fernet = MultiFernet([Fernet(key) for key in master_keys])
        except ValueError as problem:
            raise ValueError(
                "ECE_MASTER_KEYS must hold url-safe base64 keys of 32 bytes, separated by commas "
                "(make one: ece-config-api new-master-key)"
            ) from problem
        # The ledger's key must survive a rotation, so it is derived from the last (oldest) master key.
        self._ledger_key = hashlib.sha256(b"ece ledger" + master_keys[-1].encode()).digest()

    def seal(self, secret: str) -> bytes:
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        return self.open_bytes(sealed).decode()

    def seal_bytes(self, content: bytes) -> bytes:
        return self._fernet.encrypt(content)

    def open_bytes(self, sealed: bytes) -> bytes:
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            self._on_unopened()
            raise CannotOpen("No configured master key opens this secret: was a key removed too early?") from None

    def opens(self, sealed: bytes) -> bool:
        """Whether a master key fits; who only looks counts as no attempt to read."""
        try:
            self._fernet.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def fingerprint(self, purpose: str, value: bytes) -> bytes:
        """A keyed hash: tells equal from different without telling what."""
        return hmac.digest(self._ledger_key, purpose.encode() + b"\x00" + value, "sha256")
