"""Whether a worker may still write for an alias: the epoch, compared under the lease's row lock, decides."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.access.callers import Caller
from config_api.instances.tables import InstanceRow, LeaseRow
from ece_common.errors import StaleEpoch


async def require(session: AsyncSession, caller: Caller, alias_id: int, epoch: int) -> LeaseRow:
    """Hold the lease until the transaction ends: no hand-over overtakes what is written under it.

    Raise `StaleEpoch` when the alias was handed over since, `Forbidden` when the token is another instance's.
    """
    lease = await _locked(session, caller, alias_id)
    if lease.epoch != epoch:
        raise StaleEpoch(f"alias {alias_id} is at epoch {lease.epoch}, not {epoch}: it was handed over; drop it")
    return lease


async def require_settling(session: AsyncSession, caller: Caller, alias_id: int, epoch: int) -> LeaseRow:
    """For what was committed under this or an earlier epoch: a former holder may settle that, and nothing else."""
    lease = await _locked(session, caller, alias_id)
    if epoch > lease.epoch:
        raise StaleEpoch(f"alias {alias_id} is at epoch {lease.epoch}: {epoch} was never given")
    return lease


async def _locked(session: AsyncSession, caller: Caller, alias_id: int) -> LeaseRow:
    query = (
        select(LeaseRow, InstanceRow.name)
        .outerjoin(InstanceRow, col(InstanceRow.id) == col(LeaseRow.instance_id))
        .where(col(LeaseRow.alias_id) == alias_id)
        .with_for_update(read=True, of=LeaseRow)
        .execution_options(populate_existing=True)
    )
    found = (await session.exec(query)).one_or_none()
    lease, instance = found if found is not None else (None, None)
    if lease is None or instance is None:
        raise StaleEpoch(f"nobody holds alias {alias_id}: drop it")
    caller.may_work_for("retriever", instance)
    return lease
