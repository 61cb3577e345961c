"""REST: blocked attachments."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from config_api import preconditions
from config_api.access.callers import Administrator
from config_api.acting import AsAdministrator
from config_api.activities import downloads, views
from config_api.activities import repository as activities
from config_api.database import Session
from config_api.departments import repository as departments
from config_api.paging import Cursor, Limit, page, position
from config_api.preconditions import IfMatch
from config_api.problems import responses
from config_api.quarantine import repository, resolving
from ece_common.contracts.activities import Activity
from ece_common.contracts.base import Page
from ece_common.contracts.quarantine import BlockedAttachment

router = APIRouter(tags=["blocked attachments"])
DepartmentId = Annotated[int, Path(ge=1, lt=2**63)]
BlockedId = Annotated[int, Path(ge=1, lt=2**63)]
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/departments/{department_id}/blocked-attachments", summary="List blocked attachments", responses=responses(404)
)
async def listing(
    department_id: DepartmentId,
    session: Session,
    _caller: Administrator,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[BlockedAttachment]:
    """Those in quarantine, with the activity each belongs to and why it was blocked. Empty under the action `delete`,
    which keeps nothing.
    """
    await departments.get(session, department_id)
    found = await repository.shown(session, department_id, position(cursor), limit + 1)
    return page(found, limit, lambda one: one.id, lambda one: one)


@router.get("/blocked-attachments/{blocked_id}", summary="Read a blocked attachment", responses=responses(404))
async def read(
    blocked_id: BlockedId, session: Session, _caller: Administrator, response: Response
) -> BlockedAttachment:
    """One attachment in quarantine, without its content, with its `ETag`."""
    found = await repository.one(session, blocked_id)
    preconditions.stamp(response, resolving.VERSION)
    return found


@router.get(
    "/blocked-attachments/{blocked_id}/content",
    summary="Download a blocked attachment",
    response_class=Response,
    responses={**responses(404), 200: {"description": "The file.", "content": {"*/*": _BINARY}}},
)
async def content(blocked_id: BlockedId, act: AsAdministrator) -> Response:
    """To be saved and looked into with care, never shown: it was blocked for a reason. Each download is audited."""
    one = await repository.one(act.session, blocked_id)
    found = await repository.attachment(act.session, await repository.get(act.session, blocked_id))
    told = {"activity_id": one.activity_id, "n": one.n, "name": one.name}
    act.audit("blocked_attachment.read", f"blocked_attachment/{blocked_id}", told, department_id=one.department_id)
    return downloads.download(found.content or b"", found.name, "application/octet-stream")


@router.post(
    "/blocked-attachments/{blocked_id}/restore", summary="Restore a blocked attachment", responses=responses(404, 409)
)
async def restore(blocked_id: BlockedId, act: AsAdministrator) -> Activity:
    """It is available on its activity again and leaves the quarantine. 409 when it was restored or deleted before."""
    row = await resolving.restore(act, blocked_id)
    return await views.whole(act.session, await activities.get(act.session, row.activity_id))


@router.delete(
    "/blocked-attachments/{blocked_id}", status_code=204, summary="Delete a blocked attachment",
    responses=responses(404, 409, 412),
)  # fmt: skip
async def delete(blocked_id: BlockedId, act: AsAdministrator, if_match: IfMatch = None) -> None:
    """Its content is gone for good; the activity still tells its name. 409 when it was restored or deleted before."""
    await resolving.delete(act, blocked_id, if_match)
