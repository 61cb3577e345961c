"""REST: aliases and their history."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from config_api import preconditions
from config_api.acting import Act, AsAdministrator
from config_api.aliases import changing, creating, deleting, repository, view
from config_api.aliases.repository import Filters
from config_api.departments import repository as departments
from config_api.paging import Cursor, Limit, page, position
from config_api.preconditions import IfMatch
from config_api.problems import responses
from ece_common.contracts.aliases import Alias, AliasChange, AliasStatus, NewAlias, StatusTransition
from ece_common.contracts.base import Line, Page

router = APIRouter(tags=["aliases"])
DepartmentId = Annotated[int, Path(ge=1, lt=2**63)]
AliasId = Annotated[int, Path(ge=1, lt=2**63)]


async def _answer(act: Act, alias_id: int, response: Response) -> Alias:
    row = await repository.get(act.session, alias_id)
    preconditions.stamp(response, row.version)
    return (await view.shown(act, [row]))[0]


@router.post(
    "/departments/{department_id}/aliases",
    status_code=201,
    summary="Create an alias",
    responses=responses(404, 409),
)
async def create(department_id: DepartmentId, new: NewAlias, act: AsAdministrator, response: Response) -> Alias:
    """The address with its mailbox, and the server that sends for it. It is retrieved once it is in a retriever
    instance: name one in `retriever_instance`, or add it there later.
    """
    return await _answer(act, await creating.create(act, department_id, new), response)


@router.get("/departments/{department_id}/aliases", summary="List aliases", responses=responses(404))
async def listing(
    department_id: DepartmentId,
    act: AsAdministrator,
    *,
    limit: Limit = 100,
    cursor: Cursor = None,
    status: AliasStatus | None = None,
    email_address: Annotated[Line | None, Query(description="Exactly this address, in any case.")] = None,
    default_alias: bool | None = None,
) -> Page[Alias]:
    """A department's aliases in the order in which they were made."""
    await departments.get(act.session, department_id)
    filters = Filters(status=status, email_address=email_address, default_alias=default_alias)
    rows = await repository.after(act.session, department_id, position(cursor), limit + 1, filters)
    shown = {alias.id: alias for alias in await view.shown(act, rows)}
    return page(rows, limit, lambda row: row.id or 0, lambda row: shown[row.id or 0])


@router.get("/aliases/{alias_id}", summary="Read an alias", responses=responses(404))
async def read(alias_id: AliasId, act: AsAdministrator, response: Response) -> Alias:
    """One alias with its status, without its passwords; with its `ETag`."""
    return await _answer(act, alias_id, response)


@router.patch("/aliases/{alias_id}", summary="Change an alias", responses=responses(404, 409, 412))
async def change(
    alias_id: AliasId,
    wanted: AliasChange,
    act: AsAdministrator,
    response: Response,
    if_match: IfMatch = None,
) -> Alias:
    """A merge patch (RFC 7396). Workers go by it within a second, and never half-way through a mail. Setting `status`
    to `active` forgets failed attempts.
    """
    await changing.change(act, alias_id, wanted, if_match)
    return await _answer(act, alias_id, response)


@router.delete("/aliases/{alias_id}", status_code=204, summary="Delete an alias", responses=responses(404, 409, 412))
async def delete(alias_id: AliasId, act: AsAdministrator, if_match: IfMatch = None) -> None:
    """Refused with 409 for a default alias, and while a retriever instance or a workflow uses it. Activities stay;
    replies under way go out by the default SMTP settings.
    """
    await deleting.delete(act, alias_id, if_match)


@router.get("/aliases/{alias_id}/status-transitions", summary="Read the history", responses=responses(404))
async def history(
    alias_id: AliasId, act: AsAdministrator, limit: Limit = 100, cursor: Cursor = None
) -> Page[StatusTransition]:
    """Every change of the alias's status, oldest first: who, why, in the server's own words."""
    await repository.get(act.session, alias_id)
    rows = await repository.transitions_after(act.session, alias_id, position(cursor), limit + 1)
    return page(rows, limit, lambda row: row.id or 0, view.transition)
