"""What may happen to an account: made, changed with its code at hand, deleted when no alias is left in it."""

from typing import Any

from sqlalchemy.exc import IntegrityError

from config_api import merge_patch, preconditions
from config_api.accounts import authorization, mail_access, redeeming, repository
from config_api.accounts.tables import AccountRow
from config_api.acting import Act
from config_api.departments import repository as departments
from config_api.oauth_applications import draft, registration
from config_api.oauth_applications import repository as applications
from config_api.oauth_applications.identity import Grant, IdentityProvider
from config_api.oauth_applications.refusals import Refused
from config_api.oauth_applications.tables import ApplicationRow
from config_api.references import refuse_if_referenced
from ece_common.contracts.accounts import AccountChange, NewAccount
from ece_common.errors import Conflict, Invalid

_PLAIN = ("account_name", "account_description", "status")
_GRANTED_FOR = ("oauth_application_id", "server_type", "authentication_flow")
"""With another one of these, what was granted is worth nothing."""
_FLOW_WITHOUT_CODE = "client_credentials"


async def create(act: Act, identity: IdentityProvider, department_id: int, new: NewAccount) -> int:
    # Not locked: the provider's answer may take its time, and the insert keeps the department from being deleted.
    await departments.get(act.session, department_id)
    account = AccountRow(
        department_id=department_id,
        **{name: getattr(new, name) for name in (*_PLAIN, *_GRANTED_FOR)},
        authorization_changed_at=act.now,
        created_at=act.now,
        updated_at=act.now,
    )
    application = await _application(act, account)
    _judge(account, application, new)
    act.session.add(account)
    await _flush(act)
    assert account.id is not None
    subject = f"account/{account.id}"
    told = {name: getattr(account, name) for name in (*_PLAIN, *_GRANTED_FOR)}
    act.audit("account.created", subject, told, department_id=department_id)
    data = {"account_name": account.account_name, "status": account.status}
    act.event("account.created", subject, data, department_id=department_id)
    # The provider is asked last: a code that is redeemed for nothing is lost.
    await _authorize(act, identity, account, new)
    await act.session.flush()
    return account.id


async def change(
    act: Act, identity: IdentityProvider, account_id: int, wanted: AccountChange, if_match: str | None
) -> None:
    await repository.wait_longer(act.session, 40)
    await repository.lock_tokens(act.session, account_id)
    account = await _locked_with_applications(act, account_id, wanted.oauth_application_id)
    preconditions.require(if_match, account.version)
    before = {name: getattr(account, name) for name in (*_PLAIN, *_GRANTED_FOR)}
    server = mail_access.address(await _application(act, account), account.server_type)
    _apply(account, wanted)
    application = await _application(act, account)
    _judge(account, application, wanted)
    told = {name: [old, getattr(account, name)] for name, old in before.items() if old != getattr(account, name)}
    regranted = bool(told.keys() & set(_GRANTED_FOR))
    if regranted and account.authorization_state == "authorized":
        _refuse_without_code(account, wanted, told)
    if not told and wanted.authorization_code is None:
        return
    merge_patch.touch(account, act.now)
    act.session.add(account)
    await _flush(act)
    _tell(act, account, told)
    if told.keys() & {"oauth_application_id", "server_type"}:
        moved = server.casefold() != mail_access.address(application, account.server_type).casefold()
        await authorization.servers_changed(act, account, application, moved=moved)
    if regranted:
        authorization.reset(act, account)
    if regranted or wanted.authorization_code is not None:
        await _authorize(act, identity, account, wanted)
    await authorization.changed(act, account)


async def delete(act: Act, account_id: int, if_match: str | None) -> None:
    """R200 to R205: refused while aliases are in it. Its tokens go with it."""
    await repository.wait_longer(act.session, 40)
    await repository.lock_tokens(act.session, account_id)
    account = await repository.get(act.session, account_id, lock=True)
    preconditions.require(if_match, account.version)
    guards = act.hooks.account_guards
    await refuse_if_referenced(act.session, guards, account_id, f"account {account.account_name!r}")
    await act.session.delete(account)
    await act.session.flush()
    subject, told = f"account/{account_id}", {"account_name": account.account_name}
    act.audit("account.deleted", subject, told, department_id=account.department_id)
    act.event("account.deleted", subject, told, department_id=account.department_id)


