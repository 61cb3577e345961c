"""Every query on jobs."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import changes, database
from config_api.instances.tables import InstanceRow, MembershipRow, ReplicaRow
from config_api.jobs.tables import JobRow
from ece_common.contracts.base import ServiceKind
from ece_common.errors import NotFound

FALLBACK = "default"
"""The instance that does what belongs to none."""
CLAIM_SECONDS = 20.0
"""A worker that says nothing for so long is taken for dead, and another one gets the job."""
KEPT = "1 hour"
_CLAIM = text("""
    UPDATE worker_jobs SET claimed_by = :replica,
           claimed_until = clock_timestamp() + make_interval(secs => :seconds)
    WHERE id = (SELECT id FROM worker_jobs
                WHERE instance_id = :instance AND done_at IS NULL AND expires_at > clock_timestamp()
                  AND (claimed_until IS NULL OR claimed_until <= clock_timestamp())
                ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id
""")
_CONCLUDE = text("""
    UPDATE worker_jobs SET done_at = clock_timestamp(), result = CAST(:result AS jsonb)
    WHERE id = :id AND done_at IS NULL RETURNING id
""")
_POST = text("""
    INSERT INTO worker_jobs (id, kind, target_id, account_id, instance_id, expires_at)
    VALUES (:id, :kind, :target, :account, :instance, clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (kind, target_id, COALESCE(account_id, 0)) WHERE done_at IS NULL DO NOTHING
""")


def wanted(instance_id: int) -> str:
    """The topic that the workers of an instance wait for."""
    return f"jobs/{instance_id}"


def done(job_id: uuid.UUID) -> str:
    """The topic that those who asked wait for."""
    return f"job/{job_id}"


async def instance_for(session: AsyncSession, kind: ServiceKind, alias_id: int | None) -> InstanceRow:
    """Whose workers may see this alias: its own instance's, or the `default` one's where it is in none."""
    query = select(InstanceRow).where(InstanceRow.kind == kind)
    if alias_id is not None:
        member = (
            select(MembershipRow.instance_id)
            .where(MembershipRow.alias_id == alias_id, MembershipRow.kind == kind)
            .order_by(col(MembershipRow.instance_id))
        )
        found = (await session.exec(query.where(col(InstanceRow.id).in_(member)).limit(1))).first()
        if found is not None:
            return found
    found = (await session.exec(query.where(InstanceRow.name == FALLBACK))).first()
    if found is None:
        raise NotFound(f"there is no {kind} instance named {FALLBACK!r}, and the alias is in no other")
    return found


async def is_live(session: AsyncSession, instance_id: int) -> bool:
    query = select(ReplicaRow.name).where(
        ReplicaRow.instance_id == instance_id, text("replicas.expires_at > clock_timestamp()")
    )
    return (await session.exec(query.limit(1))).first() is not None


async def post(
    session: AsyncSession,
    kind: str,
    target_id: int,
    instance_id: int,
    seconds: float,
    *,
    account_id: int | None = None,
) -> uuid.UUID:
    """The new job, or the one for the same target that is under way already."""
    await database.run(session, text("DELETE FROM worker_jobs WHERE expires_at < clock_timestamp()"), {})
    made = uuid.uuid4()
    values = {
        "id": made,
        "kind": kind,
        "target": target_id,
        "account": account_id,
        "instance": instance_id,
        "seconds": seconds,
    }
    posted = await database.run(session, _POST, values)
    if posted.rowcount:
        await changes.announce(session, wanted(instance_id))
        return made
    query = select(JobRow.id).where(
        JobRow.kind == kind,
        JobRow.target_id == target_id,
        col(JobRow.account_id).is_not_distinct_from(account_id),
        col(JobRow.done_at).is_(None),
    )
    return (await session.exec(query)).first() or made


async def claim(session: AsyncSession, instance_id: int, replica: str) -> JobRow | None:
    values = {"instance": instance_id, "replica": replica, "seconds": CLAIM_SECONDS}
    found = (await database.run(session, _CLAIM, values)).scalar_one_or_none()
    return None if found is None else await session.get(JobRow, found, populate_existing=True)


async def get(session: AsyncSession, job_id: uuid.UUID) -> JobRow:
    found = await session.get(JobRow, job_id, populate_existing=True)
    if found is None:
        raise NotFound("there is no such job: nobody waits for it any more")
    return found


async def conclude(session: AsyncSession, job_id: uuid.UUID, result: str) -> bool:
    """Whether this is the first result. A later one changes nothing."""
    first = (await database.run(session, _CONCLUDE, {"id": job_id, "result": result})).scalar_one_or_none()
    if first is not None:
        await changes.announce(session, done(job_id))
    return first is not None


def told(row: JobRow) -> Mapping[str, Any]:
    return row.result if row.result is not None else {}
