"""REST: departments."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from config_api import preconditions
from config_api.access.callers import Administrator
from config_api.database import Session
from config_api.departments import repository, upkeep
from config_api.paging import Cursor, Limit, page, position
from config_api.preconditions import IfMatch
from config_api.problems import responses
from config_api.references import Hooks, hooks_of
from ece_common.contracts.base import Line, Page
from ece_common.contracts.departments import Department, DepartmentChange, NewDepartment

router = APIRouter(tags=["departments"])
DepartmentId = Annotated[int, Path(ge=1, lt=2**63)]
InUse = Annotated[Hooks, Depends(hooks_of)]


@router.post("/departments", status_code=201, summary="Create a department", responses=responses(409))
async def create(
    new: NewDepartment, session: Session, caller: Administrator, hooks: InUse, response: Response
) -> Department:
    """A department starts with its default queue, its exception queue and the default settings."""
    row = await upkeep.create(session, caller, new, hooks)
    preconditions.stamp(response, row.version)
    return Department.model_validate(row)


@router.get("/departments", summary="List departments", responses=responses())
async def listing(
    session: Session,
    caller: Administrator,
    limit: Limit = 100,
    cursor: Cursor = None,
    name: Annotated[Line | None, Query()] = None,
) -> Page[Department]:
    """In the order in which they were made; `name` finds one by its exact name."""
    rows = await repository.after(session, position(cursor), limit + 1, name, caller.reach.department_ids)
    return page(rows, limit, lambda row: row.id or 0, Department.model_validate)


@router.get("/departments/{department_id}", summary="Read a department", responses=responses(404))
async def read(
    department_id: DepartmentId, session: Session, _caller: Administrator, response: Response
) -> Department:
    """One department, with its `ETag`."""
    row = await repository.get(session, department_id)
    preconditions.stamp(response, row.version)
    return Department.model_validate(row)


@router.patch("/departments/{department_id}", summary="Change a department", responses=responses(404, 409, 412))
async def change(
    department_id: DepartmentId,
    wanted: DepartmentChange,
    session: Session,
    caller: Administrator,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> Department:
    """A merge patch (RFC 7396): fields left out stay as they are."""
    row = await upkeep.change(session, caller, department_id, wanted, if_match, request.app.state.clock())
    preconditions.stamp(response, row.version)
    return Department.model_validate(row)


@router.delete(
    "/departments/{department_id}", status_code=204, summary="Delete a department", responses=responses(404, 409, 412)
)
async def delete(
    department_id: DepartmentId, session: Session, caller: Administrator, hooks: InUse, if_match: IfMatch = None
) -> None:
    """Refused with 409 and the list of what is still in it, while it has aliases or activities."""
    await upkeep.delete(session, caller, department_id, if_match, hooks)
