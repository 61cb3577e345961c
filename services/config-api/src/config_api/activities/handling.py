"""What a person may do to an activity: take it, give it back, move it to another queue, finish it."""

from typing import Any

from config_api import merge_patch, preconditions
from config_api.acting import Act
from config_api.activities import repository
from config_api.activities.tables import ActivityRow
from config_api.routing import repository as routing
from ece_common.contracts.activities import ActivityChange, ActivityStatus
from ece_common.errors import Conflict, Invalid


async def change(act: Act, activity_id: int, wanted: ActivityChange, if_match: str | None) -> ActivityRow:
    row = await _held(act, activity_id, if_match)
    changes = wanted.model_dump(exclude_unset=True)
    for name, value in changes.items():
        if value is None:
            raise Invalid.field(name, "is required and cannot be cleared")
    if wanted.status is not None and row.direction == "outbound" and wanted.status != row.status:
        raise Conflict(
            "status: that of an outgoing activity follows its delivery; use /delivery/retry or /delivery/cancel",
            code="status_follows_delivery",
        )
    if wanted.queue_id is not None:
        await _require_queue(act, row, wanted.queue_id)
    _apply(act, row, changes, "activity.changed")
    return row


async def assign(act: Act, activity_id: int, assigned_to: str | None, if_match: str | None) -> ActivityRow:
    row = await _held(act, activity_id, if_match)
    changes: dict[str, Any] = {"assigned_to": assigned_to}
    if row.direction == "inbound":
        changes["status"] = _after_assignment(row.status, assigned_to)
    _apply(act, row, changes, "activity.assigned")
    return row


def _after_assignment(status: str, assigned_to: str | None) -> ActivityStatus | str:
    """New mail becomes assigned, mail given back is new again; work under way or done stays what it is (R246)."""
    if assigned_to is not None and status == "new":
        return "assigned"
    return "new" if assigned_to is None and status == "assigned" else status


async def _held(act: Act, activity_id: int, if_match: str | None) -> ActivityRow:
    row = await repository.get(act.session, activity_id, lock=True)
    preconditions.require(if_match, row.version)
    return row


async def _require_queue(act: Act, row: ActivityRow, queue_id: int) -> None:
    queue = await routing.find(act.session, queue_id)
    if queue is None or queue.department_id != row.department_id:
        raise Invalid.field("queue_id", f"must be a queue of department {row.department_id}, the activity's own")


def _apply(act: Act, row: ActivityRow, changes: dict[str, Any], kind: str) -> None:
    told = merge_patch.apply(row, changes, act.now, clearable=(), nullable=("assigned_to",))
    if not told:
        return
    act.session.add(row)
    subject = f"activity/{row.id}"
    act.audit(kind, subject, told, department_id=row.department_id)
    new = {name: value for name, (_, value) in told.items()}
    act.event(kind, subject, {"activity_id": row.id, **new}, department_id=row.department_id)
