"""REST: queues."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from config_api import preconditions
from config_api.access.callers import Administrator
from config_api.acting import AsAdministrator
from config_api.database import Session
from config_api.departments import repository as departments
from config_api.paging import Cursor, Limit, page, position
from config_api.preconditions import IfMatch
from config_api.problems import responses
from config_api.routing import queues, repository
from ece_common.contracts.base import Page
from ece_common.contracts.departments import NewQueue, Queue, QueueChange

router = APIRouter(tags=["queues"])
DepartmentId = Annotated[int, Path(ge=1, lt=2**63)]
QueueId = Annotated[int, Path(ge=1, lt=2**63)]


@router.post(
    "/departments/{department_id}/queues",
    status_code=201,
    summary="Create a queue",
    responses=responses(404, 409),
)
async def create(department_id: DepartmentId, new: NewQueue, act: AsAdministrator, response: Response) -> Queue:
    """Beside the default and the exception queue, which come with the department."""
    row = await queues.create(act, department_id, new)
    preconditions.stamp(response, row.version)
    return Queue.model_validate(row)


@router.get("/departments/{department_id}/queues", summary="List a department's queues", responses=responses(404))
async def listing(
    department_id: DepartmentId,
    session: Session,
    _caller: Administrator,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Queue]:
    """In the order in which they were made: the default and the exception queue first."""
    await departments.get(session, department_id)
    rows = await repository.after(session, department_id, position(cursor), limit + 1)
    return page(rows, limit, lambda row: row.id or 0, Queue.model_validate)


@router.get("/queues/{queue_id}", summary="Read a queue", responses=responses(404))
async def read(queue_id: QueueId, session: Session, _caller: Administrator, response: Response) -> Queue:
    """One queue, with its `ETag`."""
    row = await repository.get(session, queue_id)
    preconditions.stamp(response, row.version)
    return Queue.model_validate(row)


@router.patch("/queues/{queue_id}", summary="Change a queue", responses=responses(404, 409, 412))
async def change(
    queue_id: QueueId, wanted: QueueChange, act: AsAdministrator, response: Response, if_match: IfMatch = None
) -> Queue:
    """A merge patch (RFC 7396): fields left out stay as they are."""
    row = await queues.change(act, queue_id, wanted, if_match)
    preconditions.stamp(response, row.version)
    return Queue.model_validate(row)


@router.delete("/queues/{queue_id}", status_code=204, summary="Delete a queue", responses=responses(404, 409, 412))
async def delete(queue_id: QueueId, act: AsAdministrator, if_match: IfMatch = None) -> None:
    """Refused with 409 for the default and the exception queue, and while activities are in it."""
    await queues.delete(act, queue_id, if_match)
