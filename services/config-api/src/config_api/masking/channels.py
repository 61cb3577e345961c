"""Which patterns are applied to e-mail, in and out: by the partition, or by a department that may (R35 to R37)."""

from collections.abc import Sequence
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import merge_patch, preconditions
from config_api.acting import Act
from config_api.departments import repository as departments
from config_api.masking import repository
from config_api.masking.tables import ChannelRow, PatternRow
from ece_common.contracts.masking import ChannelChange, DepartmentChannel, DepartmentChannelChange
from ece_common.contracts.policies import MaskingPattern, MaskingPolicy
from ece_common.contracts.problem import FieldProblem
from ece_common.errors import Conflict, Invalid


def in_force(partition: ChannelRow, own: ChannelRow | None) -> ChannelRow:
    """A department's own configuration counts while it took it over and the partition lets it."""
    return own if own is not None and own.own and partition.departments_may_override else partition


def shown(partition: ChannelRow, own: ChannelRow | None) -> DepartmentChannel:
    chosen = in_force(partition, own)
    return DepartmentChannel(
        own=chosen is own,
        mask_incoming=chosen.mask_incoming,
        mask_outgoing=chosen.mask_outgoing,
        pattern_ids=chosen.pattern_ids,
    )


def department_version(partition: ChannelRow, own: ChannelRow | None) -> str:
    return f"{partition.version}.{own.version if own is not None else 0}"


async def of_department(session: AsyncSession, department_id: int) -> tuple[DepartmentChannel, str]:
    """With its version."""
    await departments.get(session, department_id)
    partition = await repository.partition(session)
    own = (await repository.departments(session, [department_id])).get(department_id)
    return shown(partition, own), department_version(partition, own)


async def policies(session: AsyncSession, department_ids: Sequence[int]) -> dict[int, MaskingPolicy]:
    """What workers apply, by department."""
    partition = await repository.partition(session)
    own = await repository.departments(session, department_ids)
    chosen = {id_: in_force(partition, own.get(id_)) for id_ in department_ids}
    patterns = await repository.among(session, sorted({one for row in chosen.values() for one in row.pattern_ids}))
    return {id_: _policy(row, patterns) for id_, row in chosen.items()}


def _policy(row: ChannelRow, patterns: dict[int, PatternRow]) -> MaskingPolicy:
    return MaskingPolicy(
        mask_incoming=row.mask_incoming,
        mask_outgoing=row.mask_outgoing,
        patterns=[MaskingPattern.model_validate(patterns[one]) for one in row.pattern_ids if one in patterns],
    )


async def change_partition(act: Act, wanted: ChannelChange, if_match: str | None) -> ChannelRow:
    await repository.alone(act.session)
    row = await repository.partition(act.session)
    preconditions.require(if_match, row.version)
    await _change(act, row, wanted.model_dump(exclude_unset=True))
    return row


async def change_department(
    act: Act, department_id: int, wanted: DepartmentChannelChange, if_match: str | None
) -> tuple[DepartmentChannel, str]:
    await repository.alone(act.session)
    await departments.get(act.session, department_id, lock=True)
    partition = await repository.partition(act.session)
    row = (await repository.departments(act.session, [department_id])).get(department_id)
    preconditions.require(if_match, department_version(partition, row))
    changes = wanted.model_dump(exclude_unset=True)
    if changes and wanted.own is not False:
        if not partition.departments_may_override:
            raise Conflict(
                "the partition manages masking for all departments: `departments_may_override` of /masking-channel "
                "lets them decide for themselves",
                code="managed_by_partition",
            )
        changes["own"] = True
    if row is None:
        row = _taken_over(partition, department_id)
    await _change(act, row, changes)
    return shown(partition, row), department_version(partition, row)


def _taken_over(partition: ChannelRow, department_id: int) -> ChannelRow:
    """A department begins with what was in force for it."""
    return ChannelRow(
        department_id=department_id,
        mask_incoming=partition.mask_incoming,
        mask_outgoing=partition.mask_outgoing,
        pattern_ids=list(partition.pattern_ids),
        own=False,
        version=0,
    )


async def _change(act: Act, row: ChannelRow, changes: dict[str, Any]) -> None:
    if changes.get("pattern_ids"):
        await _require_active(act.session, changes["pattern_ids"])
    told = merge_patch.apply(row, changes, act.now, clearable=())
    if not told:
        return
    act.session.add(row)
    await act.session.flush()
    whose = row.department_id
    subject = "masking_channel" if whose is None else f"department/{whose}/masking_channel"
    act.audit("masking_channel.changed", subject, told, department_id=whose)
    act.event("masking_channel.changed", subject, {"fields": sorted(told)}, department_id=whose)
    for follow in act.hooks.policy_followers:
        await follow(act.session)


async def _require_active(session: AsyncSession, ids: Sequence[int]) -> None:
    known = await repository.among(session, ids)
    found = [
        FieldProblem(field=f"pattern_ids.{place}", problem=problem)
        for place, one in enumerate(ids)
        if (problem := _problem(one, ids[:place], known.get(one))) is not None
    ]
    if found:
        raise Invalid("; ".join(f"{one.field}: {one.problem}" for one in found)[:2000], errors=found)


def _problem(one: int, before: Sequence[int], row: PatternRow | None) -> str | None:
    if row is None:
        return f"there is no masking pattern {one}"
    if not row.active:
        return f"masking pattern {one} is not active: only active ones can be applied"
    return f"masking pattern {one} is named twice" if one in before else None
