"""Which value of a setting counts: the department's own where the partition lets it, the partition's, the default."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.preferences import repository
from config_api.preferences.tables import SettingsRow
from config_api.sealing import Vault
from ece_common.contracts.settings import DepartmentSettings, PartitionSettings, SharedSettings

SHARED = frozenset(SharedSettings.model_fields)
"""What a partition sets for every department and may let departments set for themselves."""


def of_partition(row: SettingsRow) -> PartitionSettings:
    return PartitionSettings.model_validate(
        {**row.chosen, "default_smtp_password_set": row.smtp_password is not None}
    )


def of_department(partition: PartitionSettings, row: SettingsRow | None) -> DepartmentSettings:
    """An override that the partition forbids again is kept, but does not count."""
    chosen = row.chosen if row is not None else {}
    own = {
        name: value
        for name, value in chosen.items()
        if name not in SHARED or name in partition.departments_may_override
    }
    inherited = {name: getattr(partition, name) for name in SHARED}
    return DepartmentSettings.model_validate({**inherited, **own, "overrides": sorted(own)})


async def partition(session: AsyncSession) -> PartitionSettings:
    return of_partition(await repository.partition(session))


async def department(session: AsyncSession, department_id: int) -> DepartmentSettings:
    """Defaults for a department that never set anything; whether there is such a department is not asked."""
    return of_department(await partition(session), await repository.department(session, department_id))


async def departments(session: AsyncSession, department_ids: Sequence[int]) -> dict[int, DepartmentSettings]:
    """As `department`, for many at once."""
    whole = await partition(session)
    rows = await repository.departments(session, department_ids)
    return {id_: of_department(whole, rows.get(id_)) for id_ in department_ids}


async def default_smtp_password(session: AsyncSession, vault: Vault) -> str | None:
    """In clear, for the claim of a dispatcher and nothing else (R114)."""
    sealed = (await repository.partition(session)).smtp_password
    return vault.open(sealed) if sealed is not None else None
