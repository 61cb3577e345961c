"""Every query on departments."""

from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.departments.tables import DepartmentRow
from ece_common.errors import NotFound


async def get(session: AsyncSession, department_id: int, *, lock: bool = False) -> DepartmentRow:
    """Raise `NotFound` when there is none. With `lock` the row is held until the transaction ends."""
    found = await session.get(DepartmentRow, department_id, with_for_update=lock or None)
    if found is None:
        raise NotFound(f"there is no department {department_id}")
    return found


async def find(session: AsyncSession, department_id: int) -> DepartmentRow | None:
    """Held so that it is not deleted before this transaction ends."""
    return await session.get(DepartmentRow, department_id, with_for_update={"read": True, "key_share": True})


async def by_name(session: AsyncSession, name: str) -> DepartmentRow | None:
    return (await session.exec(select(DepartmentRow).where(DepartmentRow.name == name))).one_or_none()


async def after(
    session: AsyncSession, position: int, count: int, name: str | None, among: frozenset[int] | None = None
) -> Sequence[DepartmentRow]:
    """With `among` no others than these."""
    query = select(DepartmentRow).where(col(DepartmentRow.id) > position)
    if name is not None:
        query = query.where(DepartmentRow.name == name)
    if among is not None:
        query = query.where(col(DepartmentRow.id).in_(sorted(among)))
    return (await session.exec(query.order_by(col(DepartmentRow.id)).limit(count))).all()
