"""An embedded mail server: pymap keeps two mailboxes, aiosmtpd stands in front and delivers by IMAP APPEND."""

import asyncio
import imaplib
import sys
from dataclasses import dataclass, field
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.demo.ports import free_port, listens, wait_until
from deploy.demo.processes import Processes


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address with its own IMAP server: pymap's in-memory backend knows a single user."""

    address: str
    password: str
    port: int = field(default_factory=free_port)

    def _session(self) -> imaplib.IMAP4:
        session = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        session.login(self.address, self.password)
        return session

    def append(self, content: bytes) -> None:
        with self._session() as session:
            session.append("INBOX", "", "", content)

    def messages(self) -> list[bytes]:
        with self._session() as session:
            session.select("INBOX", readonly=True)
            found = session.uid("SEARCH", "ALL")[1][0]
            numbers: list[bytes] = found.split() if found else []
            fetched = [session.uid("FETCH", number.decode(), "(BODY.PEEK[])")[1] for number in numbers]
            return [part[1] for answer in fetched for part in answer if isinstance(part, tuple)]


class _Delivery:
    """aiosmtpd's handler: accepts for the two mailboxes and for nobody else."""

    def __init__(self, mailboxes: list[Mailbox]) -> None:
        self._mailboxes = {mailbox.address: mailbox for mailbox in mailboxes}

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it by this name, with these arguments
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address not in self._mailboxes:
            return f"550 5.1.1 <{address}>: no such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        content = envelope.content
        assert isinstance(content, bytes)
        for address in envelope.rcpt_tos:
            await asyncio.to_thread(self._mailboxes[address].append, content)
        return "250 2.0.0 Ok: delivered"


class MailServer:
    """Two mailboxes and the SMTP port in front of them."""

    def __init__(self, *mailboxes: Mailbox) -> None:
        self.smtp_port = free_port()
        self._mailboxes = list(mailboxes)
        self._smtp = Controller(
            _Delivery(self._mailboxes), hostname="127.0.0.1", port=self.smtp_port, ident="demo mail server"
        )

    def start(self, processes: Processes) -> None:
        pymap = str(Path(sys.executable).with_name("pymap"))
        for mailbox in self._mailboxes:
            credentials = ["--demo-user", mailbox.address, "--demo-password", mailbox.password]
            command = [pymap, "--host", "127.0.0.1", "--port", str(mailbox.port), "--no-tls"]
            command += ["--no-service", "managesieve", "--no-service", "admin", "dict", *credentials]
            processes.start(f"imap-{mailbox.address}", command)
        self._smtp.start()
        for mailbox in self._mailboxes:
            wait_until(f"IMAP of {mailbox.address}", lambda port=mailbox.port: listens(port), processes.check)

    def stop(self) -> None:
        self._smtp.stop()
