"""Every query on activities, their attachments and their originals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.activities.tables import ActivityRow, AttachmentRow, OriginalRow
from ece_common.contracts.activities import ActivitySummary, Attachment
from ece_common.errors import NotFound

_SUMMARY = [getattr(ActivityRow, name) for name in ActivitySummary.model_fields]
_ATTACHMENT = [getattr(AttachmentRow, name) for name in Attachment.model_fields]


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed down to. None: not by this."""

    department_id: int | None = None
    alias_id: int | None = None
    queue_id: int | None = None
    parent_id: int | None = None
    direction: str | None = None
    subtype: str | None = None
    status: str | None = None
    assigned_to: str | None = None
    from_: str | None = None
    since: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        equal = [
            col(getattr(ActivityRow, name)) == value
            for name in ("department_id", "alias_id", "queue_id", "parent_id", "direction", "subtype", "status",
                         "assigned_to")
            if (value := getattr(self, name)) is not None
        ]  # fmt: skip
        if self.from_ is not None:
            equal.append(func.lower(col(ActivityRow.from_)) == func.lower(self.from_))
        if self.since is not None:
            equal.append(col(ActivityRow.created_at) >= self.since)
        return equal


async def get(session: AsyncSession, activity_id: int, *, lock: bool = False) -> ActivityRow:
    """Raise `NotFound` when there is none. With `lock` the row is held until the transaction ends."""
    found = await session.get(ActivityRow, activity_id, with_for_update=lock or None)
    if found is None:
        raise NotFound(f"there is no activity {activity_id}")
    return found


async def summaries(
    session: AsyncSession, wanted: Filter, position: int, count: int, *, newest_first: bool
) -> Sequence[Row[Any]]:
    """Without bodies. From `position` (exclusive; 0: from the start) in the order of the ids."""
    query = select(*_SUMMARY).where(*wanted.conditions())
    identity = col(ActivityRow.id)
    if newest_first:
        query = query.order_by(identity.desc())
        query = query.where(identity < position) if position else query
    else:
        query = query.order_by(identity).where(identity > position)
    return (await session.exec(query.limit(count))).all()


async def attachments(session: AsyncSession, activity_ids: Sequence[int]) -> dict[int, list[Attachment]]:
    """Without their contents, by activity, in order."""
    query = (
        select(AttachmentRow.activity_id, *_ATTACHMENT)
        .where(col(AttachmentRow.activity_id).in_(activity_ids))
        .order_by(col(AttachmentRow.activity_id), col(AttachmentRow.n))
    )
    found: dict[int, list[Attachment]] = {}
    for row in await session.exec(query):
        found.setdefault(row.activity_id, []).append(Attachment.model_validate(row))
    return found


async def attachment(session: AsyncSession, activity_id: int, n: int) -> AttachmentRow | None:
    return await session.get(AttachmentRow, (activity_id, n))


async def original(session: AsyncSession, activity_id: int) -> OriginalRow | None:
    return await session.get(OriginalRow, activity_id)


async def some_of(session: AsyncSession, condition: ColumnElement[bool], count: int) -> Sequence[tuple[int, str]]:
    """Ids and subjects of a few activities: what keeps something else from being deleted."""
    query = select(ActivityRow.id, ActivityRow.subject).where(condition).order_by(col(ActivityRow.id)).limit(count)
    return [(id_ or 0, subject) for id_, subject in (await session.exec(query)).all()]
