"""What may happen to a queue: two come with every department and stay, others are made, renamed, deleted."""

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import merge_patch, preconditions
from config_api.acting import Act
from config_api.departments import repository as departments
from config_api.references import refuse_if_referenced
from config_api.routing import repository
from config_api.routing.tables import QueueRow
from ece_common.contracts.departments import NewQueue, QueueChange
from ece_common.errors import Conflict


async def make_first(session: AsyncSession, department_id: int) -> None:
    """Follows the creation of a department."""
    session.add(QueueRow(department_id=department_id, name="Default", description="Where mail arrives.",
                         is_default=True))  # fmt: skip
    session.add(QueueRow(department_id=department_id, name="Exception", is_exception=True,
                         description="Delivery reports and mail that nothing else takes."))  # fmt: skip
    await session.flush()


async def _refuse_taken(session: AsyncSession, department_id: int, name: str, own_id: int | None) -> None:
    taken = await repository.by_name(session, department_id, name)
    if taken is not None and taken.id != own_id:
        raise Conflict(f"name: the department has a queue called {name!r} already (id {taken.id})", code="name_taken")


async def create(act: Act, department_id: int, new: NewQueue) -> QueueRow:
    # Held, so that two requests cannot both find the name free.
    await departments.get(act.session, department_id, lock=True)
    await _refuse_taken(act.session, department_id, new.name, None)
    row = QueueRow(department_id=department_id, name=new.name, description=new.description)
    act.session.add(row)
    await act.session.flush()
    await act.session.refresh(row)
    act.audit("queue.created", f"queue/{row.id}", new.model_dump(), department_id=department_id)
    act.event("queue.created", f"queue/{row.id}", {"name": row.name}, department_id=department_id)
    return row


async def change(act: Act, queue_id: int, wanted: QueueChange, if_match: str | None) -> QueueRow:
    found = await repository.get(act.session, queue_id)
    act.session.expunge(found)  # or it would not be read anew
    # The department first, as its deletion does.
    await departments.get(act.session, found.department_id, lock=True)
    row = await repository.get(act.session, queue_id, lock=True)
    preconditions.require(if_match, row.version)
    if wanted.name is not None:
        await _refuse_taken(act.session, row.department_id, wanted.name, row.id)
    told = merge_patch.apply(row, wanted.model_dump(exclude_unset=True), act.now)
    if not told:
        return row
    act.session.add(row)
    act.audit("queue.changed", f"queue/{row.id}", told, department_id=row.department_id)
    act.event("queue.changed", f"queue/{row.id}", {"fields": list(told)}, department_id=row.department_id)
    return row


async def delete(act: Act, queue_id: int, if_match: str | None) -> None:
    row = await repository.get(act.session, queue_id, lock=True)
    preconditions.require(if_match, row.version)
    if row.is_default or row.is_exception:
        raise Conflict(
            f"queue {row.name!r} is its department's {'default' if row.is_default else 'exception'} queue: it goes "
            "with the department only",
            code="queue_needed",
        )
    await refuse_if_referenced(act.session, act.hooks.queue_guards, queue_id, f"queue {row.name!r}")
    await act.session.delete(row)
    act.audit("queue.deleted", f"queue/{queue_id}", {"name": row.name}, department_id=row.department_id)
    act.event("queue.deleted", f"queue/{queue_id}", {"name": row.name}, department_id=row.department_id)
