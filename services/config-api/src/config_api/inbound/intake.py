"""A retriever's batch is taken: under its lease, each mail once, all in one transaction."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import col, select

from config_api import bulk
from config_api.acting import Act
from config_api.aliases.tables import AliasRow
from config_api.bulk import Bulk
from config_api.inbound import keys, ledger, placing, storing, threads
from config_api.inbound.batches import Batch
from config_api.inbound.ledger import Entry, Mailbox
from config_api.inbound.storing import Arrival
from config_api.instances import leases
from config_api.references import Acknowledgement, Report
from config_api.routing import placement
from config_api.routing.placement import Placed, Queues
from ece_common.contracts.inbound import InboundAnswer, InboundBatch, InboundMessage, InboundResult, KnownQuery
from ece_common.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class Place:
    """The alias that a batch came to."""

    alias_id: int
    department_id: int
    address: str


async def take(act: Act, batch: Batch, contents: memoryview) -> InboundAnswer:
    place = await _admit(act, batch.envelope)
    department_id = place.department_id
    mailbox = Mailbox(batch.envelope.alias_id, batch.envelope.mailbox_generation)
    rows = await bulk.of(act.session)
    await ledger.settle(rows, mailbox, batch.envelope.settled)
    await _tell_large(rows, mailbox, department_id, batch.envelope)
    entries = await _entries(act, rows, batch.messages)
    entered = await ledger.enter(rows, mailbox, entries)
    new = {entry.activity_id: batch.messages[entry.index] for entry in entries if entry.index in entered.new}
    await _store(act, rows, place, new, contents)
    ids: dict[int, int | None] = {entry.index: entry.activity_id for entry in entries} | entered.known
    return InboundAnswer(results=_results(batch, entered.known, ids))


async def known(act: Act, query: KnownQuery) -> list[int]:
    await leases.require(act.session, act.caller, query.alias_id, query.epoch)
    rows = await bulk.of(act.session)
    return await ledger.known(rows, Mailbox(query.alias_id, query.mailbox_generation), query.sources)


async def _admit(act: Act, envelope: InboundBatch) -> Place:
    """The alias and its department. Raise when this caller may not hand in this."""
    if envelope.messages or envelope.large:
        await leases.require(act.session, act.caller, envelope.alias_id, envelope.epoch)
    else:
        await leases.require_settling(act.session, act.caller, envelope.alias_id, envelope.epoch)
    query = select(AliasRow.department_id, AliasRow.mailbox_generation, AliasRow.email_address).where(
        AliasRow.id == envelope.alias_id, col(AliasRow.department_id).is_not(None)
    )
    found = (await act.session.exec(query)).one_or_none()
    if found is None or found[0] is None:
        raise NotFound(f"there is no alias {envelope.alias_id}")
    if envelope.messages and found[1] != envelope.mailbox_generation:
        raise Conflict(
            f"mailbox_generation: is {envelope.mailbox_generation}, but the alias is at {found[1]}: its server, "
            "user or folder changed; read the assignment again",
            code="stale_generation",
        )
    return Place(envelope.alias_id, found[0], found[2])


async def _entries(act: Act, rows: Bulk, messages: Mapping[int, InboundMessage]) -> list[Entry]:
    if not messages:
        return []
    ids = await rows.fetch(
        "SELECT nextval(pg_get_serial_sequence('activities', 'id')) AS id FROM generate_series(1, $1)", len(messages)
    )
    return [
        Entry(
            index=index,
            key=keys.source_key(message.source) or "",
            uidvalidity=keys.uidvalidity(message.source),
            keyed_hash=keys.keyed_hash(act.vault, message.content_sha256),
            fingerprint=message.source.fingerprint,
            activity_id=row["id"],
        )
        for (index, message), row in zip(messages.items(), ids, strict=True)
    ]


async def _store(act: Act, rows: Bulk, place: Place, new: Mapping[int, InboundMessage], contents: memoryview) -> None:
    if not new:
        return
    queues = await placement.queues_of(act.session, place.department_id, place.alias_id)
    answered = {**await _answered(rows, place.department_id, new), **await _reported(act, new)}
    arrivals = [
        Arrival(
            activity_id=activity_id,
            department_id=place.department_id,
            alias_id=place.alias_id,
            placed=_placed(act, queues, place, message),
            parent_id=answered.get(activity_id),
            message=message,
        )
        for activity_id, message in new.items()
    ]
    await storing.store(rows, act.vault, arrivals, contents, act.now)
    await _acknowledge(act, arrivals)


def _placed(act: Act, queues: Queues, place: Place, message: InboundMessage) -> Placed:
    known = placing.facts(message, place.address, act.now) if queues.needs_facts else None
    return queues.place(message.subtype, known, act.now)


async def _acknowledge(act: Act, arrivals: Sequence[Arrival]) -> None:
    wanted = [
        Acknowledgement(one.activity_id, one.placed.acknowledge)
        for one in arrivals
        if one.placed.acknowledge is not None
    ]
    for acknowledge in act.hooks.acknowledgers if wanted else ():
        await acknowledge(act, wanted)


async def _reported(act: Act, new: Mapping[int, InboundMessage]) -> dict[int, int]:
    """The outgoing activity each delivery report or complaint is about, where it proves that it knows it."""
    reports = [
        Report(id_, mail.evidence)
        for id_, mail in new.items()
        if mail.evidence is not None and mail.evidence.reported is not None
    ]
    linked: dict[int, int] = {}
    for link in act.hooks.report_linkers if reports else ():
        linked |= await link(act, reports)
    return linked


async def _answered(rows: Bulk, department_id: int, new: Mapping[int, InboundMessage]) -> dict[int, int | None]:
    """The activity each mail answers; it may be one that came earlier in the same batch."""
    wanted = {id_: threads.candidates(mail.in_reply_to, mail.references) for id_, mail in new.items()}
    asked = {one for candidates in wanted.values() for one in candidates}
    found: dict[str, int] = {}
    if asked:
        known_rows = await rows.fetch(
            "SELECT message_id, max(id) AS id FROM activities"
            " WHERE message_id = ANY($1) AND department_id = $2 GROUP BY message_id",
            list(asked), department_id,
        )  # fmt: skip
        found = {row["message_id"]: row["id"] for row in known_rows}
    parents: dict[int, int | None] = {}
    for id_, mail in new.items():
        parents[id_] = threads.parent(wanted[id_], found)
        if mail.message_id:
            found.setdefault(mail.message_id, id_)
    return parents


async def _tell_large(rows: Bulk, mailbox: Mailbox, department_id: int, envelope: InboundBatch) -> None:
    """Once for each mail, however often the retriever meets it."""
    told = await ledger.tell_large(rows, mailbox, envelope.large, keys.LARGE)
    await rows.events(
        [
            (
                "alias.large_email",
                f"alias/{mailbox.alias_id}",
                department_id,
                json.dumps(mail.model_dump(mode="json", by_alias=True)).replace("\\u0000", "\\ufffd"),
            )
            for mail in told
        ]
    )


def _results(batch: Batch, known: Mapping[int, int | None], ids: Mapping[int, int | None]) -> list[InboundResult]:
    stored = [
        InboundResult(index=index, outcome="duplicate" if index in known else "stored", activity_id=ids[index])
        for index in batch.messages
    ]
    refused = [
        InboundResult(index=index, outcome="refused", reason=reason) for index, reason in batch.refused.items()
    ]
    return sorted(stored + refused, key=lambda result: result.index)
