"""Which adapter serves an alias."""

from ece_common.contracts.instances import IncomingAccess
from retriever.mailbox.connection import Connector
from retriever.mailbox.imap import ImapMailbox
from retriever.mailbox.pop3 import Pop3Mailbox
from retriever.mailbox.port import Mailbox, Settlement


def open_mailbox(access: IncomingAccess, settlement: Settlement, *, connect: Connector) -> Mailbox:
    """The mailbox, not connected yet: `open` does that."""
    if access.server_type == "POP3":
        return Pop3Mailbox(access, settlement, connect=connect)
    return ImapMailbox(access, settlement, connect=connect)
