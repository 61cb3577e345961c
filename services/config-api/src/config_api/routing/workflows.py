"""What may happen to a workflow: made, changed, deleted, each state of it checked before it is in force."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select

from config_api import merge_patch, preconditions
from config_api.acting import Act
from config_api.aliases.tables import AliasRow
from config_api.departments import repository as departments
from config_api.routing import conditions, repository
from config_api.routing import workflow_repository as workflows
from config_api.routing.conditions import Broken
from config_api.routing.tables import WorkflowRow
from ece_common.contracts.problem import FieldProblem
from ece_common.contracts.workflows import NewWorkflow, Rule, Workflow, WorkflowChange
from ece_common.errors import Conflict, Invalid

_MOST = 200


async def create(act: Act, department_id: int, new: NewWorkflow) -> Workflow:
    # Held, so that two requests cannot both find the name or an alias free.
    await departments.get(act.session, department_id, lock=True)
    if await workflows.count(act.session, department_id) >= _MOST:
        raise Conflict(f"a department has {_MOST} workflows at most", code="too_many")
    row = WorkflowRow(department_id=department_id, **new.model_dump(mode="json", exclude={"alias_ids"}))
    await _check(act, row, new.rules, new.alias_ids)
    act.session.add(row)
    await act.session.flush()
    await act.session.refresh(row)
    assert row.id is not None
    await workflows.bind(act.session, row.id, new.alias_ids)
    _tell(act, row, "created", new.model_dump(mode="json"), {"name": row.name})
    return await shown(act, row)


async def change(act: Act, workflow_id: int, wanted: WorkflowChange, if_match: str | None) -> Workflow:
    row = await _held(act, workflow_id, if_match)
    before = (await workflows.alias_ids(act.session, [workflow_id])).get(workflow_id, [])
    if "alias_ids" in wanted.model_fields_set and wanted.alias_ids is None:
        raise Invalid.field("alias_ids", "is required and cannot be cleared; an empty list names none")
    alias_ids = before if wanted.alias_ids is None else wanted.alias_ids
    with act.session.no_autoflush:
        changes = wanted.model_dump(exclude_unset=True, exclude={"alias_ids", "rules"})
        if "rules" in wanted.model_fields_set:
            # As they are stored: what a rule leaves out has its default.
            changes["rules"] = wanted.model_dump(mode="json")["rules"]
        told = merge_patch.apply(row, changes, act.now)
        await _check(act, row, wanted.rules or [], alias_ids)
    if set(alias_ids) != set(before):
        if not told:
            merge_patch.touch(row, act.now)
        told["alias_ids"] = [before, sorted(set(alias_ids))]
        await workflows.bind(act.session, workflow_id, alias_ids)
    if not told:
        return await shown(act, row)
    act.session.add(row)
    _tell(act, row, "changed", dict(told), {"fields": list(told)})
    await act.session.flush()
    return await shown(act, row)


async def delete(act: Act, workflow_id: int, if_match: str | None) -> None:
    row = await _held(act, workflow_id, if_match)
    await act.session.delete(row)
    _tell(act, row, "deleted", {"name": row.name}, {"name": row.name})


async def shown(act: Act, row: WorkflowRow) -> Workflow:
    return (await all_shown(act, [row]))[0]


async def all_shown(act: Act, rows: Sequence[WorkflowRow]) -> list[Workflow]:
    bound = await workflows.alias_ids(act.session, [row.id or 0 for row in rows])
    return [Workflow.model_validate({**row.model_dump(), "alias_ids": bound.get(row.id or 0, [])}) for row in rows]


async def _held(act: Act, workflow_id: int, if_match: str | None) -> WorkflowRow:
    found = await workflows.get(act.session, workflow_id)
    act.session.expunge(found)  # or it would not be read anew
    # The department first, as its deletion does.
    await departments.get(act.session, found.department_id, lock=True)
    row = await workflows.get(act.session, workflow_id, lock=True)
    preconditions.require(if_match, row.version)
    return row


async def _check(act: Act, row: WorkflowRow, rules: Sequence[Rule], alias_ids: Sequence[int]) -> None:
    """Raise `Invalid` naming each wrong rule or alias, `Conflict` when name or aliases are taken."""
    problems = [
        *_wrong_conditions(rules),
        *await _wrong_queues(act, row, rules),
        *await _wrong_aliases(act, row, alias_ids),
    ]
    if problems:
        raise Invalid("; ".join(f"{one.field}: {one.problem}" for one in problems)[:2000], errors=problems)
    taken = await workflows.by_name(act.session, row.department_id, row.name)
    if taken is not None and taken.id != row.id:
        raise Conflict(
            f"name: the department has a workflow called {row.name!r} already (id {taken.id})", code="name_taken"
        )
    if row.active:
        await _refuse_second(act, row, alias_ids)


def _wrong_conditions(rules: Sequence[Rule]) -> list[FieldProblem]:
    found: list[FieldProblem] = []
    for n, rule in enumerate(rules):
        try:
            conditions.check(rule.when)
        except Broken as problem:
            found.append(FieldProblem(field=f"rules.{n}.when", problem=f"rule {rule.name!r}: {problem}"))
    return found


async def _wrong_queues(act: Act, row: WorkflowRow, rules: Sequence[Rule]) -> list[FieldProblem]:
    found: list[FieldProblem] = []
    for n, rule in enumerate(rules):
        queue_id = rule.actions.queue_id
        queue = None if queue_id is None else await repository.find(act.session, queue_id)
        if queue_id is not None and (queue is None or queue.department_id != row.department_id):
            why = f"rule {rule.name!r}: must be a queue of department {row.department_id}"
            found.append(FieldProblem(field=f"rules.{n}.actions.queue_id", problem=why))
    return found


async def _wrong_aliases(act: Act, row: WorkflowRow, alias_ids: Sequence[int]) -> list[FieldProblem]:
    query = select(AliasRow.id).where(
        col(AliasRow.id).in_(alias_ids),
        col(AliasRow.department_id) == row.department_id,
        col(AliasRow.deleted_at).is_(None),
    )
    known = set((await act.session.exec(query)).all())
    why = f"must be an alias of department {row.department_id}"
    return [FieldProblem(field=f"alias_ids.{n}", problem=why) for n, one in enumerate(alias_ids) if one not in known][
        :100
    ]


async def _refuse_second(act: Act, row: WorkflowRow, alias_ids: Sequence[int]) -> None:
    """Two workflows for one mail would both be right."""
    others = await workflows.active_others(act.session, row)
    bound = await workflows.alias_ids(act.session, [one.id or 0 for one in others])
    for other in others:
        theirs = set(bound.get(other.id or 0, []))
        both = sorted(theirs & set(alias_ids))
        whole = row.on_exception_queue and not theirs and not alias_ids
        if both or whole:
            what = f"alias {both[0]} has" if both else "the department's exception queue has"
            raise Conflict(
                f"alias_ids: {what} the active workflow {other.name!r} (id {other.id}) already; make that one "
                "inactive first, or add the rules to it",
                code="alias_has_workflow",
            )


def _tell(act: Act, row: WorkflowRow, what: str, told: dict[str, Any], data: dict[str, Any]) -> None:
    subject = f"workflow/{row.id}"
    act.audit(f"workflow.{what}", subject, told, department_id=row.department_id)
    act.event(f"workflow.{what}", subject, data, department_id=row.department_id)
