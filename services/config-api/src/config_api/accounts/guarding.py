"""What accounts keep from being deleted, and what they do when their OAuth application changes."""

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.accounts import authorization, mail_access, repository, tokens
from config_api.accounts.tables import AccountRow
from config_api.acting import Act
from config_api.oauth_applications import draft
from config_api.oauth_applications import repository as applications
from config_api.oauth_applications.tables import ApplicationRow
from config_api.references import Move
from ece_common.contracts.base import Reference
from ece_common.errors import Invalid

SHOWN = 100
"""A list of thousands helps nobody."""


async def of_department(session: AsyncSession, department_id: int) -> list[Reference]:
    found = await repository.names(session, col(AccountRow.department_id) == department_id, SHOWN)
    return [Reference(type="account", id=identity or 0, name=name) for identity, name in found]


async def of_application(session: AsyncSession, application_id: int) -> list[Reference]:
    """R153."""
    found = await repository.names(session, col(AccountRow.oauth_application_id) == application_id, SHOWN)
    return [Reference(type="account", id=identity or 0, name=name) for identity, name in found]


async def application_changed(act: Act, application_id: int, move: Move) -> None:
    """Grants of another tenant, issuer or client are worth nothing, and must not be sent to the new one. Otherwise
    renewals that failed because of the application are tried again at once. Raise `Invalid` when an account would be
    left without what it uses.
    """
    application = await applications.get(act.session, application_id)
    for account in await repository.of_application(act.session, application_id):
        _refuse_missing(account, application)
        if mail_access.protocol_of(account.server_type) in move.protocols:
            await authorization.servers_changed(act, account, application, moved=True)
        if move.grants and account.authorization_state != "not_authorized":
            if account.authentication_flow == "client_credentials":
                tokens.forget(account)
                account.renew_at = account.renewed_at = act.now
            else:
                told = "the OAuth application was changed: sign in again for a new authorization code"
                await authorization.lapse(act, account, authorization.APPLICATION_CHANGED, told, forget=True)
        elif account.tokens is not None or account.authentication_flow == "client_credentials":
            account.renew_at, account.put_off_until = act.now, None
        act.session.add(account)
        await authorization.changed(act, account)


def _refuse_missing(account: AccountRow, application: ApplicationRow) -> None:
    reached = draft.of_row(application).reached
    protocol = mail_access.protocol_of(account.server_type)
    if getattr(reached.servers, protocol) is None:
        used = f"cannot be left out: account {account.account_name!r} retrieves by it"
        raise Invalid.field(f"servers.{protocol}", used)
    if account.authentication_flow == "client_credentials" and not reached.application_scopes:
        used = f"cannot be cleared: account {account.account_name!r} uses the client-credentials flow"
        raise Invalid.field("application_scopes", used)
