"""Every query on delivery exceptions."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.delivery_exceptions.tables import DeliveryExceptionRow as Row
from ece_common.contracts.policies import DeliveryExceptionPhrase
from ece_common.errors import NotFound


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed down to. None: not by this."""

    type: str | None = None
    failure: str | None = None
    system_provided: bool | None = None


async def get(session: AsyncSession, identity: int, *, lock: bool = False) -> Row:
    """Raise `NotFound` when there is none. With `lock` the row is held until the transaction ends."""
    found = await session.get(Row, identity, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise NotFound(f"there is no delivery exception {identity}")
    return found


async def like(session: AsyncSession, department_id: int, kind: str, phrase_key: str) -> Row | None:
    query = select(Row).where(Row.department_id == department_id, Row.type == kind, Row.phrase_key == phrase_key)
    return (await session.exec(query)).one_or_none()


async def after(
    session: AsyncSession, department_id: int, wanted: Filter, position: int, count: int
) -> Sequence[Row]:
    query = select(Row).where(Row.department_id == department_id, col(Row.id) > position)
    if wanted.type is not None:
        query = query.where(Row.type == wanted.type)
    if wanted.failure is not None:
        query = query.where(Row.failure == wanted.failure)
    if wanted.system_provided is not None:
        query = query.where(col(Row.predefined).is_not(None) == wanted.system_provided)
    return (await session.exec(query.order_by(col(Row.id)).limit(count))).all()


async def phrases(session: AsyncSession, department_ids: Sequence[int]) -> dict[int, list[DeliveryExceptionPhrase]]:
    """What a matcher is built from, by department."""
    query = select(Row).where(col(Row.department_id).in_(department_ids)).order_by(col(Row.id))
    found: dict[int, list[DeliveryExceptionPhrase]] = {department_id: [] for department_id in department_ids}
    for row in await session.exec(query):
        found[row.department_id].append(DeliveryExceptionPhrase.model_validate(row))
    return found
