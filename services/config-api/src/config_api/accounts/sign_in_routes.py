"""REST: the sign-in of an account's owner, and the page where the provider sends the browser back to."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from config_api.accounts import callback, callback_page, signing_in
from config_api.accounts.renewing import Tools
from config_api.accounts.signing_in import Returned
from config_api.acting import AsAdministrator
from config_api.oauth_applications.redirecting import CALLBACK
from config_api.oauth_applications.routes import ApplicationId
from config_api.problems import responses
from ece_common.contracts.oauth_applications import AuthorizationRequest, NewAuthorizationRequest

router = APIRouter(tags=["OAuth applications"])
page_router = APIRouter(tags=["OAuth applications"])


@router.post(
    "/oauth-applications/{application_id}/authorization-requests",
    status_code=201,
    summary="Begin a sign-in",
    responses=responses(404, 409),
)
async def begin(
    application_id: ApplicationId, asked: NewAuthorizationRequest, act: AsAdministrator, request: Request
) -> AuthorizationRequest:
    """Open `authorization_url` in a browser and sign in as the mailbox's owner. The callback page then shows the code
    to paste into an account (R166 to R168), or authorizes the account that is named here. 409
    `web_server_url_not_set`: set that partition setting first (R155).
    """
    return await signing_in.begin(act, request.app.state.identity, application_id, asked)


@page_router.get(
    CALLBACK,
    summary="The end of a sign-in",
    response_class=HTMLResponse,
    responses={
        200: {"description": "The authorization code, or that the account is authorized."},
        400: {"description": "What went wrong, and what to do.", "content": {"text/html": {}}},
    },
)
async def returned(request: Request) -> HTMLResponse:
    """The page that identity providers send browsers back to: the redirect URI to register. Needs no token; takes
    `code`, `state`, `error` and `error_description`.
    """
    query = request.query_params
    came_back = Returned(
        state=query.get("state"),
        code=query.get("code"),
        error=query.get("error"),
        error_description=query.get("error_description"),
    )
    tools: Tools = request.app.state.token_tools
    return callback_page.rendered(await callback.answered(tools, came_back))
