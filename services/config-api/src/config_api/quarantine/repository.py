"""Every query on blocked attachments."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.activities.tables import ActivityRow, AttachmentRow
from config_api.quarantine.tables import BlockedAttachmentRow as Blocked
from ece_common.contracts.quarantine import BlockedAttachment
from ece_common.errors import NotFound

QUARANTINED = "quarantined"
_SHOWN: dict[str, Any] = {
    **{name: getattr(Blocked, name) for name in ("id", "department_id", "activity_id", "n", "extension", "path",
                                                 "reason", "blocked_at")},
    "direction": ActivityRow.direction,
    **{name: getattr(AttachmentRow, name) for name in ("name", "content_type", "size")},
}  # fmt: skip


async def get(session: AsyncSession, blocked_id: int, *, lock: bool = False) -> Blocked:
    """Raise `NotFound` when there never was one. With `lock` the row is held until the transaction ends."""
    found = await session.get(Blocked, blocked_id, with_for_update=lock or None, populate_existing=True)
    if found is None:
        raise NotFound(f"there is no blocked attachment {blocked_id}")
    return found


async def shown(session: AsyncSession, department_id: int, position: int, count: int) -> Sequence[BlockedAttachment]:
    """Those in quarantine."""
    query = _query().where(Blocked.department_id == department_id, col(Blocked.id) > position)
    return [_view(row) for row in await session.exec(query.order_by(col(Blocked.id)).limit(count))]


async def one(session: AsyncSession, blocked_id: int) -> BlockedAttachment:
    """Raise `NotFound` when it is not in quarantine (any more)."""
    row = await get(session, blocked_id)
    if row.state != QUARANTINED:
        raise NotFound(f"blocked attachment {blocked_id} is not in quarantine any more: it was {row.state}")
    return _view((await session.exec(_query().where(Blocked.id == blocked_id))).one())


async def attachment(session: AsyncSession, row: Blocked) -> AttachmentRow:
    found = await session.get(AttachmentRow, (row.activity_id, row.n))
    if found is None:
        raise NotFound(f"activity {row.activity_id} has no attachment {row.n} any more")
    return found


async def follow(session: AsyncSession, activity_id: int, department_id: int) -> None:
    """The activity goes to another department, and what was blocked of it goes along."""
    moved = update(Blocked).where(col(Blocked.activity_id) == activity_id).values(department_id=department_id)
    await session.exec(moved)


async def delete_all(session: AsyncSession, department_id: int) -> None:
    """The department goes."""
    await session.exec(delete(Blocked).where(col(Blocked.department_id) == department_id))


def _query() -> Any:  # noqa: ANN401 - a select of many columns
    return (
        select(*_SHOWN.values())  # pyright: ignore[reportCallIssue, reportArgumentType] - as many as there are fields
        .join(ActivityRow, col(ActivityRow.id) == col(Blocked.activity_id))
        .join(
            AttachmentRow,
            (col(AttachmentRow.activity_id) == col(Blocked.activity_id)) & (col(AttachmentRow.n) == col(Blocked.n)),
        )
        .where(Blocked.state == QUARANTINED)
    )


def _view(row: Row[Any]) -> BlockedAttachment:
    return BlockedAttachment.model_validate(dict(zip(_SHOWN, row, strict=True)))
