"""What may happen to a department: created with what it needs, renamed, deleted when nothing is left in it."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import database, journal, merge_patch, preconditions
from config_api.access.callers import Caller
from config_api.departments import repository
from config_api.departments.tables import DepartmentRow
from config_api.references import Hooks, refuse_if_referenced
from ece_common.contracts.departments import DepartmentChange, NewDepartment
from ece_common.errors import Conflict


async def _refuse_taken(session: AsyncSession, name: str, own_id: int | None) -> None:
    taken = await repository.by_name(session, name)
    if taken is not None and taken.id != own_id:
        raise Conflict(f"name: a department called {name!r} exists already (id {taken.id})", code="name_taken")


async def _flush(session: AsyncSession, name: str) -> None:
    taken = Conflict(f"name: a department called {name!r} was made just now", code="name_taken")
    await database.flush(session, "departments_name_key", taken)


async def create(session: AsyncSession, caller: Caller, new: NewDepartment, hooks: Hooks) -> DepartmentRow:
    await _refuse_taken(session, new.name, None)
    row = DepartmentRow(name=new.name, description=new.description)
    session.add(row)
    await _flush(session, new.name)
    await session.refresh(row)
    assert row.id is not None
    for follow in hooks.department_followers:
        await follow(session, row.id)
    journal.audit(
        session, caller.name, "department.created", f"department/{row.id}", new.model_dump(), department_id=row.id
    )
    journal.event(session, "department.created", f"department/{row.id}", {"name": row.name}, department_id=row.id)
    return row


async def change(
    session: AsyncSession,
    caller: Caller,
    department_id: int,
    wanted: DepartmentChange,
    if_match: str | None,
    now: datetime,
) -> DepartmentRow:
    row = await repository.get(session, department_id, lock=True)
    preconditions.require(if_match, row.version)
    if wanted.name is not None:
        await _refuse_taken(session, wanted.name, row.id)
    told = merge_patch.apply(row, wanted.model_dump(exclude_unset=True), now)
    if not told:
        return row
    session.add(row)
    await _flush(session, row.name)
    journal.audit(session, caller.name, "department.changed", f"department/{row.id}", told, department_id=row.id)
    journal.event(session, "department.changed", f"department/{row.id}", {"fields": list(told)}, department_id=row.id)
    return row


async def delete(
    session: AsyncSession, caller: Caller, department_id: int, if_match: str | None, hooks: Hooks
) -> None:
    row = await repository.get(session, department_id, lock=True)
    preconditions.require(if_match, row.version)
    await refuse_if_referenced(session, hooks.department_guards, department_id, f"department {row.name!r}")
    for release in hooks.department_cleaners:
        await release(session, department_id)
    await session.delete(row)
    journal.audit(session, caller.name, "department.deleted", f"department/{department_id}", {"name": row.name})
    journal.event(session, "department.deleted", f"department/{department_id}", {"name": row.name})
