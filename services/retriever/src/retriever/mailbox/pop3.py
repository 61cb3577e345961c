"""A mailbox over POP3: one session is one snapshot, and deletions hold once QUIT was answered."""

import asyncio
import contextlib
import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from ece_common.contracts.inbound import Source
from ece_common.contracts.instances import IncomingAccess
from retriever.diagnosis import ProtocolBroken, Unfit
from retriever.mailbox.connection import Answered, Connector, diagnosing
from retriever.mailbox.pop3_login import logged_in
from retriever.mailbox.pop3_wire import Pop3Wire
from retriever.mailbox.port import Listed, ListedMails, RawMail, RawMails, Settlement, Sources

# So many RETR may be under way at once, and so many octets; a larger mail comes alone.
WINDOW_MAILS = 64
WINDOW_OCTETS = 8 * 1024 * 1024
GLIMPSE_OCTETS = 256 * 1024
# Of a mail whose size the server does not tell, or tells as nothing: some do. It comes alone.
UNTOLD_OCTETS = 64 * 1024 * 1024
# UIDL and LIST of a mailbox of a million mails.
CATALOGUE_OCTETS = 128 * 1024 * 1024
UIDL_LENGTH = 255
GOODBYE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Numbered:
    """A mail of this session."""

    number: int
    size: int

    @property
    def most(self) -> int:
        """Octets that may come of it. Some servers count line ends as one, or guess: twice as much is no lie yet."""
        return 2 * self.size + 65536 if self.size else UNTOLD_OCTETS

    @property
    def room(self) -> int:
        """That it takes among those under way."""
        return self.size or WINDOW_OCTETS


