"""Every query on settings."""

from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.preferences.tables import SettingsRow


async def partition(session: AsyncSession, *, lock: bool = False) -> SettingsRow:
    """The one row that the migration made."""
    query = select(SettingsRow).where(col(SettingsRow.department_id).is_(None))
    return (await session.exec(query.with_for_update() if lock else query)).one()


async def department(session: AsyncSession, department_id: int) -> SettingsRow | None:
    query = select(SettingsRow).where(col(SettingsRow.department_id) == department_id)
    return (await session.exec(query)).one_or_none()


async def departments(session: AsyncSession, department_ids: Sequence[int]) -> dict[int, SettingsRow]:
    """Those that ever set something."""
    query = select(SettingsRow).where(col(SettingsRow.department_id).in_(department_ids))
    return {row.department_id: row for row in await session.exec(query) if row.department_id is not None}


async def department_to_change(session: AsyncSession, department_id: int) -> SettingsRow:
    """The department's row, made when it sets something for the first time, held until the transaction ends."""
    made = insert(SettingsRow).values(department_id=department_id, chosen={}, version=0)
    await session.exec(made.on_conflict_do_nothing(index_elements=["department_id"]))  # pyright: ignore[reportCallIssue, reportArgumentType]
    query = select(SettingsRow).where(col(SettingsRow.department_id) == department_id).with_for_update()
    return (await session.exec(query)).one()
