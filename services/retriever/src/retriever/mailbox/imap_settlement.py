"""Letting go of mails on an IMAP server: only ours, whatever extensions the server lacks."""

from collections.abc import Iterable, Iterator, Sequence

from retriever.mailbox.connection import Answered
from retriever.mailbox.imap_grammar import astring, folder_name, sequence_set
from retriever.mailbox.imap_login import in_pieces
from retriever.mailbox.imap_wire import ImapWire
from retriever.mailbox.port import Settlement

# Keeps a command line of scattered UIDs far below the 8,192 octets RFC 7162 section 4 asks servers to take.
SETTLE_MAILS = 500


async def settled(wire: ImapWire, settlement: Settlement, uids: Sequence[int]) -> None:
    """Raises Answered when the server will not; mails already gone are no reason to."""
    for chunk in _chunks(uids):
        if settlement.action == "mark_seen":
            await wire.ask("STORE", sequence_set(chunk), r"+FLAGS.SILENT (\Seen)", prefix="UID")
        elif settlement.action == "move":
            await _moved(wire, chunk, settlement.move_to or "")
        else:
            await _flagged(wire, chunk)
    if uids and settlement.action != "mark_seen" and "UIDPLUS" not in wire.capabilities:
        await _expunged_if_all_ours(wire, uids)


async def _moved(wire: ImapWire, uids: Sequence[int], folder: str) -> None:
    """MOVE (RFC 6851), or COPY and delete: a crash between the two leaves a second copy, never none."""
    moves = "MOVE" in wire.capabilities
    target = astring(folder_name(folder))
    args, literals = in_pieces(target)
    command = "MOVE" if moves else "COPY"
    try:
        await wire.ask(command, sequence_set(uids), *args, prefix="UID", literals=literals)
    except Answered as no:
        if "TRYCREATE" not in no.line.upper():
            raise
        await wire.ask("CREATE", *args, literals=literals)
        await wire.ask(command, sequence_set(uids), *args, prefix="UID", literals=literals)
    if not moves:
        await _flagged(wire, uids)


async def _flagged(wire: ImapWire, uids: Sequence[int]) -> None:
    await wire.ask("STORE", sequence_set(uids), r"+FLAGS.SILENT (\Deleted)", prefix="UID")
    wire.flagged.update(uids)
    if "UIDPLUS" in wire.capabilities:
        await wire.ask("EXPUNGE", sequence_set(uids), prefix="UID")
        wire.flagged.clear()


async def _expunged_if_all_ours(wire: ImapWire, uids: Iterable[int]) -> None:
    r"""A plain EXPUNGE removes everything flagged, so it is sent only when nobody else flagged anything.

    Otherwise ours stay behind with \Deleted, which the list leaves out; they go once the others' are gone.
    """
    answer = await wire.ask("SEARCH", "DELETED", prefix="UID")
    deleted: set[int] = set()
    for parts in answer.answers:
        words = parts[0].split()
        if len(words) > 1 and words[1].upper() == b"SEARCH":
            deleted.update(int(word) for word in words[2:] if word.isdigit())
    if deleted and deleted <= wire.flagged.union(uids):
        await wire.ask("EXPUNGE")
        wire.flagged.clear()


def _chunks(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), SETTLE_MAILS):
        yield uids[start : start + SETTLE_MAILS]
