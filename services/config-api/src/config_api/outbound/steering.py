"""What a person may do about a delivery: have it tried now, or not at all."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from config_api import bulk, changes
from config_api.acting import Act
from config_api.activities import repository as activities
from config_api.outbound import recording
from config_api.outbound.conclusion import State
from config_api.outbound.retry_schedule import TRIED_FOR
from ece_common.errors import Conflict, NotFound

_RETRIABLE = ("failed", "uncertain", "queued")
_CANCELLABLE = ("uncertain", "queued")


async def retry(act: Act, activity_id: int) -> None:
    """Whoever was not sent to is tried at once, and for another five days."""
    await _steer(act, activity_id, "delivery.retried", retried)
    await changes.announce(act.session, changes.OUTBOUND)


async def cancel(act: Act, activity_id: int) -> None:
    """Raise `Conflict` when it is too late: under way, or ended."""
    await _steer(act, activity_id, "delivery.cancelled", lambda state, _now: cancelled(state))


def retried(state: State, now: datetime) -> State:
    _require(state, _RETRIABLE, "retried")
    if state.status == "queued" and state.claim_expires_at is not None and state.claim_expires_at > now:
        return state  # a dispatcher has it in hand already
    recipients = tuple(
        replace(one, status="queued") if one.status in ("failed", "uncertain") else one for one in state.recipients
    )
    return replace(
        state,
        status="queued",
        next_attempt_at=now,
        give_up_at=now + TRIED_FOR,
        claim_expires_at=None,
        recipients=recipients,
    )


def cancelled(state: State) -> State:
    _require(state, _CANCELLABLE, "cancelled")
    recipients = tuple(
        replace(one, status="cancelled") if one.status in ("queued", "uncertain") else one for one in state.recipients
    )
    return replace(state, status="cancelled", next_attempt_at=None, claim_expires_at=None, recipients=recipients)


def _require(state: State, allowed: tuple[str, ...], wanted: str) -> None:
    if state.status not in allowed:
        raise Conflict(
            f"the delivery is {state.status}: only one that is {' or '.join(allowed)} can be {wanted}",
            code="delivery_not_open",
        )


async def _steer(act: Act, activity_id: int, action: str, turn: Callable[[State, datetime], State]) -> None:
    rows = await bulk.of(act.session)
    before = await recording.lock(rows, [activity_id])
    if activity_id not in before:
        raise NotFound(f"activity {activity_id} has no delivery: there is none, or it is incoming")
    after = turn(before[activity_id], act.now)
    await recording.write(rows, before, [after], act.now)
    row = await activities.get(act.session, activity_id)
    told = {"status": [before[activity_id].status, after.status]}
    act.audit(action, f"activity/{activity_id}", told, department_id=row.department_id)
    if after.status == "queued":
        # Its other ends are told where they are written.
        data = {"activity_id": activity_id, "alias_id": row.alias_id, "status": after.status}
        act.event(action, f"activity/{activity_id}", data, department_id=row.department_id)
