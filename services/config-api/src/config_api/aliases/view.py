"""An alias as anyone may see it: the row without its secrets, with the ports in force."""

from collections.abc import Sequence
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.aliases import draft
from config_api.aliases.tables import AliasRow, TransitionRow
from config_api.references import Hooks
from ece_common.contracts.aliases import Alias, Incoming, Outgoing, StatusTransition


async def shown(session: AsyncSession, hooks: Hooks, rows: Sequence[AliasRow]) -> list[Alias]:
    """With the retriever instance that each is in."""
    place = hooks.alias_placement
    ids = [row.id for row in rows if row.id is not None]
    instances = await place.names(session, ids) if place is not None else {}
    return [alias(row, instances.get(row.id or 0)) for row in rows]


def alias(row: AliasRow, retriever_instance: str | None) -> Alias:
    configured = draft.of_row(row)
    own = {
        name: getattr(row, name)
        for name in Alias.model_fields
        if name not in {"incoming", "outgoing", "retriever_instance", "retry_at"}
    }
    return Alias(
        **own,
        retry_at=row.next_attempt_at if row.status == "inactive" else None,
        incoming=Incoming(port=configured.port("incoming"), **_section(row, "incoming", Incoming)),
        outgoing=Outgoing(port=configured.port("outgoing"), **_section(row, "outgoing", Outgoing)),
        retriever_instance=retriever_instance,
    )


def _section(row: AliasRow, section: str, shape: type[Incoming | Outgoing]) -> dict[str, Any]:
    values = {
        name: getattr(row, f"{section}_{name}") for name in shape.model_fields if name not in {"port", "password_set"}
    }
    return {**values, "password_set": getattr(row, f"{section}_password") is not None}


def transition(row: TransitionRow) -> StatusTransition:
    values = {name: getattr(row, name) for name in StatusTransition.model_fields}
    return StatusTransition(**values)
