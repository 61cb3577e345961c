"""A mailbox over IMAP4rev1: what is there, its bytes, and the end of it, by UID under one UIDVALIDITY."""

import asyncio
import contextlib
from collections.abc import Sequence

import structlog

from ece_common.contracts.inbound import Source
from ece_common.contracts.instances import IncomingAccess
from retriever.diagnosis import is_about_session
from retriever.mailbox.batches import batches
from retriever.mailbox.connection import Answered, Connector, diagnosing
from retriever.mailbox.imap_command import Asked
from retriever.mailbox.imap_grammar import fetched, numbers, received, sequence_set
from retriever.mailbox.imap_login import Folder, logged_in, selected
from retriever.mailbox.imap_settlement import settled
from retriever.mailbox.imap_wire import LINE_LIMIT, ImapWire
from retriever.mailbox.port import Listed, ListedMails, RawMail, RawMails, Settlement, Sources

# One command brings at most so many mails and so many octets; a larger mail comes alone.
FETCH_MAILS = 250
FETCH_OCTETS = 8 * 1024 * 1024
LIST_MAILS = 500
GLIMPSE_OCTETS = 256 * 1024
# RFC 2177: renew before a server may hang up on us after 30 minutes.
IDLE_SECONDS = 28 * 60.0
# A server that cannot push is asked at least so often, so that it does not take us for gone.
NOOP_SECONDS = 300.0
GOODBYE_SECONDS = 3.0


