"""Postfix as a relay: smtp-source fills its queue over SMTP while it empties it into the sink."""

import subprocess
import time
from pathlib import Path

from tests.rig.dovecot import Dovecot
from tests.rig.ports import wait_until
from tests.rig.postfix import Postfix, PostfixOptions, SmtpSink
from tests.rig.processes import find_program

SESSIONS = 8
LIMIT = 120.0  # seconds for one run


def relay_options(sink_port: int) -> PostfixOptions:
    """Postfix with its own defaults for delivery, in front of one next hop."""
    return PostfixOptions(
        extra=f"default_transport = smtp:[127.0.0.1]:{sink_port}\nmynetworks = 127.0.0.0/8\n"
        "smtpd_relay_restrictions = permit_mynetworks, reject\nsmtpd_recipient_restrictions =\n"
    )


def rate(dovecot: Dovecot, count: int, size: int) -> float:
    """Mails of `size` bytes a second, from smtp-source's start until the queue is empty.

    Postfix takes mail in while it sends, so its rate holds both; two processors do that side by side.
    """
    with SmtpSink() as sink, Postfix(dovecot, relay_options(sink.port)) as postfix:
        source = [find_program("smtp-source"), "-d", "-s", str(SESSIONS), "-m", str(count), "-l", str(size)]
        ends = ["-f", "support@rig.test", "-t", "customer@sink.test", f"127.0.0.1:{postfix.smtp}"]
        began = time.perf_counter()
        subprocess.run([*source, *ends], check=True, timeout=LIMIT, capture_output=True)
        wait_until(lambda: not _queued(postfix.folder / "queue"), seconds=LIMIT, what="Postfix's empty queue")
        seconds = time.perf_counter() - began
        sent = postfix.log_text().count("status=sent")
        if sent != count:
            raise RuntimeError(f"Postfix sent {sent} of {count} mails")
        return count / seconds


def _queued(queue: Path) -> bool:
    return any(
        entry.is_file() for part in ("maildrop", "incoming", "active", "deferred") for entry in _in(queue / part)
    )


def _in(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))
