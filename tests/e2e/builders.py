"""Aliases on the rig's servers: a test says only what matters."""

import uuid
from typing import Any

from tests.e2e.suite import Json, Suite
from tests.rig.dovecot import Dovecot


def an_address(name: str = "support") -> str:
    """An address nobody else uses: the mail servers are shared by the whole test run."""
    return f"{name}-{uuid.uuid4().hex[:10]}@rig.test"


def a_mailbox(dovecot: Dovecot, name: str = "support", password: str = "secret") -> str:
    address = an_address(name)
    dovecot.add_user(address, password)
    return address


def imap(dovecot: Dovecot, address: str, **fields: Any) -> Json:
    incoming = {
        "server_type": "IMAP",
        "server_name": "127.0.0.1",
        "port": dovecot.ports.imap,
        "use_ssl": False,
        "user_name": address,
        "password": "secret",
    }
    return incoming | fields


def pop3(dovecot: Dovecot, address: str, **fields: Any) -> Json:
    return imap(dovecot, address) | {"server_type": "POP3", "port": dovecot.ports.pop3} | fields


def smtp(port: int, **fields: Any) -> Json:
    return {"server_type": "SMTP", "server_name": "127.0.0.1", "port": port, **fields}


def an_alias(suite: Suite, department: int, address: str, incoming: Json, outgoing: Json, **fields: Any) -> Json:
    """Retrieved by the instance `default` from the start."""
    body = {
        "name": f"Alias of {address}",
        "email_address": address,
        "retriever_instance": "default",
        "incoming": incoming,
        "outgoing": outgoing,
        **fields,
    }
    return suite.post(f"/departments/{department}/aliases", body)
