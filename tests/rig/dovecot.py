"""A real Dovecot (IMAP, POP3, LMTP, SASL) in a directory of its own."""

import base64
import grp
import itertools
import os
import pwd
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.rig.certificates import Certificates
from tests.rig.dovecot_config import DovecotOptions, DovecotPlace, DovecotPorts, dovecot_conf, oauth2_confs
from tests.rig.maildirs import Maildir
from tests.rig.ports import free_port, greets, wait_until
from tests.rig.processes import (
    Process,
    RigError,
    ServerFolder,
    find_program,
    give_to,
    identity,
    unprivileged_user,
)
from tests.rig.server import SubprocessServer

__all__ = ["Dovecot", "DovecotOptions"]


class Dovecot(SubprocessServer):
    """`with Dovecot() as server:` or start() ... close(). stop() and start() keep ports, users and mail."""

    def __init__(self, options: DovecotOptions | None = None) -> None:
        self.options = options or DovecotOptions()
        self.host = "127.0.0.2" if self.options.disable_plaintext_auth else "127.0.0.1"
        self.ports = DovecotPorts(*(free_port(self.host) for _ in range(6)))
        self._own_certificates = Certificates() if self.options.certificate is None else None
        self._home = ServerFolder("dovecot")
        self._user = unprivileged_user()
        self._passwords: dict[str, str] = {}
        self._stamps = itertools.count(10**9)  # mtimes: Dovecot tells versions apart by whole seconds only
        self._write_config()

    @property
    def folder(self) -> Path:
        return self._home.path

    @property
    def ca_file(self) -> Path:
        """What a client must trust, when the instance made its own certificate."""
        if self._own_certificates is None:
            raise RigError("this Dovecot was given a certificate; trust the CA that issued it")
        return self._own_certificates.ca_file

    def _write_config(self) -> None:
        for part in ("run", "state", "mail", "users"):
            (self.folder / part).mkdir()
            give_to(self._user, self.folder / part)
        certificate = self.options.certificate or (self._own_certificates or Certificates()).good
        group = grp.getgrgid(pwd.getpwnam(self._user).pw_gid).gr_name
        place = DovecotPlace(self.folder, self._user, group, self.host, self.ports, certificate)
        (self.folder / "dovecot.conf").write_text(dovecot_conf(place, self.options))
        for name, text in oauth2_confs(self.options).items():
            (self.folder / name).write_text(text)

    # --- running

    def start(self) -> Self:
        """Returns once every protocol greets."""
        argv = [find_program("dovecot"), "-F", "-c", str(self.folder / "dovecot.conf")]
        self._process = Process(argv, log=self.folder / "stderr.log", user=self._user)
        ports = (self.ports.imap, self.ports.pop3, self.ports.lmtp)
        self._await(lambda: all(greets(port, self.host) for port in ports))
        return self

    def log_text(self) -> str:
        logs = (self.folder / "stderr.log", self.folder / "dovecot.log")
        return "".join(log.read_text(errors="replace") for log in logs if log.exists())

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._home.remove()
        if self._own_certificates is not None:
            self._own_certificates.remove()

    # --- users

    def add_user(self, address: str, password: str = "secret") -> None:
        """Takes effect at once, running or not; an address added before gets this password."""
        if self._passwords.get(address.lower()) != password:
            self.set_password(address, password)
        home = self.folder / "mail" / address.lower()
        home.mkdir(exist_ok=True)
        give_to(self._user, home)
        self.maildir(address).create()

    def set_password(self, address: str, password: str) -> None:
        """Takes effect at once; changing one takes up to a second."""
        known = address.lower() in self._passwords
        self._passwords[address.lower()] = password
        secret = base64.b64encode(password.encode()).decode()
        draft = self.folder / "users.new"

        def write() -> None:
            draft.write_text(f"{address.lower()}:{{PLAIN.b64}}{secret}::::::\n")
            give_to(self._user, draft)
            stamp = next(self._stamps)
            os.utime(draft, (stamp, stamp))
            draft.rename(self._user_file(address))

        self._settle(write, known=known)

    def remove_user(self, address: str) -> None:
        """Logins fail from now on; the mail stays on disk. Takes up to a second."""
        del self._passwords[address.lower()]
        self._settle(self._user_file(address).unlink, known=True)

    def _user_file(self, address: str) -> Path:
        return self.folder / "users" / address.lower()

    def _settle(self, change: Callable[[], None], *, known: bool) -> None:
        """Dovecot looks at a user's file once in a second of the clock, so the next one must come first."""
        asked_before = known and self._process is not None and self._process.alive
        change()
        if asked_before:
            _next_second()

    # --- mail

    def maildir(self, address: str, folder: str = "INBOX") -> Maildir:
        root = self.folder / "mail" / address.lower() / "Maildir"
        return Maildir(root, self._user, folder)

    def deliver(self, address: str, raw: bytes, *, folder: str = "INBOX", flags: str = "") -> None:
        box = self.maildir(address, folder)
        box.create()
        box.put(raw, flags=flags)

    def messages(self, address: str, folder: str = "INBOX") -> list[bytes]:
        """What is in the folder now, oldest first, CRLF line ends."""
        return self.maildir(address, folder).read()

    def flags(self, address: str, folder: str = "INBOX") -> list[str]:
        return self.maildir(address, folder).flags()

    def clear(self, address: str, folder: str = "INBOX") -> None:
        self.maildir(address, folder).clear()

    def number_from(self, address: str, uidvalidity: int, first_uid: int = 1, *, folder: str = "INBOX") -> None:
        """Choose UIDVALIDITY and the first UID, while nobody is logged in to the mailbox."""
        self.maildir(address, folder).number_from(uidvalidity, first_uid)

    def doveadm(self, *args: str) -> str:
        """Dovecot's own administration tool, on this instance; its output."""
        argv = [find_program("doveadm"), "-c", str(self.folder / "dovecot.conf"), *args]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False, **identity(self._user))
        if done.returncode != 0:
            raise RigError(f"doveadm {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout


def _next_second() -> None:
    now = int(time.time())
    wait_until(lambda: int(time.time()) > now)
