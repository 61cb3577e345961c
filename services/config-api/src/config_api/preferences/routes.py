"""REST: settings of the partition and of departments."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from config_api import preconditions
from config_api.access.callers import Administrator
from config_api.acting import AsAdministrator
from config_api.database import Session
from config_api.departments import repository as departments
from config_api.preconditions import IfMatch
from config_api.preferences import change as changing
from config_api.preferences import in_force, repository
from config_api.problems import responses
from ece_common.contracts.settings import (
    DepartmentSettings,
    DepartmentSettingsChange,
    PartitionSettings,
    PartitionSettingsChange,
)

router = APIRouter(tags=["settings"])
DepartmentId = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("/settings", summary="Read the partition's settings", responses=responses())
async def read(session: Session, _caller: Administrator, response: Response) -> PartitionSettings:
    """Every setting with its value in force, with an `ETag`. The password is never shown."""
    row = await repository.partition(session)
    preconditions.stamp(response, row.version)
    return in_force.of_partition(row)


@router.patch("/settings", summary="Change the partition's settings", responses=responses(412))
async def change(
    wanted: PartitionSettingsChange,
    act: AsAdministrator,
    response: Response,
    if_match: IfMatch = None,
) -> PartitionSettings:
    """A merge patch (RFC 7396): null restores a default. Workers hear of it at once."""
    row = await changing.change_partition(act, wanted, if_match)
    preconditions.stamp(response, row.version)
    return in_force.of_partition(row)


@router.get("/departments/{department_id}/settings", summary="Read a department's settings", responses=responses(404))
async def read_department(
    department_id: DepartmentId, session: Session, _caller: Administrator, response: Response
) -> DepartmentSettings:
    """What is in force for the department; `overrides` names what it sets itself."""
    await departments.get(session, department_id)
    partition = await repository.partition(session)
    row = await repository.department(session, department_id)
    preconditions.stamp(response, changing.department_version(partition, row))
    return in_force.of_department(in_force.of_partition(partition), row)


@router.patch(
    "/departments/{department_id}/settings",
    summary="Change a department's settings",
    responses=responses(404, 412),
)
async def change_department(
    department_id: DepartmentId,
    wanted: DepartmentSettingsChange,
    act: AsAdministrator,
    response: Response,
    if_match: IfMatch = None,
) -> DepartmentSettings:
    """A merge patch (RFC 7396): null goes back to what the partition says, or to the default."""
    settings, version = await changing.change_department(act, department_id, wanted, if_match)
    preconditions.stamp(response, version)
    return settings
