"""Which servers an account's aliases use, and with which scopes: what the application's provider has for them."""

from dataclasses import dataclass
from typing import Literal

from config_api.accounts.tables import AccountRow
from config_api.oauth_applications import draft
from config_api.oauth_applications.providers import Protocol, Provider
from config_api.oauth_applications.tables import ApplicationRow
from ece_common.contracts.accounts import AccountServerType
from ece_common.contracts.oauth_applications import MailServer
from ece_common.errors import Invalid


@dataclass(frozen=True, slots=True)
class MailAccess:
    incoming_type: Literal["POP3", "IMAP"]
    incoming: MailServer
    outgoing: MailServer


def protocol_of(server_type: str) -> Protocol:
    return "pop3" if server_type == "pop3_and_smtp" else "imap"


def of_provider(provider: Provider, server_type: str) -> MailAccess:
    """Raise `Invalid` when the provider has no such server."""
    protocol = protocol_of(server_type)
    incoming: MailServer | None = getattr(provider.servers, protocol)
    if incoming is None or provider.servers.smtp is None:
        missing = protocol if incoming is None else "smtp"
        raise Invalid.field("server_type", f"the OAuth application names no {missing} server; add it there")
    return MailAccess("POP3" if protocol == "pop3" else "IMAP", incoming, provider.servers.smtp)


def of_account(account: AccountRow, application: ApplicationRow) -> MailAccess:
    return of_provider(draft.of_row(application).reached, account.server_type)


def address(application: ApplicationRow, server_type: str) -> str:
    """R163: follows the application."""
    return draft.of_row(application).reached.address(protocol_of(server_type))


def scopes(application: ApplicationRow, server_type: AccountServerType | str | None) -> list[str]:
    """For a sign-in that no account is known of yet: whatever an account may need."""
    provider = draft.of_row(application).reached
    if server_type is None:
        return provider.scopes("imap", "pop3", "smtp")
    return provider.scopes(protocol_of(server_type), "smtp")
