"""SMTP over kept connections, a bounded number per route."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from dispatcher.transport.connection import Connection
from dispatcher.transport.dialogue import Ended
from dispatcher.transport.fresh_token import Login
from dispatcher.transport.opening import OpenSocket, Plan, Timeouts
from dispatcher.transport.pool import Pool
from dispatcher.transport.port import Conversation, Letter, Stage, Trouble, most_connections, without_token
from ece_common import tls
from ece_common.access_tokens import Ask
from ece_common.bearer import is_loopback
from ece_common.contracts.aliases import TlsOptions
from ece_common.contracts.instances import OutgoingAccess
from ece_common.errors import Invalid

# How long a refused login is remembered where plain SMTP may stand in for it (R95).
FALLBACK_SECONDS = 300.0
_CONTEXTS_KEPT = 256


@dataclass(frozen=True, slots=True)
class SmtpOptions:
    """`implicit_tls_ports`: with SSL these speak TLS from the first byte (RFC 8314), all others STARTTLS.

    `trusted`: peers to which an access token may go without TLS.
    """

    ehlo_name: str
    ca_file: str | None = None
    maximum_connections: int = 8
    letters_per_connection: int = 100
    idle_seconds: float = 30.0
    wait_for_connection: float = 60.0
    implicit_tls_ports: frozenset[int] = frozenset({465})
    timeouts: Timeouts = field(default_factory=Timeouts)
    trusted: Callable[[str], bool] = is_loopback


class SmtpTransport:
    """The Transport port. One pool a route; a change of a route's access, but for its token, starts a new one."""

    def __init__(self, open_socket: OpenSocket, options: SmtpOptions, ask_token: Ask | None = None) -> None:
        self._open_socket = open_socket
        self._options = options
        self._ask_token = ask_token
        self.maximum_connections = options.maximum_connections
        self._pools: dict[str, _Held] = {}
        self._contexts: dict[tuple[str | None, str, bool], ssl.SSLContext] = {}
        self._talking: set[Connection] = set()

    async def prepare(self, route: str, access: OutgoingAccess) -> Conversation | None:
        try:
            await self._held(route, access).pool.prepare()
        except Ended as ended:
            return ended.conversation
        return None

    async def send(self, route: str, access: OutgoingAccess, letter: Letter) -> Conversation:
        held = self._held(route, access)
        pool = held.pool
        try:
            async with asyncio.timeout(self._options.wait_for_connection):
                await pool.enter()
        except TimeoutError:
            return Conversation(Stage.CONNECT, trouble=Trouble.BUSY, detail="Every connection is in use.")
        try:
            conversation = await self._send_on(held, letter)
        except Ended as ended:
            conversation = ended.conversation
        finally:
            pool.leave()
        pool.learn(conversation)
        return conversation

    def abort(self) -> None:
        for connection in list(self._talking):
            connection.abort()

    def close(self) -> None:
        """Ends the kept connections politely; for use when nothing is being sent."""
        for held in self._pools.values():
            held.pool.close()
        self._pools.clear()

    def tidy(self) -> None:
        """Forget the pools that hold nothing, so that thousands of routes cost nothing while silent."""
        for route in [name for name, held in self._pools.items() if held.pool.empty]:
            del self._pools[route]

    def connections(self) -> dict[str, dict[str, int]]:
        """Per route, for /status."""
        return {
            route: {"limit": held.pool.limit, "busy": held.pool.busy, "idle": held.pool.idle}
            for route, held in self._pools.items()
        }

    async def _send_on(self, held: "_Held", letter: Letter) -> Conversation:
        pool = held.pool
        connection, kept = await pool.take()
        conversation = await self._talk(pool, connection, letter)
        if kept and _went_stale(conversation):
            # The server had ended the kept connection; that is between us and it, not an attempt of the letter.
            connection = await pool.open()
            conversation = await self._talk(pool, connection, letter)
        elif conversation.stage is Stage.MAIL and held.login.refused(connection.access, conversation):
            # The token ran out while the connection was open: nothing of the letter has been taken.
            connection.abort()
            conversation = await self._talk(pool, await pool.open(), letter)
        return conversation

    async def _talk(self, pool: Pool, connection: Connection, letter: Letter) -> Conversation:
        self._talking.add(connection)
        try:
            return await connection.transact(letter)
        finally:
            self._talking.discard(connection)
            pool.give(connection)

    def _held(self, route: str, access: OutgoingAccess) -> "_Held":
        held, same = self._pools.get(route), without_token(access)
        if held is not None and held.access == same:
            held.login.told(access)
            return held
        if held is not None:
            held.pool.close()
        login = Login(access, self._ask_token)
        opener = Opener(login, self._open_socket, self.plan)
        pool = Pool(opener, self._options.letters_per_connection, self._options.idle_seconds)
        pool.maximum = lambda: most_connections(login.access, self.maximum_connections)
        self._pools[route] = _Held(same, login, pool)
        return self._pools[route]

    def speaks_tls_at_once(self, access: OutgoingAccess) -> bool:
        return access.use_ssl and access.port in self._options.implicit_tls_ports

    def plan(self, access: OutgoingAccess, *, authenticate: bool) -> Plan:
        """Raises Ended when the alias's TLS settings are unusable."""
        try:
            context = self._context(access.tls, verified=access.use_ssl)
            strict = self._context(access.tls, verified=True)
        except Invalid as problem:
            refusal = Conversation(Stage.TLS, trouble=Trouble.NOT_ALLOWED, detail=problem.detail)
            raise Ended(refusal) from None
        return Plan(
            access=access,
            tls=context,
            strict=strict,
            ehlo_name=self._options.ehlo_name,
            implicit_tls=self.speaks_tls_at_once(access),
            authenticate=authenticate,
            timeouts=self._options.timeouts,
            trusted=self._options.trusted,
        )

    def _context(self, wanted: TlsOptions, *, verified: bool) -> ssl.SSLContext:
        """Kept, since reading the system's certificates takes some 20 ms."""
        key = (wanted.ca_bundle, wanted.minimum_version, verified)
        if key not in self._contexts:
            context = tls.client_context(wanted.ca_bundle, wanted.minimum_version, self._options.ca_file)
            if not verified:
                # Without SSL the alternative to an unverified server is clear text (RFC 7435 section 3).
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if len(self._contexts) >= _CONTEXTS_KEPT:
                self._contexts.clear()
            self._contexts[key] = context
        return self._contexts[key]


