"""Mailboxes to empty: delivered once through LMTP, then copied, so that everybody starts from the same files."""

import itertools
import os
import shutil
import smtplib
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.rig.dovecot import Dovecot

PASSWORD = "secret"
_TEMPLATE = "template@rig.test"


class Mailboxes:
    """Dovecot's own delivery writes names with sizes in them and fills its index, as on a real server."""

    def __init__(self, dovecot: Dovecot) -> None:
        self._dovecot = dovecot
        self._numbers = itertools.count(1)
        self.count = 0
        self.bytes = 0

    def fill(self, mails: Sequence[bytes]) -> None:
        """Deliver the template that `fresh` copies."""
        self._dovecot.add_user(_TEMPLATE, PASSWORD)
        with smtplib.LMTP(self._dovecot.host, self._dovecot.ports.lmtp, timeout=60) as lmtp:
            for mail in mails:
                lmtp.sendmail("customer@customer.test", [_TEMPLATE], mail)
        files = self._dovecot.maildir(_TEMPLATE).files()
        self.count, self.bytes = len(files), sum(file.stat().st_size for file in files)
        if self.count != len(mails):
            raise RuntimeError(f"Dovecot delivered {self.count} of {len(mails)} mails")

    def fresh(self) -> str:
        """The address of a new mailbox with the template's mails in it; everything written is on the disk."""
        address = self.empty()
        home = self._dovecot.folder / "mail" / address
        shutil.rmtree(home)
        subprocess.run(["cp", "-a", home.with_name(_TEMPLATE), home], check=True, timeout=60)
        os.sync()  # nobody pays for the writes of the one before
        return address

    def empty(self) -> str:
        address = f"box{next(self._numbers)}@rig.test"
        self._dovecot.add_user(address, PASSWORD)
        return address

    def is_empty(self, address: str) -> bool:
        """Looks at two directories until the first file: cheap enough to ask a hundred times a second."""
        maildir = self._dovecot.maildir(address).path
        return not any(_has_entry(maildir / part) for part in ("new", "cur"))

    def left(self, address: str) -> int:
        return len(self._dovecot.maildir(address).files())

    def remove(self, address: str) -> None:
        """Its files; nobody may be logged in any more."""
        shutil.rmtree(self._dovecot.folder / "mail" / address, ignore_errors=True)


def _has_entry(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return next(entries, None) is not None
