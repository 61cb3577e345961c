"""How an account becomes authorized, stays so, and stops: the row, the feed and the audit log in one transaction."""

from datetime import timedelta
from typing import Any

from config_api.accounts import mail_access, tokens
from config_api.accounts.tables import AccountRow
from config_api.acting import Act
from config_api.oauth_applications.identity import Grant
from config_api.oauth_applications.refusals import Refusal
from config_api.oauth_applications.tables import ApplicationRow
from ece_common.contracts.accounts import AuthorizationState

APPLICATION_CHANGED = "application_changed"
APPLICATION_PAUSE = timedelta(minutes=5)


def _set(act: Act, account: AccountRow, state: AuthorizationState, reason: str | None, detail: str | None) -> None:
    if account.authorization_state != state:
        account.authorization_changed_at = act.now
    account.authorization_state = state
    account.authorization_reason, account.authorization_detail = reason, detail
    account.version += 1
    account.updated_at = act.now
    act.session.add(account)


def _tell(act: Act, account: AccountRow, kind: str, data: dict[str, Any]) -> None:
    subject, told = f"account/{account.id}", {"account_name": account.account_name, **data}
    act.event(kind, subject, told, department_id=account.department_id)
    act.audit(kind, subject, told, department_id=account.department_id)


def authorize(act: Act, account: AccountRow, grant: Grant) -> None:
    """By an administrator: whatever was granted before is replaced."""
    tokens.forget(account)
    tokens.put(account, act.vault, grant, act.now)
    account.authorized_user_name = grant.user_name
    _set(act, account, "authorized", None, None)
    account.authorization_changed_at = act.now
    _tell(act, account, "account.authorized", {"authorized_user_name": grant.user_name})


async def renewed(act: Act, account: AccountRow, grant: Grant) -> None:
    """By the system. Told only when it was in trouble before."""
    tokens.put(account, act.vault, grant, act.now)
    act.session.add(account)
    if account.authorization_state != "authorized" or account.authorization_reason is not None:
        _set(act, account, "authorized", None, None)
        _tell(act, account, "account.authorized", {"authorized_user_name": account.authorized_user_name})
        await changed(act, account)


async def lapse(act: Act, account: AccountRow, reason: str, detail: str, *, forget: bool) -> None:
    """Only an administrator helps now: its aliases stop at once, instead of failing three times each."""
    if forget:
        tokens.forget(account)
    account.renew_at = None
    known = account.authorization_state == "invalid" and account.authorization_reason == reason
    _set(act, account, "invalid", reason, detail)
    if known:
        return
    _tell(act, account, "account.invalid", {"reason": reason, "detail": detail, "sign_in_again": forget})
    await act.session.flush()
    assert account.id is not None
    for follow in act.hooks.account_invalid_followers:
        await follow(act, account.id, detail)
    await changed(act, account)


async def refused(act: Act, account: AccountRow, refusal: Refusal) -> None:
    """The provider said no to a renewal."""
    if refusal.meaning == "grant_lost":
        await lapse(act, account, refusal.error, refusal.detail, forget=True)
        return
    expires_at = account.access_token_expires_at
    if expires_at is None or expires_at <= act.now:
        # The grant may be as good as ever: it is kept for the day the application is mended.
        await lapse(act, account, refusal.error, refusal.detail, forget=False)
        return
    first = account.authorization_reason is None
    put_off(act, account, APPLICATION_PAUSE)
    _set(act, account, "authorized", refusal.error, refusal.detail)
    if first:
        data = {"reason": refusal.error, "detail": refusal.detail, "works_until": expires_at.isoformat()}
        _tell(act, account, "account.renewal_refused", data)


def put_off(act: Act, account: AccountRow, pause: timedelta) -> None:
    """It may pass: the state stays as it is."""
    account.put_off_until = act.now + pause
    account.failed_renewals += 1
    act.session.add(account)


def reset(act: Act, account: AccountRow) -> None:
    """Never authorized, as far as the present configuration is concerned."""
    tokens.forget(account)
    account.authorized_user_name = None
    _set(act, account, "not_authorized", None, None)


async def servers_changed(act: Act, account: AccountRow, application: ApplicationRow, *, moved: bool) -> None:
    """With another server (`moved`) its aliases have other mailboxes. Raise `Invalid` when one of them cannot."""
    assert account.id is not None
    incoming = mail_access.of_account(account, application).incoming_type
    for follow in act.hooks.account_server_followers:
        await follow(act.session, account.id, incoming, moved)


async def changed(act: Act, account: AccountRow) -> None:
    """Workers learn of it."""
    assert account.id is not None
    await act.session.flush()
    for follow in act.hooks.account_change_followers:
        await follow(act.session, [account.id])