@dataclass(frozen=True, slots=True)
class _Held:
    """A route's connections, and what they log in with. `access` without its token tells it from another."""

    access: OutgoingAccess
    login: Login
    pool: Pool


class Opener:
    """Opens the connections of one route, by plain SMTP for a while where a refused login allows that (R95, R96)."""

    def __init__(self, login: Login, open_socket: OpenSocket, plan: Callable[..., Plan]) -> None:
        self._login = login
        self._open_socket = open_socket
        self._plan = plan
        self._fallback_until = 0.0

    @property
    def falling_back(self) -> bool:
        return asyncio.get_running_loop().time() < self._fallback_until

    async def open(self) -> Connection:
        access = await self._login.current()
        if not self.falling_back:
            try:
                return await self._logged_in(access)
            except Ended as ended:
                if not (access.use_smtp == "when_authorization_fails" and login_refused(ended.conversation)):
                    raise
                self._fallback_until = asyncio.get_running_loop().time() + FALLBACK_SECONDS
        return await Connection.open(self._plan(access, authenticate=False), self._open_socket)

    async def _logged_in(self, access: OutgoingAccess) -> Connection:
        try:
            connection = await Connection.open(self._plan(access, authenticate=True), self._open_socket)
        except Ended as ended:
            if not self._login.refused(access, ended.conversation):
                raise
            access = await self._login.current()
            connection = await self._again(access)
        self._login.proven(access)
        return connection

    async def _again(self, access: OutgoingAccess) -> Connection:
        """With a fresh token. What refuses that one as well is told, and remembered."""
        try:
            return await Connection.open(self._plan(access, authenticate=True), self._open_socket)
        except Ended as ended:
            self._login.refused(access, ended.conversation)
            raise

    def outdated(self, connection: Connection) -> bool:
        """A connection without login, kept past the time for which plain SMTP stands in."""
        return connection.used_smtp_fallback and not self.falling_back


def login_refused(conversation: Conversation) -> bool:
    """Refused for good: a temporary failure (454 4.7.0) says nothing about the authorization."""
    if conversation.stage is not Stage.AUTH:
        return False
    if conversation.reply is not None:
        return conversation.reply.code // 100 == 5
    return conversation.trouble is Trouble.NOT_OFFERED


def _went_stale(conversation: Conversation) -> bool:
    if conversation.stage is not Stage.MAIL:
        return False
    if conversation.reply is not None:
        return conversation.reply.code == 421
    return conversation.trouble is Trouble.LOST
