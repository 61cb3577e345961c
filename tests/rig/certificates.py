"""Which certificates the test servers show: good, expired, or for somebody else's name."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import trustme

from tests.rig.processes import ServerFolder

GOOD_NAMES = ("localhost", "127.0.0.1", "127.0.0.2", "mx.rig.test")


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files: the chain (leaf first) and its private key. Test keys, readable by every server's user."""

    chain_file: Path
    key_file: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain_file, self.key_file)
        return context


class Certificates:
    """One CA and what it issued. `ca_file` is what a client must trust; `stranger_ca_file` is another CA."""

    def __init__(self) -> None:
        self._folder = ServerFolder("tls")
        self._ca = trustme.CA()
        self.ca_file = self._folder.path / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)

    @cached_property
    def good(self) -> Certificate:
        return self.issue("good", GOOD_NAMES)

    @cached_property
    def expired(self) -> Certificate:
        return self.issue("expired", GOOD_NAMES, not_after=datetime(2020, 1, 1, tzinfo=UTC))

    @cached_property
    def wrong_name(self) -> Certificate:
        return self.issue("wrong-name", ("somewhere-else.test",))

    @cached_property
    def stranger_ca_file(self) -> Path:
        path = self._folder.path / "stranger.pem"
        trustme.CA().cert_pem.write_to_path(path)
        return path

    def issue(self, label: str, names: tuple[str, ...], *, not_after: datetime | None = None) -> Certificate:
        leaf = self._ca.issue_cert(*names, not_after=not_after)
        chain, key = self._folder.path / f"{label}.pem", self._folder.path / f"{label}.key"
        chain.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(key)
        return Certificate(chain, key)

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)

    def remove(self) -> None:
        self._folder.remove()
