"""What was read of a mail that could not be read before takes the place of nothing: same activity, same id."""

from typing import Any

from config_api import bulk
from config_api.acting import Act
from config_api.activities import repository as activities
from config_api.activities.tables import ActivityRow
from config_api.aliases import repository as aliases
from config_api.inbound import placing, storing
from config_api.inbound.storing import Arrival
from config_api.routing import placement
from config_api.routing.placement import Placed
from ece_common.contracts.inbound import InboundMessage
from ece_common.errors import Conflict

UNPARSED = "unparsed"


async def require_unparsed(act: Act, activity_id: int) -> ActivityRow:
    """Held until the transaction ends. Raise `NotFound`, or `Conflict` when there is nothing to read again."""
    row = await activities.get(act.session, activity_id, lock=True)
    if row.subtype != UNPARSED:
        raise Conflict(
            f"activity {activity_id} was read: only an `unparsed` one can be read again", code="not_unparsed"
        )
    return row


async def replace(act: Act, activity_id: int, message: InboundMessage, contents: memoryview) -> None:
    """One transaction: content, attachments, original, event and audit."""
    row = await require_unparsed(act, activity_id)
    assert row.department_id is not None
    assert row.alias_id is not None
    placed = await _placed(act, row, message)
    queue_id = placed.queue_id
    arrival = Arrival(
        activity_id=activity_id,
        department_id=row.department_id,
        alias_id=row.alias_id,
        placed=placed,
        parent_id=row.parent_id,
        message=message,
    )
    await storing.replace(await bulk.of(act.session), act.vault, arrival, contents, act.now)
    told: dict[str, Any] = {"subtype": [UNPARSED, message.subtype], "queue_id": [row.queue_id, queue_id]}
    subject = f"activity/{activity_id}"
    act.audit("activity.reprocessed", subject, told, department_id=row.department_id)
    data = {"activity_id": activity_id, "subtype": message.subtype, "queue_id": queue_id}
    act.event("activity.reprocessed", subject, data, department_id=row.department_id)


async def _placed(act: Act, row: ActivityRow, message: InboundMessage) -> Placed:
    """As if it came in now, unless somebody is at work on it. No automatic answer: it may be old."""
    if row.status != "new" or row.department_id is None or row.alias_id is None:
        return Placed(row.queue_id, row.priority, row.due_at, row.tags, row.routing_error)
    queues = await placement.queues_of(act.session, row.department_id, row.alias_id)
    alias = await aliases.kept(act.session, row.alias_id)
    known = placing.facts(message, alias.email_address if alias else "", act.now)
    return queues.place(message.subtype, known, act.now)
