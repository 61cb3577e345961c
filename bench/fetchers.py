"""The peers that empty a mailbox into a Maildir: getmail6 and mbsync, each as its manual says."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.mailboxes import PASSWORD, Mailboxes
from tests.rig.dovecot import Dovecot
from tests.rig.processes import IS_ROOT, ServerFolder, find_program, give_to, unprivileged_user

Protocol = Literal["IMAP", "POP3"]
LIMIT = 300.0  # seconds for one run


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer fetches from, and the empty folder it may use."""

    host: str
    port: int
    address: str
    folder: Path

    @property
    def maildir(self) -> Path:
        return self.folder / "Maildir"


Prepare = Callable[[Protocol, Place], list[str]]


def getmail6(protocol: Protocol, place: Place) -> list[str]:
    """Deletes what it delivered. It does not deliver as root, hence `user`; a child for each mail it forks anyway."""
    for part in ("", "new", "cur", "tmp"):
        (place.maildir / part).mkdir(exist_ok=True)
        give_to(unprivileged_user(), place.maildir / part)
    user = f"user = {unprivileged_user()}\n" if IS_ROOT else ""
    (place.folder / "getmailrc").write_text(
        f"[retriever]\ntype = Simple{protocol}Retriever\nserver = {place.host}\nport = {place.port}\n"
        f"username = {place.address}\npassword = {PASSWORD}\n\n"
        f"[destination]\ntype = Maildir\npath = {place.maildir}/\n{user}\n"
        "[options]\ndelete = true\nread_all = true\nverbose = 0\n"
    )
    program = Path(sys.executable).with_name("getmail")
    return [sys.executable, str(program), "--getmaildir", str(place.folder), "--rcfile", "getmailrc"]


def mbsync_fsync(_protocol: Protocol, place: Place) -> list[str]:
    """Copies only: this version cannot delete what it copied, which is in its favour."""
    place.maildir.mkdir()
    (place.folder / "mbsyncrc").write_text(
        f"FSync yes\n\nIMAPAccount far\nHost {place.host}\nPort {place.port}\nUser {place.address}\nPass {PASSWORD}\n"
        "SSLType None\nAuthMechs LOGIN\n\nIMAPStore far\nAccount far\n\n"
        f"MaildirStore near\nPath {place.folder}/\nInbox {place.maildir}\n\n"
        "Channel all\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSync Pull\nSyncState *\n"
    )
    return [find_program("mbsync"), "-q", "-c", str(place.folder / "mbsyncrc"), "all"]


def rate(prepare: Prepare, protocol: Protocol, dovecot: Dovecot, mailboxes: Mailboxes) -> float:
    """Mails a second from the start of the process to its end, on a fresh copy of the mailbox."""
    home = ServerFolder("peer", "root")
    address = mailboxes.fresh()
    try:
        port = dovecot.ports.imap if protocol == "IMAP" else dovecot.ports.pop3
        place = Place(dovecot.host, port, address, home.path)
        argv = prepare(protocol, place)
        seconds = _run(argv, place.folder)
        _check(place, mailboxes, deletes=prepare is getmail6)
        return mailboxes.count / seconds
    finally:
        home.remove()
        mailboxes.remove(address)


def _run(argv: list[str], home: Path) -> float:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    began = time.perf_counter()
    done = subprocess.run(argv, capture_output=True, text=True, cwd=home, env=environment, timeout=LIMIT, check=False)
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds


def _check(place: Place, mailboxes: Mailboxes, *, deletes: bool) -> None:
    stored = sum(1 for part in ("new", "cur") for _ in (place.maildir / part).iterdir())
    left = mailboxes.left(place.address)
    if stored < mailboxes.count or (deletes and left):
        raise RuntimeError(f"{stored} of {mailboxes.count} mails were stored, {left} are left on the server")