class ImapMailbox:
    """See `port.Mailbox`. Never sends CLOSE, which would expunge what others flagged as deleted."""

    def __init__(self, access: IncomingAccess, settlement: Settlement, *, connect: Connector) -> None:
        self._access = access
        self._settlement = settlement
        self._connect = connect
        self._wire: ImapWire | None = None
        self._folder = Folder(access.folder, None)
        self._idles = True
        self._passed: set[int] = set()
        self._seen: set[int] = set()
        self._floor = 0

    @property
    def connected(self) -> bool:
        return self._wire is not None and self._wire.trouble is None

    @property
    def pushes(self) -> bool:
        return self._wire is not None and self._idles and "IDLE" in self._wire.capabilities

    async def open(self) -> None:
        await self._ready()

    async def _ready(self) -> ImapWire:
        if self._wire is not None and self._wire.trouble is None:
            return self._wire
        self._wire = None
        wire = await logged_in(self._connect, self._access)
        try:
            folder = await selected(wire, self._access)
        except BaseException:
            wire.give_up(ConnectionAbortedError("given up"))
            raise
        # A server that was restored or replaced may give the same UIDVALIDITY and UIDs to other mails: what was
        # seen in one session says nothing about the next. Everything is listed anew, and the ledger tells.
        self._passed, self._seen, self._floor = set(), set(), 0
        self._folder, self._wire = folder, wire
        wire.news.set()
        return wire

    # --- what is there

    async def list(self, limit: int) -> ListedMails:
        wire = await self._ready()
        with diagnosing(self._access, "session"):
            wire.news.clear()
            uids = await self._still_to_do(wire, limit)
            listed: list[Listed] = []
            for start in range(0, len(uids), LIST_MAILS):
                chunk = uids[start : start + LIST_MAILS]
                answer = await wire.ask(
                    "FETCH", sequence_set(chunk), "(UID RFC822.SIZE INTERNALDATE)", prefix="UID", lenient=True
                )
                listed.extend(self._listed(answer, chunk))
        self._seen = {mail.source.uid for mail in listed if mail.source.uid is not None}
        return sorted(listed, key=lambda mail: mail.source.uid or 0)

    async def _still_to_do(self, wire: ImapWire, limit: int) -> Sequence[int]:
        """The oldest `limit` UIDs that are neither done nor passed over."""
        criteria = "UNSEEN UNDELETED" if self._settlement.action == "mark_seen" else "UNDELETED"
        if self._floor:
            criteria += f" UID {self._floor + 1}:*"
        returns = "RETURN (ALL) " if "ESEARCH" in wire.capabilities else ""
        answer = await wire.ask("SEARCH", returns + criteria, prefix="UID", content=LINE_LIMIT)
        found = _found(answer, limit + len(self._passed) + 1)
        # n:* holds the last mail even when its UID is below n.
        found = [uid for uid in found if uid > self._floor]
        while found and found[0] in self._passed:
            self._floor = found.pop(0)
            self._passed.discard(self._floor)
        self._passed = {uid for uid in self._passed if uid > self._floor}
        return [uid for uid in found if uid not in self._passed][:limit]

    def _listed(self, answer: Asked, asked: Sequence[int]) -> ListedMails:
        expected = set(asked)
        mails: list[Listed] = []
        for parts in answer.answers:
            items = fetched(parts)
            uid, size = _number(items.get(b"UID")), _number(items.get(b"RFC822.SIZE"))
            if uid is None or size is None or uid not in expected:
                continue
            expected.discard(uid)
            date = (items.get(b"INTERNALDATE") or b"").decode("ascii", "replace").strip()
            source = Source(
                folder=self._folder.name, uidvalidity=self._folder.uidvalidity, uid=uid, fingerprint=f"{size}:{date}"
            )
            mails.append(Listed(source, size))
        return mails

    # --- its bytes

    async def fetch(self, wanted: Sequence[Listed]) -> RawMails:
        wire = await self._ready()
        found: dict[int, RawMail] = {}
        with diagnosing(self._access, "session"):
            for batch in batches(self._here(wanted), mails=FETCH_MAILS, octets=FETCH_OCTETS):
                await self._fetch_batch(wire, batch, found)
        return [found[mail.source.uid] for mail in wanted if mail.source.uid in found]

    async def _fetch_batch(self, wire: ImapWire, batch: Sequence[Listed], found: dict[int, RawMail]) -> None:
        asked = {mail.source.uid: mail for mail in batch if mail.source.uid is not None}
        # Some servers count RFC822.SIZE with bare line feeds, or guess: twice as much is not yet a lie.
        content = sum(2 * mail.size + 65536 for mail in batch)
        uids = sequence_set(sorted(asked))
        try:
            answer = await wire.ask(
                "FETCH", uids, "(UID INTERNALDATE BODY.PEEK[])", prefix="UID", content=content, lenient=True
            )
        except Answered as no:
            if wire.trouble is not None or is_about_session(no.line):
                raise
            await self._fetch_apart(wire, batch, found, no)
            return
        for parts in answer.answers:
            items = fetched(parts)
            uid, body = _number(items.get(b"UID")), items.get(b"BODY[]")
            # A mail expunged by others meanwhile may come as NIL or as nothing.
            if uid in asked and body is not None and (body or not asked[uid].size):
                found[uid] = RawMail(asked[uid].source, body, received(items.get(b"INTERNALDATE") or b""))

    async def _fetch_apart(
        self, wire: ImapWire, batch: Sequence[Listed], found: dict[int, RawMail], no: Answered
    ) -> None:
        """Some servers refuse a whole command for one mail they cannot read. That one is left out: it is absent."""
        if len(batch) == 1:
            structlog.get_logger().warning("mail.unreadable_on_server", uid=batch[0].source.uid, answer=no.line[:500])
            await wire.ask("NOOP")  # a server that refuses this as well is in trouble itself
            return
        for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
            await self._fetch_batch(wire, half, found)

    async def glimpse(self, wanted: Listed) -> bytes:
        wire = await self._ready()
        if not self._here([wanted]):
            return b""
        with diagnosing(self._access, "session"):
            part = f"(UID BODY.PEEK[HEADER]<0.{GLIMPSE_OCTETS}>)"
            answer = await wire.ask(
                "FETCH", str(wanted.source.uid), part, prefix="UID", content=2 * GLIMPSE_OCTETS, lenient=True
            )
        for parts in answer.answers:
            for name, value in fetched(parts).items():
                if name.startswith(b"BODY[HEADER]") and value:
                    return value[:GLIMPSE_OCTETS]
        return b""

    def _here(self, mails: Sequence[Listed]) -> ListedMails:
        return [mail for mail in mails if self._is_here(mail.source)]

    def _is_here(self, source: Source) -> bool:
        return source.uid is not None and source.uidvalidity == self._folder.uidvalidity

    # --- and the end of it

    async def settle(self, sources: Sequence[Source]) -> Sources:
        if self._settlement.action == "keep":
            self.pass_over(sources)
            return [*sources]
        wire = await self._ready()
        # Only what this session listed: after a lost connection the same UID may be another mail, never read.
        ours = [source for source in sources if self._is_here(source) and source.uid in self._seen]
        with diagnosing(self._access, "session"):
            await settled(wire, self._settlement, sorted(source.uid for source in ours if source.uid is not None))
        return ours

    def pass_over(self, sources: Sequence[Source]) -> None:
        self._passed.update(source.uid for source in sources if source.uid is not None and self._is_here(source))

    async def wait(self, seconds: float) -> bool:
        wire = await self._ready()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        with diagnosing(self._access, "session"):
            while not wire.news.is_set() and (left := deadline - loop.time()) > 0:
                if self.pushes:
                    await self._idle(wire, min(left, IDLE_SECONDS))
                else:
                    await wire.rest(min(left, NOOP_SECONDS))
                    await wire.ask("NOOP")
        return wire.news.is_set()

    async def _idle(self, wire: ImapWire, seconds: float) -> None:
        try:
            await wire.idle_for(seconds)
        except Answered as no:
            if wire.trouble is not None or is_about_session(no.line):
                raise
            # It says IDLE and refuses it: ask from time to time instead.
            self._idles = False

    def log_in_with(self, access: IncomingAccess) -> None:
        self._access = access

    async def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is None:
            return
        wire.leaving = True
        with contextlib.suppress(Exception):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await wire.ask("LOGOUT")
        wire.give_up(ConnectionAbortedError("closed"))


def _number(text: bytes | None) -> int | None:
    return int(text) if text is not None and text.isdigit() and len(text) < 20 else None


def _found(answer: Asked, limit: int) -> Sequence[int]:
    """The UIDs of a SEARCH or ESEARCH (RFC 4731) answer, ascending, the lowest `limit`."""
    uids: list[int] = []
    for parts in answer.answers:
        words = parts[0].split()
        kind = words[1].upper() if len(words) > 1 else b""
        if kind == b"SEARCH":
            uids.extend(int(word) for word in words[2:] if word.isdigit())
        elif kind == b"ESEARCH" and b"ALL" in words:
            uids.extend(numbers(words[words.index(b"ALL") + 1], limit))
    return sorted(uids)[:limit]