class Pop3Mailbox:
    """See `port.Mailbox`. Opens a session when one is needed; `wait` and a deletion end it."""

    def __init__(self, access: IncomingAccess, settlement: Settlement, *, connect: Connector) -> None:
        self._access = access
        self._settlement = settlement
        self._connect = connect
        self._wire: Pop3Wire | None = None
        self._catalogue: dict[str, Numbered] | None = None
        self._passed: set[str] = set()

    @property
    def connected(self) -> bool:
        return self._wire is not None and self._wire.trouble is None

    @property
    def pushes(self) -> bool:
        return False

    async def open(self) -> None:
        await self._ready()

    async def _ready(self) -> Pop3Wire:
        if self._wire is not None and self._wire.trouble is None:
            return self._wire
        self._wire, self._catalogue = None, None
        self._wire = await logged_in(self._connect, self._access)
        return self._wire

    # --- what is there

    async def list(self, limit: int) -> ListedMails:
        wire = await self._ready()
        with diagnosing(self._access, "session"), _whole_or_closed(wire):
            catalogue = await self._known(wire)
        self._passed.intersection_update(catalogue)
        listed: list[Listed] = []
        for uidl, mail in catalogue.items():
            if len(listed) == limit:
                break
            if uidl not in self._passed:
                source = Source(folder=self._access.folder, uidl=uidl, fingerprint=str(mail.size))
                listed.append(Listed(source, mail.size))
        return listed

    async def _known(self, wire: Pop3Wire) -> dict[str, Numbered]:
        """The session's mails by UIDL, oldest first. Equal UIDLs mean equal mails (RFC 1939): one stands for all."""
        if self._catalogue is not None:
            return self._catalogue
        wire.expect(CATALOGUE_OCTETS)
        try:
            await wire.ask("UIDL")
        except Answered as no:
            if no.line.startswith("-ERR ["):
                raise  # a reason of its own (RFC 2449 section 8), such as that it is shutting down
            # Without it a mail whose deletion failed cannot be told from a new one: it would come twice or be lost.
            raise Unfit(
                f"the server does not know UIDL, without which mail cannot be told apart: {no.line}"
            ) from None
        uidls = await wire.block(CATALOGUE_OCTETS)
        await wire.ask("LIST")
        sizes = dict(_pairs(await wire.block(CATALOGUE_OCTETS)))
        catalogue: dict[str, Numbered] = {}
        for number, uidl in _pairs(uidls):
            # RFC 1939 section 5: a server may say more in a scan listing than the size.
            size = sizes.get(number, b"0").split(None, 1)[0]
            catalogue.setdefault(_key(uidl), Numbered(number, int(size) if size.isdigit() else 0))
        self._catalogue = catalogue
        return catalogue

    # --- its bytes

    async def fetch(self, wanted: Sequence[Listed]) -> RawMails:
        wire = await self._ready()
        with diagnosing(self._access, "session"), _whole_or_closed(wire):
            catalogue = await self._known(wire)
            here = deque(
                (mail, catalogue[mail.source.uidl or ""]) for mail in wanted if mail.source.uidl in catalogue
            )
            return await self._retrieved(wire, here)

    async def _retrieved(self, wire: Pop3Wire, waiting: deque[tuple[Listed, Numbered]]) -> RawMails:
        window = WINDOW_MAILS if "PIPELINING" in wire.capabilities else 1
        wire.expect(4 * WINDOW_OCTETS + max((mail.most for _, mail in waiting), default=0))
        mails: list[RawMail] = []
        under_way: deque[tuple[Listed, Numbered]] = deque()
        octets = 0
        while waiting or under_way:
            commands: list[str] = []
            while (
                waiting
                and len(under_way) < window
                and (not under_way or octets + waiting[0][1].room <= WINDOW_OCTETS)
            ):
                under_way.append(waiting.popleft())
                octets += under_way[-1][1].room
                commands.append(f"RETR {under_way[-1][1].number}")
            if commands:
                wire.send(*commands)
            listed, mail = under_way.popleft()
            octets -= mail.room
            with contextlib.suppress(Answered):  # -ERR: it vanished
                await wire.reply()
                mails.append(RawMail(listed.source, await wire.block(mail.most), None))
        return mails

    async def glimpse(self, wanted: Listed) -> bytes:
        wire = await self._ready()
        with diagnosing(self._access, "session"), _whole_or_closed(wire):
            mail = (await self._known(wire)).get(wanted.source.uidl or "")
            if mail is None:
                return b""
            try:
                await wire.ask(f"TOP {mail.number} 0")
            except Answered:
                return b""
            # RFC 1939 lets TOP be followed by the empty line; a header block is what the name says.
            return (await wire.block(16 * GLIMPSE_OCTETS))[:GLIMPSE_OCTETS]

    # --- and the end of it

    async def settle(self, sources: Sequence[Source]) -> Sources:
        if self._settlement.action != "delete":
            self.pass_over(sources)
            return [*sources]
        if not sources:
            return []
        wire = await self._ready()
        try:
            with diagnosing(self._access, "session"):
                catalogue = await self._known(wire)
                # Another size under the same UIDL is another mail, never read: a server that was replaced.
                changed = {one.uidl for one in sources if _changed(one, catalogue.get(one.uidl or ""))}
                ours = [one for one in sources if one.uidl in catalogue and one.uidl not in changed]
                refused = changed | await self._marked(wire, ours)
                # RFC 1939 section 6: only the UPDATE state removes anything, and it begins with QUIT.
                await wire.ask("QUIT")
        finally:
            self._forget(wire)
        return [source for source in sources if source.uidl not in refused]

    async def _marked(self, wire: Pop3Wire, sources: Sequence[Source]) -> set[str | None]:
        """Sends DELE for each; returns the UIDLs the server would not mark."""
        catalogue = await self._known(wire)
        window = WINDOW_MAILS if "PIPELINING" in wire.capabilities else 1
        refused: set[str | None] = set()
        for start in range(0, len(sources), window):
            chunk = sources[start : start + window]
            wire.send(*(f"DELE {catalogue[source.uidl or ''].number}" for source in chunk))
            for source in chunk:
                try:
                    await wire.reply()
                except Answered:
                    refused.add(source.uidl)
        return refused

    def pass_over(self, sources: Sequence[Source]) -> None:
        self._passed.update(source.uidl for source in sources if source.uidl is not None)

    async def wait(self, seconds: float) -> bool:
        await self.close()
        await asyncio.sleep(seconds)
        return True

    def log_in_with(self, access: IncomingAccess) -> None:
        self._access = access

    async def close(self) -> None:
        wire = self._wire
        if wire is None:
            return
        with contextlib.suppress(OSError, EOFError, Answered, ProtocolBroken):
            await wire.ask("QUIT", GOODBYE_SECONDS)
        self._forget(wire)

    def _forget(self, wire: Pop3Wire) -> None:
        self._wire, self._catalogue = None, None
        wire.give_up(ConnectionAbortedError("closed"))


class _whole_or_closed(contextlib.AbstractContextManager[None]):  # noqa: N801 - reads as a verb phrase
    """Replies answer commands in order, so a conversation broken off in the middle cannot be taken up again."""

    def __init__(self, wire: Pop3Wire) -> None:
        self._wire = wire

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, _: object) -> None:
        if problem is not None and not isinstance(problem, Answered):
            self._wire.give_up(ConnectionAbortedError("broken off"))


def _key(uidl: bytes) -> str:
    """RFC 1939 allows 70 printable characters; whatever else a server says still tells its mails apart."""
    text = uidl.decode("latin-1")
    return text if len(text) <= UIDL_LENGTH and text.isprintable() else hashlib.sha256(uidl).hexdigest()


def _changed(source: Source, there: Numbered | None) -> bool:
    return there is not None and source.fingerprint != str(there.size)


def _pairs(block: bytes) -> Sequence[tuple[int, bytes]]:
    """Lines of `number value`."""
    split = (line.split(None, 1) for line in block.split(b"\r\n"))
    return [(int(words[0]), words[1].strip()) for words in split if len(words) == 2 and words[0].isdigit()]
