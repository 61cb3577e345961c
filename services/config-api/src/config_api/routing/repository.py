"""Every query on queues."""

from collections.abc import Sequence

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.routing.tables import QueueRow
from ece_common.errors import NotFound


async def get(session: AsyncSession, queue_id: int, *, lock: bool = False) -> QueueRow:
    """Raise `NotFound` when there is none. With `lock` the row is held until the transaction ends."""
    found = await session.get(QueueRow, queue_id, with_for_update=lock or None)
    if found is None:
        raise NotFound(f"there is no queue {queue_id}")
    return found


async def find(session: AsyncSession, queue_id: int) -> QueueRow | None:
    """Held against deletion until the transaction ends: something is about to refer to it."""
    return await session.get(QueueRow, queue_id, with_for_update={"read": True, "key_share": True})


async def by_name(session: AsyncSession, department_id: int, name: str) -> QueueRow | None:
    query = select(QueueRow).where(QueueRow.department_id == department_id, QueueRow.name == name)
    return (await session.exec(query)).one_or_none()


async def default_of(session: AsyncSession, department_id: int) -> int | None:
    """The id of the queue in which mail arrives."""
    query = select(QueueRow.id).where(QueueRow.department_id == department_id, col(QueueRow.is_default))
    return (await session.exec(query)).one_or_none()


async def exception_of(session: AsyncSession, department_id: int) -> int | None:
    """The id of the queue for delivery reports and for mail that nothing else takes."""
    query = select(QueueRow.id).where(QueueRow.department_id == department_id, col(QueueRow.is_exception))
    return (await session.exec(query)).one_or_none()


async def after(session: AsyncSession, department_id: int, position: int, count: int) -> Sequence[QueueRow]:
    query = (
        select(QueueRow)
        .where(QueueRow.department_id == department_id, col(QueueRow.id) > position)
        .order_by(col(QueueRow.id))
        .limit(count)
    )
    return (await session.exec(query)).all()


async def delete_all(session: AsyncSession, department_id: int) -> None:
    await session.exec(delete(QueueRow).where(col(QueueRow.department_id) == department_id))
