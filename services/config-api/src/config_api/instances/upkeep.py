"""What may happen to an instance: made, renamed, given aliases, deleted when nothing works in it any more."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import col

from config_api import database, merge_patch, preconditions
from config_api.acting import Act
from config_api.instances import membership, repository
from config_api.instances.tables import InstanceRow, ReplicaRow
from ece_common.contracts.base import Reference, ServiceKind
from ece_common.contracts.instances import Instance, InstanceChange, NewInstance, Replica
from ece_common.errors import Conflict, Invalid

FALLBACK = "default"
"""The dispatcher instance that also sends for aliases of no instance and for deleted ones."""
_NAMED = 100


async def shown(act: Act, rows: Sequence[InstanceRow]) -> list[Instance]:
    """With their aliases and their replicas, in three queries."""
    instance_ids = [row.id for row in rows if row.id is not None]
    aliases = await repository.aliases_of(act.session, instance_ids)
    replicas = await repository.replicas_of(act.session, instance_ids)
    held = await repository.held_of(act.session, instance_ids)
    now = await repository.database_time(act.session)

    def replica(row: ReplicaRow) -> Replica:
        return Replica(
            name=row.name,
            live=row.expires_at > now,
            started_at=row.started_at,
            last_heartbeat_at=row.last_beat_at,
            lease_expires_at=row.expires_at,
            aliases=held.get((row.instance_id, row.name), 0),
            counters=row.counters,
        )

    def instance(row: InstanceRow) -> Instance:
        own: dict[str, Any] = {
            name: getattr(row, name) for name in Instance.model_fields if name not in {"alias_ids", "replicas"}
        }
        theirs = [replica(one) for one in replicas if one.instance_id == row.id]
        return Instance(**own, alias_ids=aliases[row.id or 0], replicas=theirs)

    return [instance(row) for row in rows]


async def _refuse_taken(act: Act, kind: ServiceKind, name: str, own_id: int | None) -> None:
    taken = await repository.by_name(act.session, kind, name)
    if taken is not None and taken.id != own_id:
        raise Conflict(f"name: a {kind} instance called {name!r} exists already (id {taken.id})", code="name_taken")


async def _flush(act: Act, row: InstanceRow) -> None:
    taken = Conflict(f"name: a {row.kind} instance called {row.name!r} was made just now", code="name_taken")
    await database.flush(act.session, "instances_name", taken)


async def create(act: Act, kind: ServiceKind, new: NewInstance) -> int:
    await _refuse_taken(act, kind, new.name, None)
    row = InstanceRow(kind=kind, name=new.name, description=new.description, created_at=act.now, updated_at=act.now)
    act.session.add(row)
    await _flush(act, row)
    await membership.replace(act.session, row, new.alias_ids)
    await _record(act, row, "created", new.model_dump())
    assert row.id is not None
    return row.id


async def change(act: Act, kind: ServiceKind, instance_id: int, wanted: InstanceChange, if_match: str | None) -> None:
    row = await _locked(act, kind, instance_id, if_match)
    told: dict[str, Any] = {}
    if "name" in wanted.model_fields_set and wanted.name != row.name:
        if wanted.name is None:
            raise Invalid.field("name", "is required and cannot be cleared")
        _refuse_fallback(row, "renamed")
        await _refuse_taken(act, kind, wanted.name, row.id)
        told["name"] = [row.name, wanted.name]
        row.name = wanted.name
        await _flush(act, row)
        await repository.grow_versions(act.session, col(InstanceRow.id) == instance_id)
    if "description" in wanted.model_fields_set and (wanted.description or "") != row.description:
        told["description"] = [row.description, wanted.description or ""]
        row.description = wanted.description or ""
    if "alias_ids" in wanted.model_fields_set:
        moved = await membership.replace(act.session, row, wanted.alias_ids or [])
        told |= {"alias_ids": moved} if any(moved.values()) else {}
    if not told:
        return
    merge_patch.touch(row, act.now)
    await _record(act, row, "changed", told)


async def delete(act: Act, kind: ServiceKind, instance_id: int, if_match: str | None) -> None:
    row = await _locked(act, kind, instance_id, if_match)
    _refuse_fallback(row, "deleted")
    now = await repository.database_time(act.session)
    replicas = await repository.replicas_of(act.session, [instance_id])
    aliases = (await repository.aliases_of(act.session, [instance_id]))[instance_id]
    found = [Reference(type="replica", id=instance_id, name=one.name) for one in replicas if one.expires_at > now]
    found += [Reference(type="alias", id=one, name=str(one)) for one in aliases[:_NAMED]]
    if found:
        raise Conflict(
            f"{kind} instance {row.name!r} still has {len(aliases)} aliases and {len(found) - len(aliases[:_NAMED])} "
            "live replicas: take the aliases out and stop the replicas first",
            code="still_referenced",
            references=found,
        )
    await act.session.delete(row)
    await _record(act, row, "deleted", {"name": row.name})


async def _locked(act: Act, kind: ServiceKind, instance_id: int, if_match: str | None) -> InstanceRow:
    await repository.lock(act.session, instance_id)
    row = await repository.get(act.session, kind, instance_id)
    preconditions.require(if_match, row.version)
    return row


def _refuse_fallback(row: InstanceRow, done: str) -> None:
    if (row.kind, row.name) == ("dispatcher", FALLBACK):
        raise Conflict(
            f"the dispatcher instance {FALLBACK!r} sends for aliases of no instance and cannot be {done}",
            code="default_instance",
        )


async def _record(act: Act, row: InstanceRow, what: str, told: dict[str, Any]) -> None:
    if what != "deleted":
        act.session.add(row)
    subject = f"{row.kind}_instance/{row.id}"
    act.audit(f"{row.kind}_instance.{what}", subject, told)
    act.event(f"{row.kind}_instance.{what}", subject, {"name": row.name})
    await act.session.flush()
