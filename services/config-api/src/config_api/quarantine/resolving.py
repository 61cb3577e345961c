"""What a person may do with a blocked attachment: restore it to its activity, or delete it for good."""

from config_api import preconditions
from config_api.acting import Act
from config_api.activities import repository as activities
from config_api.quarantine import repository
from config_api.quarantine.tables import BlockedAttachmentRow
from ece_common.errors import Conflict

VERSION = 1
"""While it is in quarantine nothing about it changes."""


async def restore(act: Act, blocked_id: int) -> BlockedAttachmentRow:
    """R232, R236: available on its activity again, and no longer in the list."""
    row = await _held(act, blocked_id, "restored")
    attachment = await repository.attachment(act.session, row)
    attachment.state = "available"
    act.session.add(attachment)
    await _resolve(act, row, "restored", attachment.name)
    return row


async def delete(act: Act, blocked_id: int, if_match: str | None = None) -> None:
    """R234, R237: its content is gone."""
    row = await _held(act, blocked_id, "deleted")
    preconditions.require(if_match, VERSION)
    attachment = await repository.attachment(act.session, row)
    attachment.state, attachment.content = "deleted", None
    act.session.add(attachment)
    await _resolve(act, row, "deleted", attachment.name)


async def _held(act: Act, blocked_id: int, what: str) -> BlockedAttachmentRow:
    # In the order in which a transfer locks the two, so that neither waits for the other.
    await activities.get(act.session, (await repository.get(act.session, blocked_id)).activity_id, lock=True)
    row = await repository.get(act.session, blocked_id, lock=True)
    if row.state != repository.QUARANTINED:
        raise Conflict(
            f"blocked attachment {blocked_id} was {row.state} by {row.resolved_by} and cannot be {what} (again)",
            code=f"already_{row.state}",
        )
    return row


async def _resolve(act: Act, row: BlockedAttachmentRow, state: str, name: str) -> None:
    row.state, row.resolved_by, row.resolved_at = state, act.caller.name, act.now
    act.session.add(row)
    activity = await activities.get(act.session, row.activity_id)
    activity.version += 1
    activity.updated_at = act.now
    act.session.add(activity)
    kind, subject = f"blocked_attachment.{state}", f"blocked_attachment/{row.id}"
    told = {"activity_id": row.activity_id, "n": row.n, "name": name, "path": row.path}
    act.audit(kind, subject, told, department_id=row.department_id)
    act.event(kind, subject, {"activity_id": row.activity_id, "n": row.n}, department_id=row.department_id)
    await act.session.flush()
