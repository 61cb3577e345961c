"""Every query on aliases. A deleted one is found by `kept` only."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, any_, func, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.aliases.tables import AliasRow, TransitionRow
from ece_common.contracts.aliases import AliasStatus
from ece_common.errors import NotFound


@dataclass(frozen=True, slots=True)
class Filters:
    status: AliasStatus | None = None
    email_address: str | None = None
    default_alias: bool | None = None
    account_id: int | None = None
    """Without one: the aliases that are in no account (R173)."""


async def get(session: AsyncSession, alias_id: int, *, lock: bool = False) -> AliasRow:
    """Raise `NotFound` when there is none. With `lock` the row is held until the transaction ends."""
    query = select(AliasRow).where(col(AliasRow.id) == alias_id, col(AliasRow.deleted_at).is_(None))
    if lock:
        # NO KEY: mail that comes in for the alias refers to it, and need not wait for a change to it.
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    found = (await session.exec(query)).one_or_none()
    if found is None:
        raise NotFound(f"there is no alias {alias_id}")
    return found


async def kept(session: AsyncSession, alias_id: int) -> AliasRow | None:
    """Deleted or not: what still waits to go out was written under it (R114)."""
    return await session.get(AliasRow, alias_id)


async def by_address(session: AsyncSession, address: str) -> AliasRow | None:
    query = select(AliasRow).where(col(AliasRow.email_key) == address.casefold(), col(AliasRow.deleted_at).is_(None))
    return (await session.exec(query)).one_or_none()


async def receiving(session: AsyncSession, address: str) -> bool:
    """Whether an alias is fed by this address, be it its own or one that is redirected to it."""
    wanted = address.casefold()
    redirected = func.lower(func.array_to_string(col(AliasRow.redirection_email_addresses), "\n"))
    query = select(AliasRow.id).where(
        col(AliasRow.deleted_at).is_(None),
        (col(AliasRow.email_key) == wanted) | (func.strpos("\n" + redirected + "\n", f"\n{wanted}\n") > 0),
    )
    return (await session.exec(query.limit(1))).first() is not None


async def by_name(session: AsyncSession, department_id: int, name: str) -> AliasRow | None:
    query = select(AliasRow).where(
        col(AliasRow.department_id) == department_id, col(AliasRow.name) == name, col(AliasRow.deleted_at).is_(None)
    )
    return (await session.exec(query)).one_or_none()


async def default_of(session: AsyncSession, department_id: int) -> AliasRow | None:
    """The department's default alias: From of new mails and of mails transferred in (R64, R65)."""
    query = select(AliasRow).where(
        col(AliasRow.department_id) == department_id,
        col(AliasRow.default_alias).is_(True),
        col(AliasRow.deleted_at).is_(None),
    )
    return (await session.exec(query)).one_or_none()


async def unset_default(session: AsyncSession, department_id: int) -> int | None:
    """Take the flag from whoever has it; its id."""
    taken = await session.exec(
        update(AliasRow)
        .where(
            col(AliasRow.department_id) == department_id,
            col(AliasRow.default_alias).is_(True),
            col(AliasRow.deleted_at).is_(None),
        )
        .values(default_alias=False, version=col(AliasRow.version) + 1)
        .returning(col(AliasRow.id))
    )
    row = taken.one_or_none()
    return row[0] if row is not None else None


async def after(
    session: AsyncSession, department_id: int, position: int, count: int, filters: Filters
) -> Sequence[AliasRow]:
    query = select(AliasRow).where(
        col(AliasRow.department_id) == department_id,
        col(AliasRow.deleted_at).is_(None),
        col(AliasRow.id) > position,
        col(AliasRow.account_id).is_not_distinct_from(filters.account_id),
    )
    if filters.status is not None:
        query = query.where(col(AliasRow.status) == filters.status)
    if filters.email_address is not None:
        query = query.where(col(AliasRow.email_key) == filters.email_address.casefold())
    if filters.default_alias is not None:
        query = query.where(col(AliasRow.default_alias).is_(filters.default_alias))
    return (await session.exec(query.order_by(col(AliasRow.id)).limit(count))).all()


async def names_in(session: AsyncSession, department_id: int, count: int) -> Sequence[tuple[int | None, str]]:
    query = (
        select(AliasRow.id, AliasRow.name)
        .where(col(AliasRow.department_id) == department_id, col(AliasRow.deleted_at).is_(None))
        .order_by(col(AliasRow.id))
        .limit(count)
    )
    return (await session.exec(query)).all()


async def unknown_among(session: AsyncSession, alias_ids: Sequence[int]) -> set[int]:
    """Those ids that no living alias has."""
    known = await session.exec(
        select(AliasRow.id).where(
            col(AliasRow.id) == any_(literal(list(alias_ids), ARRAY(BigInteger))), col(AliasRow.deleted_at).is_(None)
        )
    )
    return set(alias_ids) - {identity for identity in known.all() if identity is not None}


async def transitions_after(
    session: AsyncSession, alias_id: int, position: int, count: int
) -> Sequence[TransitionRow]:
    query = select(TransitionRow).where(TransitionRow.alias_id == alias_id, col(TransitionRow.id) > position)
    return (await session.exec(query.order_by(col(TransitionRow.id)).limit(count))).all()
