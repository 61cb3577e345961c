"""The ledger: which mails of a mailbox were taken. Its unique index decides, whoever asks at the same time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from config_api.bulk import Bulk
from config_api.inbound import keys
from ece_common.contracts.inbound import LargeMail, Source


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox generation of an alias: server, user and folder were the same all the while."""

    alias_id: int
    generation: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A mail that was handed in. `activity_id` is the one it gets if it is new."""

    index: int
    key: str
    uidvalidity: int | None
    keyed_hash: bytes
    fingerprint: str
    activity_id: int


@dataclass(frozen=True, slots=True)
class Entered:
    new: set[int]
    """Indexes of the mails that were not known."""
    known: dict[int, int | None]
    """Index -> activity of those that were."""


async def settle(bulk: Bulk, mailbox: Mailbox, sources: Iterable[Source]) -> None:
    """These were deleted, flagged or moved on the server."""
    settled = sorted({key for source in sources if (key := keys.source_key(source)) is not None})
    if settled:
        await bulk.execute(
            "UPDATE inbound_ledger SET settled = true"
            " WHERE alias_id = $1 AND generation = $2 AND source_key = ANY($3) AND NOT settled",
            mailbox.alias_id, mailbox.generation, settled,
        )  # fmt: skip


async def known(bulk: Bulk, mailbox: Mailbox, sources: Sequence[Source]) -> list[int]:
    """Indexes of the sources whose key and fingerprint are in the ledger."""
    asked = {index: key for index, source in enumerate(sources) if (key := keys.source_key(source)) is not None}
    rows = await bulk.fetch(
        "SELECT source_key, fingerprint FROM inbound_ledger"
        " WHERE alias_id = $1 AND generation = $2 AND source_key = ANY($3)",
        mailbox.alias_id, mailbox.generation, list(set(asked.values())),
    )  # fmt: skip
    found = {(row["source_key"], row["fingerprint"]) for row in rows}
    return [index for index, key in asked.items() if (key, sources[index].fingerprint) in found]


async def enter(bulk: Bulk, mailbox: Mailbox, entries: Sequence[Entry]) -> Entered:
    """An equal key with another hash is a new mail; after a new UIDVALIDITY unsettled mails are known by hash."""
    moved = await _move(bulk, mailbox, entries)
    rest = [entry for entry in entries if entry.index not in moved]
    won = await _insert(bulk, mailbox, rest)
    lost = [entry for entry in rest if entry.activity_id not in won]
    return Entered(
        new={entry.index for entry in rest if entry.activity_id in won},
        known={**moved, **await _activities(bulk, mailbox, lost)},
    )


async def _insert(bulk: Bulk, mailbox: Mailbox, entries: Sequence[Entry]) -> set[int]:
    """Activity ids of the mails that were new. Waits for a concurrent transaction that has the same mail in hand."""
    if not entries:
        return set()
    # In one order everywhere, or two batches with the same mails would wait for each other.
    ordered = sorted(entries, key=lambda entry: (entry.key, entry.keyed_hash))
    rows = await bulk.fetch(
        "INSERT INTO inbound_ledger"
        " (alias_id, generation, source_key, uidvalidity, keyed_hash, fingerprint, activity_id)"
        " SELECT $1, $2, new.* FROM unnest($3::text[], $4::bigint[], $5::bytea[], $6::text[], $7::bigint[]) AS new"
        " ON CONFLICT (alias_id, generation, source_key, keyed_hash) DO NOTHING RETURNING activity_id",
        mailbox.alias_id, mailbox.generation,
        [entry.key for entry in ordered],
        [entry.uidvalidity for entry in ordered],
        [entry.keyed_hash for entry in ordered],
        [entry.fingerprint for entry in ordered],
        [entry.activity_id for entry in ordered],
    )  # fmt: skip
    return {row["activity_id"] for row in rows}


async def _activities(bulk: Bulk, mailbox: Mailbox, entries: Sequence[Entry]) -> dict[int, int | None]:
    if not entries:
        return {}
    rows = await bulk.fetch(
        "SELECT source_key, keyed_hash, activity_id FROM inbound_ledger"
        " WHERE alias_id = $1 AND generation = $2 AND source_key = ANY($3)",
        mailbox.alias_id, mailbox.generation, [entry.key for entry in entries],
    )  # fmt: skip
    found = {(row["source_key"], row["keyed_hash"]): row["activity_id"] for row in rows}
    return {entry.index: found.get((entry.key, entry.keyed_hash)) for entry in entries}


async def _move(bulk: Bulk, mailbox: Mailbox, entries: Sequence[Entry]) -> dict[int, int | None]:
    """Index -> activity of the mails that got another key; their rows take it.

    With a new UIDVALIDITY, or by the other protocol: POP3's identifiers are not IMAP's.
    """
    if not entries:
        return {}
    rows = await bulk.fetch(
        "SELECT id, source_key, uidvalidity, keyed_hash, activity_id FROM inbound_ledger"
        " WHERE alias_id = $1 AND generation = $2 AND keyed_hash = ANY($3) AND NOT settled ORDER BY id",
        mailbox.alias_id, mailbox.generation, [entry.keyed_hash for entry in entries],
    )  # fmt: skip
    if not rows:
        return {}
    exact = await _activities(bulk, mailbox, entries)
    free = list(rows)
    moved: dict[int, int | None] = {}
    for entry in entries:
        if exact.get(entry.index) is not None:
            continue
        row = next((row for row in free if row["keyed_hash"] == entry.keyed_hash
                    and row["uidvalidity"] != entry.uidvalidity), None)  # fmt: skip
        if row is not None and await _take_over(bulk, row["id"], entry):
            free.remove(row)
            moved[entry.index] = row["activity_id"]
    return moved


async def _take_over(bulk: Bulk, row_id: int, entry: Entry) -> bool:
    """False when another transaction moved the row meanwhile. Rare enough to be done one by one."""
    rows = await bulk.fetch(
        "UPDATE inbound_ledger SET source_key = $2, uidvalidity = $3, fingerprint = $4"
        " WHERE id = $1 AND NOT settled AND uidvalidity IS DISTINCT FROM $3 RETURNING id",
        row_id, entry.key, entry.uidvalidity, entry.fingerprint,
    )  # fmt: skip
    return bool(rows)


async def tell_large(bulk: Bulk, mailbox: Mailbox, mails: Sequence[LargeMail], hash_: bytes) -> list[LargeMail]:
    """Those that were not told of before."""
    by_key = {key: mail for mail in mails if (key := keys.source_key(mail.source)) is not None}
    ordered = sorted(by_key)
    if not ordered:
        return []
    rows = await bulk.fetch(
        "INSERT INTO inbound_ledger (alias_id, generation, source_key, uidvalidity, keyed_hash, fingerprint)"
        " SELECT $1, $2, new.key, new.uidvalidity, $3, new.fingerprint"
        " FROM unnest($4::text[], $5::bigint[], $6::text[]) AS new (key, uidvalidity, fingerprint)"
        " ON CONFLICT (alias_id, generation, source_key, keyed_hash) DO NOTHING RETURNING source_key",
        mailbox.alias_id, mailbox.generation, hash_, ordered,
        [keys.uidvalidity(by_key[key].source) for key in ordered],
        [by_key[key].source.fingerprint for key in ordered],
    )  # fmt: skip
    return [by_key[row["source_key"]] for row in rows]
