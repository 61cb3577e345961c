"""REST: OAuth applications."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from config_api import preconditions
from config_api.access.callers import Administrator
from config_api.acting import AsAdministrator
from config_api.database import Session, Sessions
from config_api.oauth_applications import redirecting, registration, repository, upkeep, verifying, view
from config_api.oauth_applications.expiry import expiry_of
from config_api.paging import Cursor, Limit, page, position
from config_api.preconditions import IfMatch
from config_api.problems import responses
from ece_common.contracts.base import Line, Page
from ece_common.contracts.oauth_applications import (
    NewOauthApplication,
    OauthApplication,
    OauthApplicationChange,
    Verification,
)

router = APIRouter(tags=["OAuth applications"])
ApplicationId = Annotated[int, Path(ge=1, lt=2**63)]
_ONE = "/oauth-applications/{application_id}"


@router.post(
    "/oauth-applications", status_code=201, summary="Register an OAuth application", responses=responses(409)
)
async def create(
    new: NewOauthApplication, act: AsAdministrator, request: Request, response: Response
) -> OauthApplication:
    """What Azure's app registration, or another provider's, gave: ids and a secret or certificate. For the whole
    partition.
    """
    row = await upkeep.create(act, new, request.app.state.identity.http)
    preconditions.stamp(response, row.version)
    return view.shown(row)


@router.get("/oauth-applications", summary="List OAuth applications", responses=responses())
async def listing(
    session: Session,
    _caller: Administrator,
    limit: Limit = 100,
    cursor: Cursor = None,
    name: Annotated[Line | None, Query()] = None,
) -> Page[OauthApplication]:
    """In the order in which they were made; `name` finds one by its exact name."""
    rows = await repository.after(session, position(cursor), limit + 1, name)
    return page(rows, limit, lambda row: row.id or 0, view.shown)


@router.get(_ONE, summary="Read an OAuth application", responses=responses(404))
async def read(
    application_id: ApplicationId, session: Session, _caller: Administrator, response: Response
) -> OauthApplication:
    """Without its secret; with its `ETag`."""
    row = await repository.get(session, application_id)
    preconditions.stamp(response, row.version)
    return view.shown(row)


@router.patch(_ONE, summary="Change an OAuth application", responses=responses(404, 409, 412))
async def change(
    application_id: ApplicationId,
    wanted: OauthApplicationChange,
    act: AsAdministrator,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> OauthApplication:
    """A merge patch (RFC 7396). After another provider, endpoint, tenant, issuer or client its accounts have to be
    authorized again: their grants are never sent to a new place.
    """
    row = await upkeep.change(act, application_id, wanted, if_match, request.app.state.identity.http)
    preconditions.stamp(response, row.version)
    return view.shown(row)


@router.delete(_ONE, status_code=204, summary="Delete an OAuth application", responses=responses(404, 409, 412))
async def delete(application_id: ApplicationId, act: AsAdministrator, if_match: IfMatch = None) -> None:
    """Refused with 409 and the list of accounts while accounts use it."""
    await upkeep.delete(act, application_id, if_match)


@router.post(f"{_ONE}/verify", summary="Verify an OAuth application", responses=responses(404))
async def verify(application_id: ApplicationId, _caller: Administrator, request: Request) -> Verification:
    """Name, address, description and credential, tried one after the other against the provider, each with its
    outcome and what to do. Changes nothing.
    """
    state = request.app.state
    sessions: Sessions = state.sessions
    # The provider is asked without holding a database connection.
    async with sessions() as session:
        row = await repository.get(session, application_id)
        redirect_uri = await redirecting.uri_or_none(session)
    who = registration.opened(row, state.vault)
    return await verifying.verify(
        state.identity, who, redirect_uri=redirect_uri, expires_at=expiry_of(row), now=state.clock()
    )
