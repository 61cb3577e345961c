"""Every query on blocked file extensions."""

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.blocked_extensions.tables import BlockedExtensionRow as Row
from ece_common.errors import NotFound


async def get(session: AsyncSession, identity: int, *, lock: bool = False) -> Row:
    """Raise `NotFound` when there is none. With `lock` the row is held until the transaction ends."""
    found = await session.get(Row, identity, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise NotFound(f"there is no blocked file extension {identity}")
    return found


async def like(session: AsyncSession, department_id: int, extension: str) -> Row | None:
    query = select(Row).where(Row.department_id == department_id, Row.blocked_file_extension == extension)
    return (await session.exec(query)).one_or_none()


async def after(session: AsyncSession, department_id: int, position: int, count: int) -> Sequence[Row]:
    query = select(Row).where(Row.department_id == department_id, col(Row.id) > position)
    return (await session.exec(query.order_by(col(Row.id)).limit(count))).all()


async def count(session: AsyncSession, department_id: int) -> int:
    query = select(func.count()).select_from(Row).where(col(Row.department_id) == department_id)
    return (await session.exec(query)).one()


async def extensions(session: AsyncSession, department_ids: Sequence[int]) -> dict[int, list[str]]:
    """What is blocked, by department."""
    query = (
        select(Row.department_id, Row.blocked_file_extension)
        .where(col(Row.department_id).in_(department_ids))
        .order_by(col(Row.blocked_file_extension))
    )
    found: dict[int, list[str]] = {department_id: [] for department_id in department_ids}
    for department_id, extension in await session.exec(query):
        found[department_id].append(extension)
    return found


async def delete_all(session: AsyncSession, department_id: int) -> None:
    """The department goes."""
    await session.exec(delete(Row).where(col(Row.department_id) == department_id))
