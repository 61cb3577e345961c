"""Sign-ins: begun by an administrator, ended at the callback page, each good for one return within its time."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from config_api.accounts import mail_access, redeeming, repository
from config_api.accounts.tables import AuthorizationRequestRow
from config_api.acting import Act
from config_api.oauth_applications import redirecting, registration
from config_api.oauth_applications import repository as applications
from config_api.oauth_applications.identity import IdentityProvider
from ece_common.contracts.oauth_applications import AuthorizationRequest, NewAuthorizationRequest
from ece_common.errors import Invalid

OPEN_FOR = timedelta(minutes=15)
_STATE = "authorization state"
LONGEST_CODE = 8192


async def begin(
    act: Act, identity: IdentityProvider, application_id: int, asked: NewAuthorizationRequest
) -> AuthorizationRequest:
    application = await applications.get(act.session, application_id)
    redirect_uri = await redirecting.uri(act.session)
    server_type = await _server_type(act, application_id, asked.account_id)
    who = registration.opened(application, act.vault)
    scopes = mail_access.scopes(application, server_type)
    url, flow = await identity.sign_in(who, scopes, redirect_uri, asked.login_hint)
    kept = {name: flow[name] for name in ("state", "redirect_uri", "scope", "code_verifier", "nonce")}
    row = AuthorizationRequestRow(
        oauth_application_id=application_id,
        account_id=asked.account_id,
        state_hash=act.vault.fingerprint(_STATE, flow["state"].encode()),
        flow=act.vault.seal(json.dumps(kept)),
        asked_by=act.caller.name,
        created_at=act.now,
        expires_at=act.now + OPEN_FOR,
    )
    act.session.add(row)
    act.audit(
        "oauth_application.sign_in_begun", f"oauth_application/{application_id}", {"account_id": asked.account_id}
    )
    return AuthorizationRequest(authorization_url=url, redirect_uri=redirect_uri, expires_at=row.expires_at)


async def _server_type(act: Act, application_id: int, account_id: int | None) -> str | None:
    if account_id is None:
        return None
    account = await repository.maybe(act.session, account_id)
    ours = account is not None and act.caller.reach.covers(account.department_id)
    if account is None or not ours or account.oauth_application_id != application_id:
        raise Invalid.field("account_id", f"there is no account {account_id} with this OAuth application")
    if account.authentication_flow != "authorization_code":
        raise Invalid.field("account_id", "this account uses the client-credentials flow: nobody signs in for it")
    return account.server_type


@dataclass(frozen=True, slots=True)
class Returned:
    """With what a browser came back."""

    state: str | None = None
    code: str | None = field(default=None, repr=False)
    error: str | None = None
    error_description: str | None = None
    iss: str | None = None


Ending = Literal["code", "denied", "refused", "expired", "replayed", "unknown", "incomplete", "foreign"]


@dataclass(frozen=True, slots=True)
class Ended:
    ending: Ending
    account_id: int | None = None
    asked_by: str = ""


async def end(act: Act, returned: Returned) -> Ended:
    """Marks the sign-in as returned from; only the hash of its code is kept."""
    hashed = act.vault.fingerprint(_STATE, (returned.state or "").encode("utf-8", "replace"))
    row = await repository.request_by_state(act.session, hashed)
    if row is None:
        return Ended("unknown")
    if row.returned_at is not None:
        return Ended("replayed")
    row.returned_at = act.now
    act.session.add(row)
    application = await applications.get(act.session, row.oauth_application_id)
    return _ending(act, row, returned, application.issuer)


def _ending(act: Act, row: AuthorizationRequestRow, returned: Returned, issuer: str | None) -> Ended:
    if row.expires_at <= act.now:
        return Ended("expired")
    if issuer is not None and returned.iss is not None and returned.iss.rstrip("/") != issuer.rstrip("/"):
        # RFC 9207: a code of another provider would be handed to this one.
        return Ended("foreign")
    if returned.error:
        return Ended("denied" if returned.error in ("access_denied", "consent_required") else "refused")
    if not returned.code or len(returned.code) > LONGEST_CODE:
        return Ended("incomplete")
    row.code_hash = act.vault.fingerprint(redeeming.PURPOSE, returned.code.encode("utf-8", "replace"))
    return Ended("code", row.account_id, row.asked_by)
