"""How a test gets at a mailbox: an access to a server of the rig, and the adapter opened on it."""

import asyncio
import hashlib
import socket
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ece_common.contracts.aliases import TlsOptions
from ece_common.contracts.instances import IncomingAccess
from ece_common.egress import EgressPolicy
from retriever.mailbox.connection import EgressConnector
from retriever.mailbox.opening import open_mailbox
from retriever.mailbox.port import Mailbox, RawMail, Settlement
from tests.rig.dovecot import Dovecot

PROTOCOLS = ("IMAP", "POP3")


class Redirected:
    """A real connector, except that well-known ports lead to the rig's: only 993 and 995 speak TLS at once."""

    def __init__(
        self, ca_file: Path | None = None, ports: dict[int, int] | None = None, *, far: bool = False
    ) -> None:
        self._real = EgressConnector(EgressPolicy(), ca_file=str(ca_file) if ca_file else None, seconds=5)
        self._ports = ports or {}
        self._far = far

    async def open(self, host: str, port: int) -> socket.socket:
        return await self._real.open(host, self._ports.get(port, port))

    def tls(self, options: TlsOptions, *, verified: bool) -> ssl.SSLContext:
        return self._real.tls(options, verified=verified)

    def trusts(self, peer: str) -> bool:
        """`far`: as if the rig's servers stood somewhere else."""
        return not self._far and self._real.trusts(peer)


def an_access(kind: str, port: int, **changes: Any) -> IncomingAccess:
    fields: dict[str, Any] = {
        "server_type": kind,
        "server_name": "127.0.0.1",
        "port": port,
        "use_ssl": False,
        "user_name": "box@rig.test",
        "password": "secret",
        "folder": "inbox",
    }
    return IncomingAccess(**(fields | changes))


def port_of(server: Dovecot, kind: str) -> int:
    return server.ports.imap if kind == "IMAP" else server.ports.pop3


@asynccontextmanager
async def a_mailbox(
    access: IncomingAccess, action: Any = "keep", *, move_to: str | None = None, connect: Redirected | None = None
) -> AsyncGenerator[Mailbox]:
    box = open_mailbox(access, Settlement(action, move_to), connect=connect or Redirected())
    try:
        yield box
    finally:
        await box.close()


async def everything(box: Mailbox, limit: int = 1000) -> list[RawMail]:
    return await box.fetch(await box.list(limit))


def user_for(request: Any) -> str:
    """An address of the test's own on the shared server."""
    return f"box-{hashlib.sha1(request.node.nodeid.encode()).hexdigest()[:16]}@rig.test"


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what a server in another thread counts has no event
            await asyncio.sleep(0.01)
