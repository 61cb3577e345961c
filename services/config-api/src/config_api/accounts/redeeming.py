"""A code becomes tokens: with the verifier of its own sign-in, or, pasted from elsewhere, with those still open."""

import json
from collections.abc import AsyncIterator
from typing import Any

from config_api.accounts import mail_access, repository
from config_api.accounts.tables import AccountRow, AuthorizationRequestRow
from config_api.acting import Act
from config_api.oauth_applications import redirecting, registration
from config_api.oauth_applications import repository as applications
from config_api.oauth_applications.identity import Grant, IdentityProvider
from config_api.oauth_applications.refusals import Refused
from config_api.oauth_applications.tables import ApplicationRow
from ece_common.errors import Invalid

CODE = "authorization_code"
PURPOSE = "authorization code"
TRIED = 3
"""So many sign-ins that nobody came back from are tried with a code of unknown origin."""


async def redeem(act: Act, identity: IdentityProvider, account: AccountRow, code: str) -> Grant:
    """Raise `Invalid` that names the code, with the provider's reason. The caller has locked the account's tokens."""
    application = await applications.get(act.session, account.oauth_application_id)
    request = await repository.request_by_code(act.session, act.vault.fingerprint(PURPOSE, code.encode()))
    try:
        if request is not None:
            return await _own(act, identity, account, application, request, code=code)
        return await _foreign(act, identity, account, application, code)
    except Refused as problem:
        raise Invalid.field(CODE, problem.refusal.detail) from None


async def _own(
    act: Act, identity: IdentityProvider, account: AccountRow, application: ApplicationRow,
    request: AuthorizationRequestRow, *, code: str,
) -> Grant:  # fmt: skip
    if request.oauth_application_id != application.id:
        raise Invalid.field(
            CODE, f"was made for OAuth application {request.oauth_application_id}, not for {application.id}: sign in "
            "again from the application of this account",
        )  # fmt: skip
    if request.redeemed_at is not None:
        raise Invalid.field(CODE, "was used already, and a code works once: sign in again for a new one")
    who = registration.opened(application, act.vault)
    flow: dict[str, Any] = json.loads(act.vault.open(request.flow))
    grant = await identity.redeem(who, mail_access.scopes(application, account.server_type), code, flow)
    assert request.id is not None
    await repository.settle_request(act.session, request.id, act.now)
    return grant


async def _foreign(
    act: Act, identity: IdentityProvider, account: AccountRow, application: ApplicationRow, code: str
) -> Grant:
    """As the answer to a sign-in that is still open here; then as asked for without us."""
    who = registration.opened(application, act.vault)
    scopes = mail_access.scopes(application, account.server_type)
    first: Refused | None = None
    async for flow in _flows(act, account, application):
        try:
            if "state" in flow:
                return await identity.redeem(who, scopes, code, flow)
            return await identity.redeem_foreign(who, scopes, code, flow["redirect_uri"])
        except Refused as problem:
            if problem.refusal.meaning != "grant_lost":
                raise
            first = first or problem
    assert first is not None
    raise first


async def _flows(act: Act, account: AccountRow, application: ApplicationRow) -> AsyncIterator[dict[str, Any]]:
    assert application.id is not None
    for request in await repository.open_requests(act.session, application.id, account.id, act.now, TRIED):
        yield json.loads(act.vault.open(request.flow))
    yield {"redirect_uri": await redirecting.uri(act.session)}
