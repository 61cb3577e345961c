"""Every query on activities, their attachments and their originals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, collate, func, literal
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.activities.tables import ActivityRow, AttachmentRow, OriginalRow
from ece_common.contracts.activities import ActivitySummary, Attachment
from ece_common.errors import NotFound

_FROM_INDEXED = literal(320, literal_execute=True)
"""So much of an address is in the index; the rest is compared with what it finds."""
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
    departments: frozenset[int] | None = None
    """Those that the caller's token is for; None: all."""

    def conditions(self) -> list[ColumnElement[bool]]:
        equal = [
            col(getattr(ActivityRow, name)) == value
            for name in ("department_id", "alias_id", "queue_id", "parent_id", "direction", "assigned_to")
            if (value := getattr(self, name)) is not None
        ]
        # Words of ours, written into the statement: only so can Postgres tell that a partial index has them.
        equal += [
            col(getattr(ActivityRow, name)) == bindparam(name, value, literal_execute=True)
            for name in ("subtype", "status")
            if (value := getattr(self, name)) is not None
        ]
        if self.from_ is not None:
            stored, wanted = func.lower(col(ActivityRow.from_)), func.lower(self.from_)
            equal.append(collate(func.left(stored, _FROM_INDEXED), "C") == func.left(wanted, _FROM_INDEXED))
            equal.append(stored == wanted)
        if self.since is not None:
            equal.append(col(ActivityRow.created_at) >= self.since)
        if self.departments is not None:
            equal.append(col(ActivityRow.department_id).in_(sorted(self.departments)))
        return equal


async def get(session: AsyncSession, activity_id: int, *, lock: bool = False) -> ActivityRow:
    """Raise `NotFound` when there is none. With `lock` the row is held until the transaction ends."""
    found = await session.get(ActivityRow, activity_id, with_for_update=lock or None)
    if found is None:
        raise NotFound(f"there is no activity {activity_id}")
    return found


def listed(wanted: Filter, position: int, count: int, *, newest_first: bool) -> Select[Any]:
    """Without bodies. From `position` (exclusive; 0: from the start) in the order of the ids."""
    query: Select[Any] = select(*_SUMMARY).where(*wanted.conditions())
    identity = col(ActivityRow.id)
    if newest_first:
        query = query.order_by(identity.desc())
        query = query.where(identity < position) if position else query
    else:
        query = query.order_by(identity).where(identity > position)
    return query.limit(count)


async def summaries(
    session: AsyncSession, wanted: Filter, position: int, count: int, *, newest_first: bool
) -> Sequence[Row[Any]]:
    query = listed(wanted, position, count, newest_first=newest_first)
    return (await session.exec(query)).all()  # pyright: ignore[reportCallIssue, reportArgumentType]


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
