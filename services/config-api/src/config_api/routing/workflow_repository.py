"""Every query on workflows."""

from collections.abc import Sequence

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.routing.tables import WorkflowAliasRow, WorkflowRow
from ece_common.contracts.base import Reference
from ece_common.errors import NotFound


async def get(session: AsyncSession, workflow_id: int, *, lock: bool = False) -> WorkflowRow:
    """Raise `NotFound` when there is none. With `lock` the row is held until the transaction ends."""
    found = await session.get(WorkflowRow, workflow_id, with_for_update=lock or None)
    if found is None:
        raise NotFound(f"there is no workflow {workflow_id}")
    return found


async def by_name(session: AsyncSession, department_id: int, name: str) -> WorkflowRow | None:
    query = select(WorkflowRow).where(WorkflowRow.department_id == department_id, WorkflowRow.name == name)
    return (await session.exec(query)).one_or_none()


async def count(session: AsyncSession, department_id: int) -> int:
    query = select(WorkflowRow.id).where(WorkflowRow.department_id == department_id)
    return len((await session.exec(query)).all())


async def after(session: AsyncSession, department_id: int, position: int, count: int) -> Sequence[WorkflowRow]:
    query = (
        select(WorkflowRow)
        .where(WorkflowRow.department_id == department_id, col(WorkflowRow.id) > position)
        .order_by(col(WorkflowRow.id))
        .limit(count)
    )
    return (await session.exec(query)).all()


async def alias_ids(session: AsyncSession, workflow_ids: Sequence[int]) -> dict[int, list[int]]:
    query = (
        select(WorkflowAliasRow)
        .where(col(WorkflowAliasRow.workflow_id).in_(workflow_ids))
        .order_by(col(WorkflowAliasRow.alias_id))
    )
    found: dict[int, list[int]] = {}
    for row in await session.exec(query):
        found.setdefault(row.workflow_id, []).append(row.alias_id)
    return found


async def bind(session: AsyncSession, workflow_id: int, wanted: Sequence[int]) -> None:
    """These aliases and no others."""
    await session.exec(delete(WorkflowAliasRow).where(col(WorkflowAliasRow.workflow_id) == workflow_id))
    session.add_all(WorkflowAliasRow(workflow_id=workflow_id, alias_id=alias_id) for alias_id in sorted(set(wanted)))
    await session.flush()


async def active_others(session: AsyncSession, row: WorkflowRow) -> Sequence[WorkflowRow]:
    """Active workflows of the same department and kind."""
    query = select(WorkflowRow).where(
        WorkflowRow.department_id == row.department_id,
        col(WorkflowRow.active),
        WorkflowRow.on_exception_queue == row.on_exception_queue,
    )
    return [one for one in (await session.exec(query)).all() if one.id != row.id]


async def of_alias(session: AsyncSession, alias_id: int) -> list[Reference]:
    """What keeps an alias from being deleted or removed from its account (R113, R202, R203)."""
    used = select(WorkflowAliasRow.workflow_id).where(WorkflowAliasRow.alias_id == alias_id)
    return await _references(session, col(WorkflowRow.id).in_(used))


async def of_queue(session: AsyncSession, queue_id: int) -> list[Reference]:
    """What keeps a queue from being deleted."""
    return await _references(session, col(WorkflowRow.rules).contains([{"actions": {"queue_id": queue_id}}]))


async def _references(session: AsyncSession, condition: object) -> list[Reference]:
    query = select(WorkflowRow.id, WorkflowRow.name).where(condition).order_by(col(WorkflowRow.id)).limit(10)  # pyright: ignore[reportArgumentType, reportCallIssue]
    return [Reference(type="workflow", id=id_ or 0, name=name) for id_, name in (await session.exec(query)).all()]


async def delete_all(session: AsyncSession, department_id: int) -> None:
    """A department takes its workflows along."""
    await session.exec(delete(WorkflowRow).where(col(WorkflowRow.department_id) == department_id))
