"""REST: the sign-in of an account's owner, and the page where the provider sends the browser back to."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import parse_qsl

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
_FIELDS = 50
_ENDS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The authorization code, or that the account is authorized."},
    400: {"description": "What went wrong, and what to do.", "content": {"text/html": {}}},
    503: {"description": "What does not answer now, and what to do.", "content": {"text/html": {}}},
}


@router.post(
    "/oauth-applications/{application_id}/authorization-requests",
    status_code=201,
    summary="Begin a sign-in",
    responses=responses(404, 409),
)
async def begin_sign_in(
    application_id: ApplicationId, asked: NewAuthorizationRequest, act: AsAdministrator, request: Request
) -> AuthorizationRequest:
    """Open `authorization_url` in a browser and sign in as the mailbox's owner. The callback page then shows the code
    to paste into an account, or authorizes the account that is named here. 409
    `web_server_url_not_set`: set that partition setting first.
    """
    return await signing_in.begin(act, request.app.state.identity, application_id, asked)


@page_router.get(
    CALLBACK,
    summary="The end of a sign-in",
    response_class=HTMLResponse,
    responses=_ENDS,
)
async def returned(request: Request) -> HTMLResponse:
    """The page that identity providers send browsers back to: the redirect URI to register. Needs no token; takes
    `code`, `state`, `error`, `error_description` and `iss` (RFC 9207).
    """
    return await _page(request, request.query_params)


@page_router.post(
    CALLBACK,
    summary="The end of a sign-in, posted",
    response_class=HTMLResponse,
    responses=_ENDS,
    openapi_extra={
        "requestBody": {
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {"type": "object"},
                    "example": {"code": "what the provider gave", "state": "what the sign-in began with"},
                }
            },
            "required": True,
        }
    },
)
async def posted(request: Request) -> HTMLResponse:
    """The same for a provider that answers with `response_mode=form_post`: the parameters come as a form."""
    body = (await request.body()).decode("utf-8", "replace")
    try:
        form = dict(parse_qsl(body, max_num_fields=_FIELDS))
    except ValueError:
        form = {}
    return await _page(request, form)


async def _page(request: Request, given: Mapping[str, str]) -> HTMLResponse:
    came_back = Returned(**{field.name: given.get(field.name) for field in fields(Returned)})
    tools: Tools = request.app.state.token_tools
    return callback_page.rendered(await callback.answered(tools, came_back))
