"""A status decision, written: the row, its history, the feed and the audit log in one transaction."""

from dataclasses import dataclass

from config_api.acting import Act
from config_api.aliases.lifecycle import Decision, State
from config_api.aliases.tables import AliasRow, TransitionRow
from ece_common.contracts.aliases import Actor


@dataclass(frozen=True, slots=True)
class Cause:
    """Who changed it, with the server's own words and the lease's epoch when it was a retriever."""

    actor: Actor
    detail: str = ""
    epoch: int | None = None


def state_of(row: AliasRow) -> State:
    return State(
        status=row.status,  # pyright: ignore[reportArgumentType] - written from the contract's values only
        changed_by=row.status_changed_by,  # pyright: ignore[reportArgumentType]
        recoverable=row.recoverable,
        failed_attempts=row.failed_attempts,
        next_attempt_at=row.next_attempt_at,
        reason=row.status_reason,
    )


async def write(act: Act, row: AliasRow, decision: Decision, cause: Cause) -> TransitionRow | None:
    """The row is locked by the caller. The history's new row, when there is something to tell."""
    before, reason_before, after = row.status, row.status_reason, decision.state
    row.status, row.status_changed_by = after.status, after.changed_by
    row.recoverable, row.failed_attempts = after.recoverable, after.failed_attempts
    row.next_attempt_at, row.status_reason = after.next_attempt_at, after.reason
    if not decision.told:
        act.session.add(row)
        return None
    row.status_changed_at = act.now
    row.version += 1
    act.session.add(row)
    made = _history(act, row, before, cause)
    act.session.add(made)
    await act.session.flush()
    _tell(act, row, made, reason_before)
    return made


def _history(act: Act, row: AliasRow, before: str, cause: Cause) -> TransitionRow:
    assert row.id is not None
    return TransitionRow(
        alias_id=row.id,
        from_=before,
        to=row.status,
        reason=row.status_reason or ("set_by_administrator" if cause.actor == "administrator" else "connected"),
        detail=cause.detail,
        changed_by=cause.actor,
        attempts=row.failed_attempts,
        epoch=cause.epoch,
        at=act.now,
    )


def _tell(act: Act, row: AliasRow, made: TransitionRow, reason_before: str | None) -> None:
    told = {
        "name": row.name,
        "email_address": row.email_address,
        "from": made.from_,
        "to": made.to,
        "reason": made.reason,
        "reason_before": reason_before,
        "account_id": row.account_id,
        "detail": made.detail,
        "changed_by": made.changed_by,
        "attempts": made.attempts,
        "recoverable": row.recoverable,
        "retry_at": row.next_attempt_at.isoformat() if row.next_attempt_at is not None else None,
    }
    act.event("alias.status_changed", f"alias/{row.id}", told, department_id=row.department_id)
    if made.changed_by == "administrator":
        act.audit("alias.status_changed", f"alias/{row.id}", told, department_id=row.department_id)
