"""What activities keep from being deleted: their department and the queue they are in."""

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.activities import repository
from config_api.activities.tables import ActivityRow
from ece_common.contracts.base import Reference

SHOWN = 10
"""References that an answer names; there may be millions."""


async def of_department(session: AsyncSession, department_id: int) -> list[Reference]:
    found = await repository.some_of(session, col(ActivityRow.department_id) == department_id, SHOWN)
    return [Reference(type="activity", id=id_, name=subject[:100]) for id_, subject in found]


async def of_queue(session: AsyncSession, queue_id: int) -> list[Reference]:
    found = await repository.some_of(session, col(ActivityRow.queue_id) == queue_id, SHOWN)
    return [Reference(type="activity", id=id_, name=subject[:100]) for id_, subject in found]
