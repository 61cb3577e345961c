"""Our inbound rate: from the request that hands a full mailbox to the retriever until it is empty."""

import time
from dataclasses import dataclass

from bench.fetchers import Protocol
from bench.gateway import Gateway
from bench.mailboxes import PASSWORD, Mailboxes
from tests.e2e.suite import Json
from tests.rig.dovecot import Dovecot

_STEP = 0.01  # seconds between looks at the mailbox


@dataclass(frozen=True, slots=True)
class Source:
    """Where the mail is, and how it got there."""

    dovecot: Dovecot
    mailboxes: Mailboxes

    def access(self, protocol: Protocol, address: str) -> Json:
        ports = self.dovecot.ports
        return {
            "server_type": protocol,
            "server_name": self.dovecot.host,
            "port": ports.imap if protocol == "IMAP" else ports.pop3,
            "use_ssl": False,
            "user_name": address,
            "password": PASSWORD,
        }


def rate(gateway: Gateway, protocol: Protocol, source: Source) -> float:
    """Mails a second. A mail is deleted on the server only after its activity was committed, so the mailbox's being
    empty ends the run; that every mail is an activity is counted then.
    """
    address = source.mailboxes.fresh()
    began = time.perf_counter()
    alias = gateway.alias(address, source.access(protocol, address), retriever_instance="default")
    try:
        gateway.wait_until_over(
            lambda: source.mailboxes.is_empty(address), lambda: source.mailboxes.left(address), step=_STEP
        )
        seconds = time.perf_counter() - began
    finally:
        gateway.retire(alias)
    stored = gateway.database.value("SELECT count(*) FROM activities WHERE alias_id = $1", alias)
    if stored != source.mailboxes.count:
        raise RuntimeError(f"{stored} activities came of {source.mailboxes.count} mails")
    source.mailboxes.remove(address)
    return source.mailboxes.count / seconds
