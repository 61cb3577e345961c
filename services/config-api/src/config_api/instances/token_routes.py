"""REST, the worker side: access tokens for the aliases of accounts."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from config_api.access.callers import Worker
from config_api.accounts.renewing import Renewals
from config_api.database import Sessions
from config_api.instances import token_asking
from config_api.problems import responses
from ece_common.contracts.tokens import AccessToken, AccessTokenRequest

router = APIRouter(tags=["worker side"])


@router.post("/aliases/{alias_id}/access-tokens", summary="Ask for an access token", responses=responses(404, 409))
async def alias_token(
    alias_id: Annotated[int, Path(ge=1, lt=2**63)],
    asked: AccessTokenRequest,
    caller: Worker,
    request: Request,
    response: Response,
) -> AccessToken:
    """The token of now, or a new one when `refused` says that it is no good; whoever asks at the same time gets the
    same one. 409 `account_invalid` or `account_inactive`: only an administrator helps. 503
    `identity_provider_unavailable`: the identity provider does not answer; ask again later.
    """
    sessions: Sessions = request.app.state.sessions
    # Not held while the provider is asked.
    async with sessions() as session:
        account_id = await token_asking.account_for(session, caller, alias_id, asked)
    renewals: Renewals = request.app.state.renewals
    held = await renewals.token(account_id, asked.refused)
    response.headers["Cache-Control"] = "no-store"
    return AccessToken(access_token=held.access_token, expires_at=held.expires_at)
