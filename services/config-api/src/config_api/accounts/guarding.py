"""What accounts keep from being deleted, and what they do when their OAuth application changes."""

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.accounts import authorization, repository, tokens
from config_api.accounts.tables import AccountRow
from config_api.acting import Act
from ece_common.contracts.base import Reference

SHOWN = 100
"""A list of thousands helps nobody."""


async def of_department(session: AsyncSession, department_id: int) -> list[Reference]:
    found = await repository.names(session, col(AccountRow.department_id) == department_id, SHOWN)
    return [Reference(type="account", id=identity or 0, name=name) for identity, name in found]


async def of_application(session: AsyncSession, application_id: int) -> list[Reference]:
    """R153."""
    found = await repository.names(session, col(AccountRow.oauth_application_id) == application_id, SHOWN)
    return [Reference(type="account", id=identity or 0, name=name) for identity, name in found]


async def application_changed(act: Act, application_id: int, moved: bool) -> None:  # noqa: FBT001 - a hook's signature
    """Grants of another tenant, issuer or client are worth nothing, and must not be sent to the new one. Otherwise
    renewals that failed because of the application are tried again at once.
    """
    for account in await repository.of_application(act.session, application_id):
        if moved and account.authorization_state != "not_authorized":
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
