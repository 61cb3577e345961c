"""Reads and writes of leases for a whole instance at once: no statement for a single alias."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import database
from config_api.instances.sharing import Plan, Tenure

_PICTURE = text("""
    SELECT m.alias_id, true AS member, l.replica, l.instance_id, l.wanted_back, l.epoch, r.expires_at
      FROM instance_aliases m
      LEFT JOIN leases l ON l.alias_id = m.alias_id
      LEFT JOIN replicas r ON r.instance_id = l.instance_id AND r.name = l.replica
     WHERE m.instance_id = :instance
    UNION ALL
    SELECT l.alias_id, false, l.replica, l.instance_id, l.wanted_back, l.epoch, r.expires_at
      FROM leases l
      LEFT JOIN replicas r ON r.instance_id = l.instance_id AND r.name = l.replica
     WHERE l.instance_id = :instance AND l.replica IS NOT NULL
       AND NOT EXISTS (SELECT FROM instance_aliases m WHERE m.instance_id = :instance AND m.alias_id = l.alias_id)
     ORDER BY alias_id
""")

# The holder is compared again: another instance's beat does not wait for this one's lock.
_FREE = text("""
    UPDATE leases SET replica = NULL, wanted_back = false, handed_over_at = :now
      FROM unnest(CAST(:aliases AS bigint[]), CAST(:holders AS text[])) AS seen (alias_id, holder)
     WHERE leases.alias_id = seen.alias_id AND leases.replica = seen.holder
""")

_GRANT = text("""
    INSERT INTO leases (alias_id, instance_id, replica, epoch, wanted_back)
    SELECT alias_id, :instance, replica, 1, false
      FROM unnest(CAST(:aliases AS bigint[]), CAST(:replicas AS text[])) AS given (alias_id, replica)
        ON CONFLICT (alias_id) DO UPDATE
       SET instance_id = excluded.instance_id, replica = excluded.replica, epoch = leases.epoch + 1,
           wanted_back = false
     WHERE leases.replica IS NULL
""")

_WANT_BACK = text("UPDATE leases SET wanted_back = true WHERE alias_id = ANY(CAST(:aliases AS bigint[]))")

_FREE_UNWANTED = text("""
    UPDATE leases SET replica = NULL, wanted_back = false, handed_over_at = :now
     WHERE instance_id = :instance AND replica = :replica AND wanted_back
""")

_RENEW_EPOCHS = text("""
    UPDATE leases SET epoch = epoch + 1, handed_over_at = :now
     WHERE instance_id = :instance AND replica = :replica
""")


async def picture(session: AsyncSession, instance_id: int, now: datetime) -> list[Tenure]:
    rows = (await database.run(session, _PICTURE, {"instance": instance_id})).all()
    return [
        Tenure(
            alias_id=alias_id,
            holder=holder,
            member=member,
            here=where == instance_id,
            alive=expires_at is not None and expires_at > now,
            wanted_back=bool(wanted_back),
            epoch=epoch or 0,
        )
        for alias_id, member, holder, where, wanted_back, epoch, expires_at in map(tuple, rows)
    ]


async def carry_out(session: AsyncSession, instance_id: int, wanted: Plan, now: datetime) -> None:
    if wanted.freed:
        await database.run(session, _FREE, {"now": now, **_columns(wanted.freed, "holders")})
    if wanted.granted:
        await database.run(session, _GRANT, {"instance": instance_id, **_columns(wanted.granted, "replicas")})
    if wanted.wanted_back:
        await database.run(session, _WANT_BACK, {"aliases": wanted.wanted_back})


def _columns(pairs: Mapping[int, str], name: str) -> dict[str, Sequence[int] | Sequence[str]]:
    return {"aliases": list(pairs.keys()), name: list(pairs.values())}


async def take_over(session: AsyncSession, instance_id: int, replica: str, now: datetime) -> None:
    """A new process under an old name has its predecessor's aliases at once, under new epochs."""
    values = {"instance": instance_id, "replica": replica, "now": now}
    await database.run(session, _FREE_UNWANTED, values)
    await database.run(session, _RENEW_EPOCHS, values)
