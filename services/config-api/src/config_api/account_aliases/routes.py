"""REST: the aliases of an account."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from config_api import preconditions
from config_api.access.callers import Administrator
from config_api.account_aliases import adding, creating, removing
from config_api.account_aliases.adding import Adding
from config_api.accounts import repository as accounts
from config_api.accounts.routes import AccountId
from config_api.acting import AsAdministrator
from config_api.aliases import repository, view
from config_api.aliases.repository import Filters
from config_api.jobs.asking import Desk
from config_api.paging import Cursor, Limit, page, position
from config_api.preconditions import IfMatch
from config_api.problems import responses
from ece_common.contracts.accounts import AddedAliases, AddExistingAliases, NewAccountAlias
from ece_common.contracts.aliases import Alias
from ece_common.contracts.base import Page

router = APIRouter(tags=["accounts"])
AliasId = Annotated[int, Path(ge=1, lt=2**63)]


@router.post(
    "/accounts/{account_id}/aliases",
    status_code=201,
    summary="Create an alias in an account",
    responses=responses(404, 409),
)
async def create_alias(
    account_id: AccountId, new: NewAccountAlias, act: AsAdministrator, response: Response
) -> Alias:
    """An address whose mailbox the account's user, or the application, may open: servers and login are the
    account's. With `shared_mailbox` it is somebody else's mailbox that was shared with that user.
    """
    row = await repository.get(act.session, await creating.create(act, account_id, new))
    preconditions.stamp(response, row.version)
    return (await view.shown(act, [row]))[0]


@router.get("/accounts/{account_id}/aliases", summary="List an account's aliases", responses=responses(404))
async def list_aliases(
    account_id: AccountId, act: AsAdministrator, limit: Limit = 100, cursor: Cursor = None
) -> Page[Alias]:
    """In the order in which they were made. The department's list of aliases does not have them."""
    account = await accounts.get(act.session, account_id)
    filters = Filters(account_id=account_id)
    rows = await repository.after(act.session, account.department_id, position(cursor), limit + 1, filters)
    shown = {alias.id: alias for alias in await view.shown(act, rows)}
    return page(rows, limit, lambda row: row.id or 0, lambda row: shown[row.id or 0])


@router.post(
    "/accounts/{account_id}/aliases/add-existing",
    summary="Add existing aliases to an account",
    responses=responses(404, 409),
)
async def add_existing_aliases(
    account_id: AccountId, wanted: AddExistingAliases, caller: Administrator, request: Request
) -> AddedAliases:
    """Each basic alias is opened by its retriever as this account; those that open are converted, the others stay as
    they are and are reported with the server's words. Own servers and passwords are kept for the day they leave.
    Waits 30 seconds at most. 503 `no_live_replica`: no retriever is there to try.
    """
    state = request.app.state
    desk = Desk(state.sessions, state.changes)
    return await adding.add(Adding(state.token_tools, desk, state.renewals, caller), account_id, wanted)


@router.delete(
    "/accounts/{account_id}/aliases/{alias_id}",
    status_code=204,
    summary="Remove an alias from its account",
    responses=responses(404, 409, 412),
)
async def remove_alias(
    account_id: AccountId, alias_id: AliasId, act: AsAdministrator, if_match: IfMatch = None
) -> None:
    """An alias that was made in the account is deleted for good; one that was added to it is a basic alias
    again, inactive, with the servers and passwords it had. Refused with 409 for an active default alias,
    and while a retriever instance or a workflow uses it.
    """
    await removing.remove(act, account_id, alias_id, if_match)
