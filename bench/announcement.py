"""What we add to the mail server's own announcement: from EXISTS on a raw IDLE socket to the committed activity."""

import smtplib
import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from bench.gateway import Gateway
from bench.inbound import Source
from bench.mailboxes import PASSWORD
from tests.rig.mails import a_mail

PATIENCE = 60.0  # seconds until an idling retriever must have brought in one mail
_STEP = 0.001


class Idler:
    """A client that does nothing but IDLE, and says when the server announced a mail."""

    def __init__(self, host: str, port: int, address: str) -> None:
        self._socket = socket.create_connection((host, port), timeout=PATIENCE)
        self._lines = self._socket.makefile("rb")
        self._lines.readline()
        self._command(f"a LOGIN {address} {PASSWORD}", "a OK")
        self._command("b SELECT INBOX", "b OK")
        self._command("c IDLE", "+")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._socket.close()

    def announced(self) -> float:
        """The moment of the next EXISTS that tells of a new mail, on the clock of time.perf_counter()."""
        while True:
            line = self._line()
            moment = time.perf_counter()
            words = line.split()
            if words[-1:] == ["EXISTS"]:
                return moment

    def _command(self, line: str, wanted: str) -> None:
        self._socket.sendall(line.encode() + b"\r\n")
        while not self._line().startswith(wanted):
            pass

    def _line(self) -> str:
        line = self._lines.readline()
        if not line:
            raise RuntimeError("the mail server closed the idling connection")
        return line.decode().rstrip()


@dataclass(frozen=True, slots=True)
class _Box:
    """A mailbox that the retriever idles on."""

    gateway: Gateway
    source: Source
    address: str
    alias: int

    def deliver(self, number: int) -> None:
        dovecot = self.source.dovecot
        with smtplib.LMTP(dovecot.host, dovecot.ports.lmtp, timeout=60) as lmtp:
            lmtp.sendmail("customer@customer.test", [self.address], a_mail("alternative", number=number))

    def wait_for(self, activities: int) -> float:
        """The moment at which so many are committed, asked a thousand times a second."""
        end = time.perf_counter() + PATIENCE
        while self.gateway.database.value(_COUNT, self.alias) < activities:
            if time.perf_counter() > end:
                raise TimeoutError(f"a mail did not become an activity in {PATIENCE:.0f} s\n{self.gateway.logs()}")
            time.sleep(_STEP)
        return time.perf_counter()


_COUNT = "SELECT count(*) FROM activities WHERE alias_id = $1"


def overheads(gateway: Gateway, source: Source, mails: int) -> list[float]:
    """Milliseconds for each mail; one at a time into a mailbox that the retriever idles on.

    Mail is marked as seen instead of deleted: what is gone before the server looks again it never announces.
    Below zero means that the server told the retriever earlier than the raw socket.
    """
    address = source.mailboxes.empty()
    access = source.access("IMAP", address)
    alias = gateway.alias(address, access, retriever_instance="default", after_retrieval="mark_seen")
    box = _Box(gateway, source, address, alias)
    try:
        box.deliver(1)  # tells that the retriever is there
        box.wait_for(1)
        with Idler(source.dovecot.host, source.dovecot.ports.imap, address) as idler:
            return [_overhead(box, idler, number) for number in range(2, mails + 2)]
    finally:
        gateway.retire(alias)


def _overhead(box: _Box, idler: Idler, number: int) -> float:
    box.deliver(number)
    announced = idler.announced()
    return (box.wait_for(number) - announced) * 1000
