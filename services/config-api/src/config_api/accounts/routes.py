"""REST: e-mail accounts."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from config_api import preconditions
from config_api.accounts import repository, upkeep, view
from config_api.acting import Act, AsAdministrator
from config_api.departments import repository as departments
from config_api.paging import Cursor, Limit, page, position
from config_api.preconditions import IfMatch
from config_api.problems import responses
from ece_common.contracts.accounts import Account, AccountChange, AccountStatus, AuthorizationState, NewAccount
from ece_common.contracts.base import Page
from ece_common.errors import NotFound

router = APIRouter(tags=["accounts"])
DepartmentId = Annotated[int, Path(ge=1, lt=2**63)]
AccountId = Annotated[int, Path(ge=1, lt=2**63)]


async def _answer(act: Act, account_id: int, response: Response) -> Account:
    found = (await repository.with_applications(act.session, [account_id])).get(account_id)
    if found is None:
        raise NotFound(f"there is no account {account_id}")
    preconditions.stamp(response, found[0].version)
    return view.shown(*found)


@router.post(
    "/departments/{department_id}/accounts",
    status_code=201,
    summary="Create an account",
    responses=responses(404, 409),
)
async def create(
    department_id: DepartmentId, new: NewAccount, act: AsAdministrator, request: Request, response: Response
) -> Account:
    """A code that is given is redeemed at once; when the provider refuses it, nothing is stored. Without one the
    account is not authorized until it gets one.
    """
    account_id = await upkeep.create(act, request.app.state.identity, department_id, new)
    return await _answer(act, account_id, response)


@router.get("/departments/{department_id}/accounts", summary="List accounts", responses=responses(404))
async def listing(
    department_id: DepartmentId,
    act: AsAdministrator,
    *,
    limit: Limit = 100,
    cursor: Cursor = None,
    status: AccountStatus | None = None,
    authorization_state: AuthorizationState | None = None,
) -> Page[Account]:
    """A department's accounts in the order in which they were made."""
    await departments.get(act.session, department_id)
    filters = (status, authorization_state)
    rows = await repository.after(act.session, department_id, position(cursor), limit + 1, filters)
    return page(rows, limit, lambda row: row[0].id or 0, lambda row: view.shown(*row))


@router.get("/accounts/{account_id}", summary="Read an account", responses=responses(404))
async def read(account_id: AccountId, act: AsAdministrator, response: Response) -> Account:
    """One account with the state of its authorization; with its `ETag`."""
    return await _answer(act, account_id, response)


@router.patch("/accounts/{account_id}", summary="Change an account", responses=responses(404, 409, 412))
async def change(
    account_id: AccountId,
    wanted: AccountChange,
    act: AsAdministrator,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> Account:
    """A merge patch (RFC 7396). A new `authorization_code` is redeemed at once and replaces what was granted before;
    aliases that stopped with the account are made active by an administrator. While an account is inactive its
    aliases are neither retrieved nor sent for.
    """
    await upkeep.change(act, request.app.state.identity, account_id, wanted, if_match)
    return await _answer(act, account_id, response)


@router.delete(
    "/accounts/{account_id}", status_code=204, summary="Delete an account", responses=responses(404, 409, 412)
)
async def delete(account_id: AccountId, act: AsAdministrator, if_match: IfMatch = None) -> None:
    """Refused with 409 and the list of aliases while aliases are in it. Its tokens are forgotten."""
    await upkeep.delete(act, account_id, if_match)
