"""Every query on masking patterns and channels."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, any_, func, literal, text
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import database
from config_api.departments.tables import DepartmentRow
from config_api.masking.tables import ChannelRow, PatternRow
from ece_common.contracts.base import Reference
from ece_common.errors import NotFound

_LOCK = 324
"""Of Postgres's advisory locks: whoever changes patterns or channels does it alone."""


async def alone(session: AsyncSession) -> None:
    """Which pattern is applied where is checked and changed by one at a time."""
    await database.run(session, text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


async def get(session: AsyncSession, pattern_id: int) -> PatternRow:
    found = await session.get(PatternRow, pattern_id, populate_existing=True)
    if found is None:
        raise NotFound(f"there is no masking pattern {pattern_id}")
    return found


async def after(session: AsyncSession, position: int, count: int) -> Sequence[PatternRow]:
    query = select(PatternRow).where(col(PatternRow.id) > position).order_by(col(PatternRow.id)).limit(count)
    return (await session.exec(query)).all()


async def everything(session: AsyncSession) -> list[PatternRow]:
    return list((await session.exec(select(PatternRow).order_by(col(PatternRow.id)))).all())


async def among(session: AsyncSession, ids: Sequence[int]) -> dict[int, PatternRow]:
    found = await session.exec(select(PatternRow).where(col(PatternRow.id).in_(ids)))
    return {row.id or 0: row for row in found}


async def by_name(session: AsyncSession, name: str) -> PatternRow | None:
    return (await session.exec(select(PatternRow).where(PatternRow.name == name))).one_or_none()


async def count(session: AsyncSession) -> int:
    return (await session.exec(select(func.count()).select_from(PatternRow))).one()


async def partition(session: AsyncSession) -> ChannelRow:
    """The one row that the migration made."""
    return (await session.exec(select(ChannelRow).where(col(ChannelRow.department_id).is_(None)))).one()


async def departments(session: AsyncSession, ids: Sequence[int]) -> dict[int, ChannelRow]:
    found = await session.exec(select(ChannelRow).where(col(ChannelRow.department_id).in_(ids)))
    return {row.department_id or 0: row for row in found}


async def users_of(session: AsyncSession, pattern_id: int) -> list[Reference]:
    """The channels that apply a pattern."""
    query = (
        select(ChannelRow, DepartmentRow.name)
        .join(DepartmentRow, col(DepartmentRow.id) == col(ChannelRow.department_id), isouter=True)
        .where(literal(pattern_id, BigInteger) == any_(col(ChannelRow.pattern_ids)))
        .order_by(col(ChannelRow.id))
        .limit(100)
    )
    return [
        Reference(type="masking_channel", id=row.department_id or 0, name=name or "the partition's channel")
        for row, name in (await session.exec(query)).all()
    ]


async def names_in_use(session: AsyncSession) -> set[str]:
    channels = (await session.exec(select(ChannelRow.pattern_ids))).all()
    used = {pattern_id for ids in channels for pattern_id in ids}
    return {row.name for row in (await among(session, sorted(used))).values()}


async def delete_all(session: AsyncSession, department_id: int) -> None:
    """The department goes."""
    await session.exec(delete(ChannelRow).where(col(ChannelRow.department_id) == department_id))
