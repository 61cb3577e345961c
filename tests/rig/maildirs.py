"""How Dovecot's Maildir++ looks on disk: put messages in, read them back, choose UIDVALIDITY."""

import contextlib
import itertools
import os
import re
import secrets
import time
from pathlib import Path

from tests.rig.processes import give_to

_serial = itertools.count(1)


class Maildir:
    """One folder of one mailbox. Files belong to `owner`, the user that Dovecot runs as."""

    def __init__(self, root: Path, owner: str, folder: str = "INBOX") -> None:
        self.path = root if folder == "INBOX" else root / ("." + folder.replace("/", "."))
        self._owner = owner

    def create(self) -> None:
        for part in (self.path, *(self.path / name for name in ("tmp", "new", "cur"))):
            part.mkdir(exist_ok=True)
            give_to(self._owner, part)

    def put(self, raw: bytes, *, flags: str = "") -> Path:
        """As a delivery agent does: complete in tmp, then moved. Names ascend, so UIDs follow the order."""
        now, serial = time.time_ns(), next(_serial)
        name = f"{now // 10**9}.M{now % 10**9 // 1000:06d}P{os.getpid()}Q{serial}.rig,S={len(raw)}"
        draft = self.path / "tmp" / name
        draft.write_bytes(raw)
        give_to(self._owner, draft)
        place = self.path / "cur" / f"{name}:2,{flags}" if flags else self.path / "new" / name
        draft.rename(place)
        self._show_change()
        return place

    def _show_change(self) -> None:
        """Dovecot rescans when a directory's mtime changed, and the kernel's clock for that ticks in 4 ms only.

        Two changes within a tick, one of them Dovecot's own, would go unseen for a second.
        """
        for part in ("new", "cur"):
            os.utime(self.path / part, ns=(time.time_ns(), time.time_ns()))

    def files(self) -> list[Path]:
        found = [entry for part in ("new", "cur") for entry in (self.path / part).glob("*")]
        return sorted(found, key=_delivery_order)

    def read(self) -> list[bytes]:
        """Oldest first, with CRLF line ends as a client would see them."""
        while True:
            # between the listing and the reading the server may flag a mail, which renames it, or remove it
            with contextlib.suppress(FileNotFoundError):
                return [re.sub(rb"\r?\n", b"\r\n", entry.read_bytes()) for entry in self.files()]

    def flags(self) -> list[str]:
        """Per message, oldest first, Maildir letters: S seen, T deleted, F flagged, R answered."""
        return [entry.name.partition(":2,")[2] for entry in self.files()]

    def clear(self) -> None:
        for entry in self.files():
            entry.unlink(missing_ok=True)
        self._show_change()

    def number_from(self, uidvalidity: int, first_uid: int = 1) -> None:
        """Forget all UIDs; the next client sees `uidvalidity` and UIDs from `first_uid` up, oldest first.

        Only while nobody is logged in to the mailbox.
        """
        for stale in self.path.glob("dovecot.index*"):
            stale.unlink()
        uids = self.path / "dovecot-uidlist"
        uids.write_text(f"3 V{uidvalidity} N{first_uid} G{secrets.token_hex(16)}\n")
        give_to(self._owner, uids)


def _delivery_order(entry: Path) -> tuple[int, int, str]:
    stamp = re.match(r"(\d+)\.M(\d+)", entry.name)
    return (int(stamp[1]), int(stamp[2]), entry.name) if stamp else (0, 0, entry.name)
