"""Every query on tokens."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.access.tables import TokenRow
from config_api.database import run

_DEPARTMENTS = text("SELECT id FROM departments WHERE id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(BigInteger))
)


async def by_hash(session: AsyncSession, token_hash: bytes) -> TokenRow | None:
    return (await session.exec(select(TokenRow).where(TokenRow.token_hash == token_hash))).one_or_none()


async def get(session: AsyncSession, token_id: int) -> TokenRow | None:
    return await session.get(TokenRow, token_id)


async def after(session: AsyncSession, position: int, count: int) -> Sequence[TokenRow]:
    query = select(TokenRow).where(col(TokenRow.id) > position).order_by(col(TokenRow.id)).limit(count)
    return (await session.exec(query)).all()


async def departments_among(session: AsyncSession, ids: Sequence[int]) -> set[int]:
    """Which of these there are."""
    return {row[0] for row in await run(session, _DEPARTMENTS, {"ids": list(ids)})}


async def touch(session: AsyncSession, row: TokenRow, now: datetime) -> None:
    """Once a minute is enough to see that a token is in use, and spares a write on every call."""
    if row.last_used_at is None or now - row.last_used_at > timedelta(minutes=1):
        await session.exec(update(TokenRow).where(col(TokenRow.id) == row.id).values(last_used_at=now))