async def complete(act: Act, identity: IdentityProvider, account_id: int, code: str) -> AccountRow:
    """From the callback page, when the sign-in was begun for this account."""
    await repository.wait_longer(act.session, 40)
    await repository.lock_tokens(act.session, account_id)
    account = await repository.get(act.session, account_id, lock=True)
    authorization.authorize(act, account, _lasting(await redeeming.redeem(act, identity, account, code)))
    await authorization.changed(act, account)
    return account


async def _locked_with_applications(act: Act, account_id: int, wanted: int | None) -> AccountRow:
    """Applications before accounts, as a change to an application does."""
    seen = await repository.get(act.session, account_id)
    for application_id in sorted({seen.oauth_application_id, wanted or seen.oauth_application_id}):
        await applications.held(act.session, application_id)
    return await repository.get(act.session, account_id, lock=True)


async def _application(act: Act, account: AccountRow) -> ApplicationRow:
    found = await applications.held(act.session, account.oauth_application_id)
    if found is None:
        raise Invalid.field("oauth_application_id", f"there is no OAuth application {account.oauth_application_id}")
    return found


def _judge(account: AccountRow, application: ApplicationRow, request: NewAccount | AccountChange) -> None:
    mail_access.of_account(account, application)
    address = mail_access.address(application, account.server_type)
    if request.address is not None and request.address.casefold() != address.casefold():
        raise Invalid.field("address", f"is {address!r}, given by the OAuth application; it cannot be edited")
    if account.authentication_flow == _FLOW_WITHOUT_CODE:
        if request.authorization_code is not None:
            raise Invalid.field(redeeming.CODE, "is only for the authorization-code flow; leave it out")
        if not draft.of_row(application).reached.application_scopes:
            raise Invalid.field("authentication_flow", "needs application_scopes, which the OAuth application lacks")


def _apply(account: AccountRow, wanted: AccountChange) -> None:
    for name in (*_PLAIN, *_GRANTED_FOR):
        if name not in wanted.model_fields_set:
            continue
        value = getattr(wanted, name)
        if value is None and name != "account_description":
            raise Invalid.field(name, "is required and cannot be cleared")
        setattr(account, name, value if value is not None else "")


def _refuse_without_code(account: AccountRow, wanted: AccountChange, told: dict[str, Any]) -> None:
    if account.authentication_flow != _FLOW_WITHOUT_CODE and wanted.authorization_code is None:
        changed = ", ".join(sorted(told.keys() & set(_GRANTED_FOR)))
        raise Invalid.field(redeeming.CODE, f"is needed again because {changed} changes: sign in for a new one")


async def _authorize(
    act: Act, identity: IdentityProvider, account: AccountRow, request: NewAccount | AccountChange
) -> None:
    if account.authentication_flow == _FLOW_WITHOUT_CODE:
        authorization.authorize(act, account, await _as_application(act, identity, account))
    elif request.authorization_code is not None:
        code = request.authorization_code.get_secret_value()
        authorization.authorize(act, account, _lasting(await redeeming.redeem(act, identity, account, code)))


async def _as_application(act: Act, identity: IdentityProvider, account: AccountRow) -> Grant:
    application = await applications.get(act.session, account.oauth_application_id)
    try:
        return await identity.as_application(registration.opened(application, act.vault))
    except Refused as problem:
        raise Invalid.field("oauth_application_id", problem.refusal.detail) from None


def _lasting(grant: Grant) -> Grant:
    if grant.refresh_token is None:
        raise Invalid.field(
            redeeming.CODE, "brought no refresh token, so access would end within the hour: allow the application "
            "offline_access and sign in again",
        )  # fmt: skip
    return grant


def _tell(act: Act, account: AccountRow, told: dict[str, Any]) -> None:
    if told:
        subject, whose = f"account/{account.id}", account.department_id
        act.audit("account.changed", subject, told, department_id=whose)
        data = {"account_name": account.account_name, "fields": sorted(told)}
        act.event("account.changed", subject, data, department_id=whose)


async def _flush(act: Act) -> None:
    try:
        await act.session.flush()
    except IntegrityError as problem:
        if "accounts_name" not in str(problem.orig):
            raise
        raise Conflict(
            "account_name: an account of this department is called so already", code="account_name_taken"
        ) from None
