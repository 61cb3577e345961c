"""REST: blocked file extensions."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from config_api import preconditions
from config_api.access.callers import Administrator
from config_api.acting import AsAdministrator
from config_api.blocked_extensions import repository, upkeep
from config_api.database import Session
from config_api.departments import repository as departments
from config_api.paging import Cursor, Limit, page, position
from config_api.preconditions import IfMatch
from config_api.problems import responses
from ece_common.contracts.base import Page
from ece_common.contracts.blocked_extensions import BlockedExtension, BlockedExtensionChange, NewBlockedExtension

router = APIRouter(tags=["blocked attachments"])
DepartmentId = Annotated[int, Path(ge=1, lt=2**63)]
ExtensionId = Annotated[int, Path(ge=1, lt=2**63)]
_OF_DEPARTMENT = "/departments/{department_id}/blocked-file-extensions"
_ONE = "/blocked-file-extensions/{extension_id}"


@router.post(_OF_DEPARTMENT, status_code=201, summary="Block a file extension", responses=responses(404, 409))
async def create_extension(
    department_id: DepartmentId, new: NewBlockedExtension, act: AsAdministrator, response: Response
) -> BlockedExtension:
    """Attachments of this kind are quarantined or deleted, as the department's `action_on_blocked_attachments` says.
    `exe`, `.EXE` and `*.exe` mean the same. Takes effect at once. The partition's `attachments_allowed` and
    `attachments_blocked` supersede it.
    """
    row = await upkeep.create(act, department_id, new)
    preconditions.stamp(response, row.version)
    return BlockedExtension.model_validate(row)


@router.get(_OF_DEPARTMENT, summary="List a department's blocked file extensions", responses=responses(404))
async def list_extensions(
    department_id: DepartmentId,
    session: Session,
    _caller: Administrator,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[BlockedExtension]:
    """In the order in which they were made."""
    await departments.get(session, department_id)
    rows = await repository.after(session, department_id, position(cursor), limit + 1)
    return page(rows, limit, lambda row: row.id or 0, BlockedExtension.model_validate)


@router.get(_ONE, summary="Read a blocked file extension", responses=responses(404))
async def read_extension(
    extension_id: ExtensionId, session: Session, _caller: Administrator, response: Response
) -> BlockedExtension:
    """One blocked file extension, with its `ETag`."""
    row = await repository.get(session, extension_id)
    preconditions.stamp(response, row.version)
    return BlockedExtension.model_validate(row)


@router.patch(_ONE, summary="Change a blocked file extension", responses=responses(404, 409, 412))
async def change_extension(
    extension_id: ExtensionId,
    wanted: BlockedExtensionChange,
    act: AsAdministrator,
    response: Response,
    if_match: IfMatch = None,
) -> BlockedExtension:
    """A merge patch (RFC 7396): fields left out stay as they are."""
    row = await upkeep.change(act, extension_id, wanted, if_match)
    preconditions.stamp(response, row.version)
    return BlockedExtension.model_validate(row)


@router.delete(_ONE, status_code=204, summary="Unblock a file extension", responses=responses(404, 412))
async def delete_extension(extension_id: ExtensionId, act: AsAdministrator, if_match: IfMatch = None) -> None:
    """Mail retrieved from now on may bring such files; what is in quarantine stays there."""
    await upkeep.delete(act, extension_id, if_match)
