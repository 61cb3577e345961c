"""Every query on OAuth applications."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.oauth_applications.tables import ApplicationRow
from ece_common.errors import NotFound


async def get(session: AsyncSession, application_id: int, *, lock: bool = False) -> ApplicationRow:
    """Raise `NotFound` when there is none. With `lock` the row is held until the transaction ends."""
    query = select(ApplicationRow).where(col(ApplicationRow.id) == application_id)
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    found = (await session.exec(query)).one_or_none()
    if found is None:
        raise NotFound(f"there is no OAuth application {application_id}")
    return found


async def held(session: AsyncSession, application_id: int) -> ApplicationRow | None:
    """Kept from being deleted or changed until the transaction ends; None when there is none."""
    query = select(ApplicationRow).where(col(ApplicationRow.id) == application_id)
    query = query.with_for_update(read=True).execution_options(populate_existing=True)
    return (await session.exec(query)).one_or_none()


async def by_ids(session: AsyncSession, ids: Sequence[int]) -> dict[int, ApplicationRow]:
    rows = (await session.exec(select(ApplicationRow).where(col(ApplicationRow.id).in_(ids)))).all()
    return {row.id: row for row in rows if row.id is not None}


async def by_name(session: AsyncSession, name: str) -> ApplicationRow | None:
    return (await session.exec(select(ApplicationRow).where(ApplicationRow.name == name))).one_or_none()


async def after(session: AsyncSession, position: int, count: int, name: str | None) -> Sequence[ApplicationRow]:
    query = select(ApplicationRow).where(col(ApplicationRow.id) > position)
    if name is not None:
        query = query.where(ApplicationRow.name == name)
    return (await session.exec(query.order_by(col(ApplicationRow.id)).limit(count))).all()


async def expiring(session: AsyncSession, now: datetime, days: Sequence[int], count: int) -> Sequence[ApplicationRow]:
    """Those whose secret or certificate runs out within so many days without a warning of so many; locked, and none
    that another process warns of now.
    """
    expiry = func.coalesce(col(ApplicationRow.certificate_expires_at), col(ApplicationRow.client_secret_expires_at))
    warned = func.coalesce(col(ApplicationRow.warned_days), max(days) + 1)
    query = (
        select(ApplicationRow)
        .where(or_(*(and_(expiry <= now + timedelta(days=one), warned > one) for one in days)))
        .order_by(col(ApplicationRow.id))
        .limit(count)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return (await session.exec(query)).all()
