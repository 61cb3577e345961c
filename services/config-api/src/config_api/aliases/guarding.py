"""What aliases keep from being deleted."""

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.aliases import repository
from ece_common.contracts.base import Reference

SHOWN = 100
"""A list of thousands helps nobody."""


async def of_department(session: AsyncSession, department_id: int) -> list[Reference]:
    rows = await repository.names_in(session, department_id, SHOWN)
    return [Reference(type="alias", id=identity or 0, name=name) for identity, name in rows]
