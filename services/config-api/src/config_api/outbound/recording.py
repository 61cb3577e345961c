"""Deliveries read and written many at a time: each state goes through conclusion.py in between."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from config_api.bulk import Bulk
from config_api.outbound.addressing import Recipient
from config_api.outbound.conclusion import State

_DELIVERY = "activity_id, status, attempts, next_attempt_at, give_up_at, last_error, claim_id, claim_expires_at"
_ENDED = ("sent", "failed", "cancelled")
_TOLD = ("sent", "failed", "uncertain", "cancelled")


async def aliases_of(bulk: Bulk, activity_ids: Sequence[int]) -> dict[int, int | None]:
    """Delivery -> alias (none: the system's own mail); they never change."""
    rows = await bulk.fetch(
        "SELECT activity_id, alias_id FROM deliveries WHERE activity_id = ANY($1)", list(activity_ids)
    )
    return {row["activity_id"]: row["alias_id"] for row in rows}


async def lock(bulk: Bulk, activity_ids: Sequence[int]) -> dict[int, State]:
    """Held until the transaction ends, taken in one order, so that two batches never wait for each other."""
    rows = await bulk.fetch(
        f"SELECT {_DELIVERY} FROM deliveries WHERE activity_id = ANY($1) ORDER BY activity_id FOR NO KEY UPDATE",  # noqa: S608
        list(set(activity_ids)),
    )
    return await states(bulk, rows)


async def lock_expired(bulk: Bulk, now: datetime, limit: int) -> dict[int, State]:
    """Deliveries under way whose claim ran out; those that another request has in hand are left to it."""
    rows = await bulk.fetch(
        f"SELECT {_DELIVERY} FROM deliveries WHERE status = 'sending' AND claim_expires_at <= $1"  # noqa: S608
        " ORDER BY claim_expires_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED",
        now, limit,
    )  # fmt: skip
    return await states(bulk, rows)


async def states(bulk: Bulk, rows: Sequence[asyncpg.Record]) -> dict[int, State]:
    if not rows:
        return {}
    recipients: dict[int, list[Recipient]] = {row["activity_id"]: [] for row in rows}
    found = await bulk.fetch(
        "SELECT activity_id, position, address, kind, status, smtp_code, enhanced_code, smtp_reply"
        " FROM delivery_recipients WHERE activity_id = ANY($1) ORDER BY activity_id, position",
        list(recipients),
    )
    for activity_id, *values in found:
        recipients[activity_id].append(Recipient(*values))
    return {row["activity_id"]: _state(row, recipients[row["activity_id"]]) for row in rows}


def _state(row: asyncpg.Record, recipients: list[Recipient]) -> State:
    return State(
        activity_id=row["activity_id"],
        status=row["status"],
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        give_up_at=row["give_up_at"],
        last_error=row["last_error"],
        claim_id=None if row["claim_id"] is None else str(row["claim_id"]),
        claim_expires_at=row["claim_expires_at"],
        recipients=tuple(recipients),
    )


async def write(bulk: Bulk, before: dict[int, State], after: Sequence[State], now: datetime) -> None:
    """What changed, with the activity's status and the event where a delivery came to an end."""
    changed = [state for state in after if state != before[state.activity_id]]
    if not changed:
        return
    await _write_deliveries(bulk, changed)
    known = {(state.activity_id, one.position): one for state in before.values() for one in state.recipients}
    await write_recipients(
        bulk,
        [
            (state.activity_id, one)
            for state in changed
            for one in state.recipients
            if known.get((state.activity_id, one.position)) != one
        ],
    )
    told = [state for state in changed if state.status != before[state.activity_id].status]
    await _write_activities(bulk, told, now)
    await _tell(bulk, [state for state in told if state.status in _TOLD])


async def _write_deliveries(bulk: Bulk, changed: Sequence[State]) -> None:
    columns: list[Sequence[Any]] = [
        [state.activity_id for state in changed],
        [state.status for state in changed],
        [state.attempts for state in changed],
        [state.next_attempt_at for state in changed],
        [state.last_error for state in changed],
        [state.claim_expires_at for state in changed],
        [state.give_up_at for state in changed],
    ]
    await bulk.execute(
        "UPDATE deliveries AS d SET status = new.status, attempts = new.attempts,"
        " next_attempt_at = new.next_attempt_at, last_error = new.last_error,"
        " claim_expires_at = new.claim_expires_at, give_up_at = new.give_up_at,"
        " available_at = coalesce(new.claim_expires_at, new.next_attempt_at, d.available_at)"
        " FROM unnest($1::bigint[], $2::text[], $3::int[], $4::timestamptz[], $5::text[], $6::timestamptz[],"
        " $7::timestamptz[]) AS new (activity_id, status, attempts, next_attempt_at, last_error, claim_expires_at,"
        " give_up_at) WHERE d.activity_id = new.activity_id",
        *columns,
    )


async def write_recipients(bulk: Bulk, changed: Sequence[tuple[int, Recipient]]) -> None:
    """New ones, which the alias added, and changed ones."""
    if not changed:
        return
    columns: list[Sequence[Any]] = [[activity_id for activity_id, _ in changed]]
    columns += [
        [getattr(one, name) for _, one in changed]
        for name in ("position", "address", "kind", "status", "smtp_code", "enhanced_code", "smtp_reply")
    ]
    await bulk.execute(
        "INSERT INTO delivery_recipients"
        " (activity_id, position, address, kind, status, smtp_code, enhanced_code, smtp_reply)"
        " SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[],"
        " $8::text[]) ON CONFLICT (activity_id, position) DO UPDATE SET status = excluded.status,"
        " smtp_code = excluded.smtp_code, enhanced_code = excluded.enhanced_code, smtp_reply = excluded.smtp_reply",
        *columns,
    )


async def _write_activities(bulk: Bulk, told: Sequence[State], now: datetime) -> None:
    """An outgoing activity is completed when its delivery ended, in progress until then."""
    statuses = ["completed" if state.status in _ENDED else "in_progress" for state in told]
    await bulk.execute(
        "UPDATE activities AS a SET status = new.status, updated_at = $3, version = version + 1"
        " FROM unnest($1::bigint[], $2::text[]) AS new (id, status) WHERE a.id = new.id AND a.status <> new.status",
        [state.activity_id for state in told], statuses, now,
    )  # fmt: skip


async def _tell(bulk: Bulk, told: Sequence[State]) -> None:
    if not told:
        return
    rows = await bulk.fetch(
        "SELECT id, department_id, alias_id FROM activities WHERE id = ANY($1)",
        [state.activity_id for state in told],
    )
    places = {row["id"]: (row["department_id"], row["alias_id"]) for row in rows}
    await bulk.events(
        [
            (
                f"delivery.{state.status}",
                f"activity/{state.activity_id}",
                places[state.activity_id][0],
                json.dumps(_told(state, places[state.activity_id][1])),
            )
            for state in told
        ]
    )


def _told(state: State, alias_id: int | None) -> dict[str, Any]:
    return {
        "activity_id": state.activity_id,
        "alias_id": alias_id,
        "status": state.status,
        "attempts": state.attempts,
        "last_error": state.last_error,
    }
