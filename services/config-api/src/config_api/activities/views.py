"""An activity as it is shown."""

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.activities import repository
from config_api.activities.tables import ActivityRow
from ece_common.contracts.activities import Activity, Attachment

_OWN = [name for name in Activity.model_fields if name != "attachments"]


def shown(row: ActivityRow, attachments: list[Attachment]) -> Activity:
    return Activity.model_validate({**{name: getattr(row, name) for name in _OWN}, "attachments": attachments})


async def whole(session: AsyncSession, row: ActivityRow) -> Activity:
    """With its attachments, without their contents."""
    assert row.id is not None
    return shown(row, (await repository.attachments(session, [row.id])).get(row.id, []))
