"""Every query on instances, their aliases and their replicas."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, any_, literal, text
from sqlmodel import col, delete, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import changes, database
from config_api.aliases.tables import AliasRow
from config_api.instances.tables import InstanceRow, LeaseRow, MembershipRow, ReplicaRow
from ece_common.contracts.base import ServiceKind
from ece_common.errors import NotFound


def topic(instance_id: int) -> str:
    """What the long polls of an instance's replicas wait for."""
    return f"instance/{instance_id}"


def ids(alias_ids: Sequence[int]) -> Any:  # noqa: ANN401 - an SQL expression
    """One array parameter: thousands of ids are no thousands of parameters."""
    return any_(literal(list(alias_ids), ARRAY(BigInteger)))


async def get(session: AsyncSession, kind: ServiceKind, instance_id: int) -> InstanceRow:
    found = await session.get(InstanceRow, instance_id, populate_existing=True)
    if found is None or found.kind != kind:
        raise NotFound(f"there is no {kind} instance {instance_id}")
    return found


async def by_name(session: AsyncSession, kind: ServiceKind, name: str) -> InstanceRow | None:
    query = select(InstanceRow).where(InstanceRow.kind == kind, InstanceRow.name == name)
    return (await session.exec(query)).one_or_none()


async def named(session: AsyncSession, kind: ServiceKind, name: str) -> tuple[int, int]:
    """Id and assignment version. Raise `NotFound` when no instance has that name."""
    query = select(InstanceRow.id, InstanceRow.assignment_version).where(
        InstanceRow.kind == kind, InstanceRow.name == name
    )
    found = (await session.exec(query)).one_or_none()
    if found is None or found[0] is None:
        raise NotFound(f"there is no {kind} instance named {name!r}")
    return found[0], found[1]


async def after(
    session: AsyncSession, kind: ServiceKind, position: int, count: int, name: str | None
) -> Sequence[InstanceRow]:
    query = select(InstanceRow).where(InstanceRow.kind == kind, col(InstanceRow.id) > position)
    if name is not None:
        query = query.where(InstanceRow.name == name)
    return (await session.exec(query.order_by(col(InstanceRow.id)).limit(count))).all()


async def lock(session: AsyncSession, instance_id: int) -> None:
    """Whoever changes who works on what of an instance does it alone, until the transaction ends."""
    key = text("SELECT pg_advisory_xact_lock(hashtextextended('ece instance', :instance))")
    await database.run(session, key, {"instance": instance_id})


async def database_time(session: AsyncSession) -> datetime:
    """Leases live by Postgres's time, the same for every process."""
    return (await session.exec(select(func.clock_timestamp()))).one()


async def aliases_of(session: AsyncSession, instance_ids: Sequence[int]) -> dict[int, list[int]]:
    query = (
        select(MembershipRow.instance_id, MembershipRow.alias_id)
        .where(col(MembershipRow.instance_id) == ids(instance_ids))
        .order_by(col(MembershipRow.alias_id))
    )
    found: dict[int, list[int]] = {instance_id: [] for instance_id in instance_ids}
    for instance_id, alias_id in (await session.exec(query)).all():
        found[instance_id].append(alias_id)
    return found


async def replicas_of(session: AsyncSession, instance_ids: Sequence[int]) -> Sequence[ReplicaRow]:
    query = select(ReplicaRow).where(col(ReplicaRow.instance_id) == ids(instance_ids)).order_by(col(ReplicaRow.name))
    return (await session.exec(query.execution_options(populate_existing=True))).all()


async def held_of(session: AsyncSession, instance_ids: Sequence[int]) -> dict[tuple[int, str], int]:
    """How many leases each replica holds."""
    query = (
        select(LeaseRow.instance_id, LeaseRow.replica, func.count())
        .where(col(LeaseRow.instance_id) == ids(instance_ids), col(LeaseRow.replica).is_not(None))
        .group_by(col(LeaseRow.instance_id), col(LeaseRow.replica))
    )
    return {(instance or 0, replica or ""): count for instance, replica, count in (await session.exec(query)).all()}


async def known_aliases(session: AsyncSession, alias_ids: Sequence[int]) -> set[int]:
    """Those that live, held so that none is deleted before this transaction ends."""
    query = (
        select(AliasRow.id)
        .where(col(AliasRow.id) == ids(alias_ids), col(AliasRow.deleted_at).is_(None))
        .order_by(col(AliasRow.id))
        .with_for_update(read=True)
    )
    return {identity for identity in (await session.exec(query)).all() if identity is not None}


async def elsewhere(
    session: AsyncSession, alias_ids: Sequence[int], own_id: int | None
) -> Sequence[tuple[int, int | None, str]]:
    """Alias, retriever instance and its name, for those that are in another retriever instance."""
    query = (
        select(MembershipRow.alias_id, InstanceRow.id, InstanceRow.name)
        .join(InstanceRow, col(InstanceRow.id) == col(MembershipRow.instance_id))
        .where(
            col(MembershipRow.alias_id) == ids(alias_ids),
            MembershipRow.kind == "retriever",
            col(MembershipRow.instance_id).is_distinct_from(own_id),
        )
        .order_by(col(MembershipRow.alias_id))
        .limit(100)
    )
    return (await session.exec(query)).all()


async def add(session: AsyncSession, instance: InstanceRow, alias_ids: Sequence[int]) -> None:
    assert instance.id is not None
    rows = text(
        "INSERT INTO instance_aliases (instance_id, alias_id, kind) "
        "SELECT :instance, unnest(CAST(:aliases AS bigint[])), :kind"
    )
    values = {"instance": instance.id, "aliases": list(alias_ids), "kind": instance.kind}
    await database.run(session, rows, values)


async def remove(session: AsyncSession, instance_id: int, alias_ids: Sequence[int]) -> None:
    """Whoever holds one of them is asked to let go of it."""
    await session.exec(
        delete(MembershipRow).where(
            col(MembershipRow.instance_id) == instance_id, col(MembershipRow.alias_id) == ids(alias_ids)
        )
    )
    await session.exec(
        update(LeaseRow)
        .where(col(LeaseRow.instance_id) == instance_id, col(LeaseRow.alias_id) == ids(alias_ids))
        .values(wanted_back=col(LeaseRow.replica).is_not(None))
    )


async def grow_versions(session: AsyncSession, where: Any) -> None:  # noqa: ANN401 - an SQL condition
    """The assignments of these instances changed: wake their replicas when this commits."""
    # In one order everywhere: a change of the settings is one of all instances.
    held = select(InstanceRow.id).where(where).order_by(col(InstanceRow.id)).with_for_update(key_share=True)
    grown = await session.exec(
        update(InstanceRow)
        .where(col(InstanceRow.id) == ids([one for one in await session.exec(held) if one is not None]))
        .values(assignment_version=col(InstanceRow.assignment_version) + 1)
        .returning(col(InstanceRow.id))
        .execution_options(synchronize_session=False)
    )
    grown_ids = [instance_id for (instance_id,) in grown.all()]
    for instance_id in grown_ids:
        await changes.announce(session, topic(instance_id))
    if grown_ids:
        # Mail that had nobody to send it, or no way out, may have one now.
        await changes.announce(session, changes.OUTBOUND)
