"""The trouble of an alias's outgoing server: told when it begins, changes and ends, not with every message."""

import json
from collections.abc import Mapping
from datetime import datetime

from config_api.bulk import Bulk


async def tell(bulk: Bulk, found: Mapping[int, tuple[str, str | None]], over: set[int], now: datetime) -> None:
    """What one batch of reports says: which troubles begin or go on, and which are over."""
    if found and over:
        # In one order everywhere, or two batches that say the opposite would wait for each other.
        await bulk.execute(
            "SELECT FROM outbound_troubles WHERE alias_id = ANY($1) ORDER BY alias_id FOR UPDATE",
            sorted(found.keys() | over),
        )
    await begin(bulk, found, now)
    await end(bulk, over)


async def begin(bulk: Bulk, found: Mapping[int, tuple[str, str | None]], now: datetime) -> None:
    """`found`: alias -> reason and the server's words."""
    if not found:
        return
    ordered = sorted(found)
    rows = await bulk.fetch(
        "INSERT INTO outbound_troubles AS old (alias_id, reason, since)"
        " SELECT new.alias_id, new.reason, $3 FROM unnest($1::bigint[], $2::text[]) AS new (alias_id, reason)"
        " ON CONFLICT (alias_id) DO UPDATE SET reason = excluded.reason, since = excluded.since"
        " WHERE old.reason <> excluded.reason RETURNING alias_id",
        ordered, [found[alias_id][0] for alias_id in ordered], now,
    )  # fmt: skip
    told = {row["alias_id"]: found[row["alias_id"]] for row in rows}
    await _tell(
        bulk,
        "alias.outbound_trouble",
        {id_: {"alias_id": id_, "reason": reason, "detail": detail} for id_, (reason, detail) in told.items()},
    )


async def end(bulk: Bulk, alias_ids: set[int]) -> None:
    """Their servers take mail again."""
    if not alias_ids:
        return
    rows = await bulk.fetch(
        "DELETE FROM outbound_troubles WHERE alias_id = ANY($1) RETURNING alias_id, reason, since", sorted(alias_ids)
    )
    await _tell(
        bulk,
        "alias.outbound_recovered",
        {
            row["alias_id"]: {
                "alias_id": row["alias_id"], "reason": row["reason"], "since": row["since"].isoformat()
            }
            for row in rows
        },
    )  # fmt: skip


async def _tell(bulk: Bulk, kind: str, data: Mapping[int, Mapping[str, object]]) -> None:
    if not data:
        return
    rows = await bulk.fetch("SELECT id, department_id FROM aliases WHERE id = ANY($1)", list(data))
    departments = {row["id"]: row["department_id"] for row in rows}
    await bulk.events([(kind, f"alias/{id_}", departments.get(id_), json.dumps(told)) for id_, told in data.items()])
