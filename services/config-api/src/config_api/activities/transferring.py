"""An activity goes to another department: where it waits there, and whose address answers will have (R65, R66)."""

from config_api import preconditions
from config_api.acting import Act
from config_api.activities import repository
from config_api.activities.tables import ActivityRow
from config_api.aliases import repository as aliases
from config_api.departments import repository as departments
from config_api.preferences import in_force
from config_api.routing import repository as routing
from ece_common.contracts.activities import Transfer
from ece_common.errors import Conflict, Invalid


async def transfer(act: Act, activity_id: int, wanted: Transfer, if_match: str | None) -> ActivityRow:
    """Raise `NotFound`, `Invalid` naming the field, or `Conflict` when it cannot go or has no From there."""
    row = await repository.get(act.session, activity_id, lock=True)
    preconditions.require(if_match, row.version)
    _require_transferable(row, wanted.department_id)
    before = row.department_id
    if await departments.find(act.session, wanted.department_id) is None:
        raise Invalid.field("department_id", f"there is no department {wanted.department_id}")
    queue_id = await _queue(act, wanted)
    alias_id = await _alias(act, row, wanted.department_id)
    told = {
        "department_id": [before, wanted.department_id],
        "queue_id": [row.queue_id, queue_id],
        "alias_id": [row.alias_id, alias_id],
        "assigned_to": [row.assigned_to, None],
        "note": wanted.note,
    }
    row.department_id, row.queue_id, row.alias_id, row.assigned_to = wanted.department_id, queue_id, alias_id, None
    if row.status in ("assigned", "in_progress"):
        row.status = "new"
    row.version += 1
    row.updated_at = act.now
    act.session.add(row)
    for follow in act.hooks.transfer_followers:
        await follow(act.session, activity_id, wanted.department_id)
    subject = f"activity/{row.id}"
    for department_id in (before, wanted.department_id):
        act.audit("activity.transferred", subject, told, department_id=department_id)
    data = {"activity_id": row.id, "from_department_id": before, "department_id": wanted.department_id}
    data |= {"queue_id": queue_id, "alias_id": alias_id}
    act.event("activity.transferred", subject, data, department_id=wanted.department_id)
    return row


def _require_transferable(row: ActivityRow, department_id: int) -> None:
    if row.direction == "outbound":
        raise Conflict("an outgoing activity cannot be transferred: transfer the one it answers", code="outgoing")
    if row.department_id == department_id:
        raise Invalid.field("department_id", f"the activity is in department {department_id} already")


async def _queue(act: Act, wanted: Transfer) -> int | None:
    if wanted.queue_id is None:
        return await routing.default_of(act.session, wanted.department_id)
    queue = await routing.find(act.session, wanted.queue_id)
    if queue is None or queue.department_id != wanted.department_id:
        raise Invalid.field("queue_id", f"must be a queue of department {wanted.department_id}")
    return queue.id


async def _alias(act: Act, row: ActivityRow, department_id: int) -> int | None:
    """Under `do_not_change` answers keep the From of the department that the mail came to."""
    chosen = await in_force.department(act.session, department_id)
    if chosen.from_on_transfer == "do_not_change":
        return row.alias_id
    alias = await aliases.default_of(act.session, department_id)
    if alias is None:
        raise Conflict(
            f"department {department_id} has no default alias, and `from_on_transfer` says that answers to what is "
            "transferred to it come from that: make one of its aliases the default alias first",
            code="no_default_alias",
        )
    return alias.id
