"""Reading a delivery, and the files of a claim."""

import uuid
from datetime import datetime

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.activities.tables import AttachmentRow
from config_api.outbound.tables import DeliveryRow, RecipientRow
from ece_common.contracts.activities import Delivery, DeliveryRecipient, DeliveryStatus
from ece_common.errors import NotFound


async def delivery(session: AsyncSession, activity_id: int) -> Delivery:
    """Raise `NotFound` when there is no such activity, or it came in."""
    row = await session.get(DeliveryRow, activity_id, populate_existing=True)
    if row is None:
        raise NotFound(f"activity {activity_id} has no delivery: there is none, or it is incoming")
    query = (
        select(RecipientRow)
        .where(RecipientRow.activity_id == activity_id)
        .order_by(col(RecipientRow.position))
        .execution_options(populate_existing=True)
    )
    recipients = (await session.exec(query)).all()
    status: DeliveryStatus = row.status  # pyright: ignore[reportAssignmentType] - written from the same type
    return Delivery(
        activity_id=activity_id,
        status=status,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at if status == "queued" else None,
        last_error=row.last_error,
        recipients=[DeliveryRecipient.model_validate(one) for one in recipients],
    )


async def next_due(session: AsyncSession, now: datetime) -> float | None:
    """In how many seconds something that waits falls due; None when nothing does. `now` is when was looked last: what
    fell due since has been seen by nobody.
    """
    queued = select(func.min(DeliveryRow.available_at)).where(
        DeliveryRow.status == "queued", col(DeliveryRow.available_at) > now
    )
    # A dispatcher that fell silent while it sent: the end of its claim is work for the sweep.
    silent = select(func.min(DeliveryRow.claim_expires_at)).where(
        DeliveryRow.status == "sending", col(DeliveryRow.claim_expires_at) > now
    )
    # An aggregate of nothing is one row of NULL.
    found = [(await session.exec(query)).one_or_none() for query in (queued, silent)]
    return min(((due - now).total_seconds() for due in found if isinstance(due, datetime)), default=None)


async def file_of_claim(session: AsyncSession, claim_id: str, n: int, now: datetime) -> AttachmentRow:
    """Raise `NotFound` unless the claim is open and the message has that file."""
    query = (
        select(AttachmentRow)
        .join(DeliveryRow, col(DeliveryRow.activity_id) == col(AttachmentRow.activity_id))
        .where(
            col(DeliveryRow.claim_id) == _uuid(claim_id),
            col(DeliveryRow.claim_expires_at) > now,
            AttachmentRow.n == n,
            AttachmentRow.state == "available",
        )
    )
    found = (await session.exec(query)).first()
    if found is None or found.content is None:
        raise NotFound(f"there is no open claim {claim_id[:100]} with an attachment {n}")
    return found


def _uuid(claim_id: str) -> uuid.UUID:
    try:
        return uuid.UUID(claim_id)
    except ValueError:
        raise NotFound("a claim id is a UUID, as `POST /v1/outbound-claims` answers it") from None
