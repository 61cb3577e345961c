"""How a worker gets into an alias's mailbox: by the alias's own password, or by its account's token."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.accounts import mail_access, tokens
from config_api.accounts import repository as accounts
from config_api.accounts.tables import AccountRow
from config_api.aliases import draft
from config_api.aliases.tables import AliasRow
from config_api.oauth_applications.tables import ApplicationRow
from config_api.sealing import Vault
from ece_common.contracts.aliases import TlsOptions
from ece_common.contracts.instances import IncomingAccess

Accounts = Mapping[int, tuple[AccountRow, ApplicationRow]]


async def accounts_of(session: AsyncSession, aliases: Iterable[AliasRow]) -> Accounts:
    wanted = {alias.account_id for alias in aliases if alias.account_id is not None}
    return await accounts.with_applications(session, sorted(wanted))


def incoming(alias: AliasRow, found: Accounts, vault: Vault) -> IncomingAccess:
    if alias.account_id is not None:
        return _by_account(alias, *found[alias.account_id], vault)
    configured = draft.of_row(alias)
    return IncomingAccess(
        server_type=alias.incoming_server_type,  # pyright: ignore[reportArgumentType]
        server_name=alias.incoming_server_name,
        port=configured.port("incoming"),
        use_ssl=alias.incoming_use_ssl,
        user_name=alias.incoming_user_name,
        password=vault.open(alias.incoming_password) if alias.incoming_password is not None else "",
        folder=alias.incoming_folder,
        tls=TlsOptions(**alias.incoming_tls),
    )


def _by_account(alias: AliasRow, account: AccountRow, application: ApplicationRow, vault: Vault) -> IncomingAccess:
    """Of a shared mailbox too: the signed-in user's token, with the shared mailbox's address as the user."""
    servers = mail_access.of_account(account, application)
    held = tokens.held(account, vault) if works(account) else None
    return IncomingAccess(
        server_type=servers.incoming_type,
        server_name=servers.incoming.host,
        port=servers.incoming.port,
        use_ssl=servers.incoming.use_ssl,
        user_name=alias.email_address,
        password="",
        access_token=held.access_token if held is not None else None,
        access_token_expires_at=held.expires_at if held is not None else None,
        account_id=account.id,
        folder=alias.incoming_folder,
        tls=TlsOptions(**alias.incoming_tls),
    )


def works(account: AccountRow) -> bool:
    """An account that an administrator set inactive, or that nobody let in, does nothing for its aliases."""
    return account.status == "active" and account.authorization_state == "authorized"


@dataclass(frozen=True, slots=True)
class Standing:
    """The status a retriever goes by."""

    status: str
    recoverable: bool


def standing(alias: AliasRow, found: Accounts) -> Standing:
    """An alias whose account does not work is kept, and not retrieved; its own status stays what it was."""
    if alias.account_id is not None and not works(found[alias.account_id][0]):
        return Standing("inactive", recoverable=False)
    return Standing(alias.status, alias.recoverable)
