"""Which aliases an instance has: known ones, each in one retriever instance at most (R107)."""

from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError
from sqlmodel import and_, col, or_, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import changes, database
from config_api.aliases.tables import AliasRow
from config_api.instances import repository
from config_api.instances.tables import InstanceRow, LeaseRow, MembershipRow
from ece_common.contracts.base import Reference
from ece_common.contracts.problem import FieldProblem
from ece_common.errors import Conflict, Invalid

TAKEN = "alias_in_other_instance"
_NAMED = 100


async def replace(session: AsyncSession, instance: InstanceRow, alias_ids: Sequence[int]) -> dict[str, list[int]]:
    """The caller holds the instance's lock. What was added and what was removed."""
    assert instance.id is not None
    wanted = list(dict.fromkeys(alias_ids))
    now_in = set((await repository.aliases_of(session, [instance.id]))[instance.id])
    added = [alias_id for alias_id in wanted if alias_id not in now_in]
    removed = sorted(now_in - set(wanted))
    if removed:
        await repository.remove(session, instance.id, removed)
    if added:
        await _refuse_unknown(session, alias_ids, added)
        if instance.kind == "retriever":
            await _refuse_taken(session, added, instance.id)
        await _add(session, instance, added)
    if added or removed:
        await repository.grow_versions(session, col(InstanceRow.id) == instance.id)
    return {"added": added, "removed": removed}


async def _refuse_unknown(session: AsyncSession, alias_ids: Sequence[int], added: Sequence[int]) -> None:
    unknown = set(added) - await repository.known_aliases(session, added)
    found = [
        FieldProblem(field=f"alias_ids.{place}", problem=f"there is no alias {alias_id}")
        for place, alias_id in enumerate(alias_ids)
        if alias_id in unknown
    ]
    if found:
        raise Invalid(f"alias_ids: {len(unknown)} of them are not known", errors=found[:_NAMED])


async def _refuse_taken(session: AsyncSession, added: Sequence[int], own_id: int) -> None:
    taken = await repository.elsewhere(session, added, own_id)
    if taken:
        others = {instance_id: name for _, instance_id, name in taken if instance_id is not None}
        raise Conflict(
            f"alias_ids: {', '.join(str(alias_id) for alias_id, _, _ in taken[:10])} belong to another retriever "
            "instance; an alias is in one at most, so take them out there first",
            code=TAKEN,
            references=[Reference(type="retriever_instance", id=one, name=name) for one, name in others.items()],
        )


async def _add(session: AsyncSession, instance: InstanceRow, added: Sequence[int]) -> None:
    try:
        await repository.add(session, instance, added)
    except IntegrityError as problem:
        if "instance_aliases_one_retriever" not in str(problem.orig):
            raise
        raise Conflict("alias_ids: another retriever instance took one of them just now", code=TAKEN) from None


class RetrieverPlacement:
    """What aliases ask of retriever instances (`references.Placement`)."""

    async def place(self, session: AsyncSession, alias_id: int, instance: str) -> None:
        row = await repository.by_name(session, "retriever", instance)
        if row is None or row.id is None:
            raise Invalid.field("retriever_instance", f"there is no retriever instance named {instance!r}")
        await repository.lock(session, row.id)
        await _add(session, row, [alias_id])
        await repository.grow_versions(session, col(InstanceRow.id) == row.id)

    async def names(self, session: AsyncSession, alias_ids: Sequence[int]) -> dict[int, str]:
        query = (
            select(MembershipRow.alias_id, InstanceRow.name)
            .join(InstanceRow, col(InstanceRow.id) == col(MembershipRow.instance_id))
            .where(col(MembershipRow.alias_id) == repository.ids(alias_ids), MembershipRow.kind == "retriever")
        )
        return dict((await session.exec(query)).all())


async def of_alias(session: AsyncSession, alias_id: int) -> list[Reference]:
    """R112: an alias in a retriever instance is not deleted."""
    found = await repository.elsewhere(session, [alias_id], None)
    return [Reference(type="retriever_instance", id=one or 0, name=name) for _, one, name in found]


async def release(session: AsyncSession, alias_id: int) -> None:
    """A deleted alias: whoever still holds it may settle what was committed, and bring in nothing more (R110)."""
    own = select(MembershipRow.instance_id).where(MembershipRow.alias_id == alias_id)
    leased = select(LeaseRow.instance_id).where(LeaseRow.alias_id == alias_id)
    await repository.grow_versions(session, or_(col(InstanceRow.id).in_(own), col(InstanceRow.id).in_(leased)))
    await database.run(session, text("DELETE FROM instance_aliases WHERE alias_id = :alias"), {"alias": alias_id})
    stale = text("UPDATE leases SET epoch = epoch + 1, replica = NULL, wanted_back = false WHERE alias_id = :alias")
    await database.run(session, stale, {"alias": alias_id})


async def alias_changed(session: AsyncSession, alias_id: int) -> None:
    own = select(MembershipRow.instance_id).where(MembershipRow.alias_id == alias_id)
    await repository.grow_versions(session, and_(col(InstanceRow.kind) == "retriever", col(InstanceRow.id).in_(own)))


async def settings_changed(session: AsyncSession) -> None:
    await repository.grow_versions(session, col(InstanceRow.kind) == "retriever")


async def accounts_changed(session: AsyncSession, account_ids: Sequence[int]) -> None:
    """Their aliases' servers or tokens are others: one new version for each instance, however many aliases it has."""
    own = (
        select(MembershipRow.instance_id)
        .join(AliasRow, col(AliasRow.id) == col(MembershipRow.alias_id))
        .where(col(AliasRow.account_id) == repository.ids(account_ids), col(AliasRow.deleted_at).is_(None))
    )
    await repository.grow_versions(session, and_(col(InstanceRow.kind) == "retriever", col(InstanceRow.id).in_(own)))
    await changes.announce(session, changes.OUTBOUND)
