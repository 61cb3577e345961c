"""Providers and their endpoints: one table of authorities, mail servers and scopes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ece_common.contracts.oauth_applications import MailServer, MailServers

Protocol = Literal["imap", "pop3", "smtp"]
CUSTOM = "custom"
MICROSOFT = "microsoft_office_365"


@dataclass(frozen=True, slots=True)
class Cloud:
    """One endpoint of Microsoft Office 365. `resource` is what delegated scopes begin with."""

    authority: str
    address: str
    """What an account shows as its Address (R163)."""
    smtp: str
    resource: str
    application_scope: str

    @property
    def servers(self) -> MailServers:
        return MailServers(
            imap=MailServer(host=self.address, port=993, scopes=[f"{self.resource}/IMAP.AccessAsUser.All"]),
            pop3=MailServer(host=self.address, port=995, scopes=[f"{self.resource}/POP.AccessAsUser.All"]),
            smtp=MailServer(host=self.smtp, port=587, scopes=[f"{self.resource}/SMTP.Send"]),
        )


MICROSOFT_CLOUDS: Mapping[str, Cloud] = {
    "worldwide": Cloud(
        authority="https://login.microsoftonline.com",
        address="outlook.office365.com",
        smtp="smtp.office365.com",
        resource="https://outlook.office.com",
        application_scope="https://outlook.office365.com/.default",
    ),
    "gcc_high": Cloud(
        authority="https://login.microsoftonline.us",
        address="outlook.office365.us",
        smtp="outlook.office365.us",
        resource="https://outlook.office365.us",
        application_scope="https://outlook.office365.us/.default",
    ),
    "dod": Cloud(
        authority="https://login.microsoftonline.us",
        address="outlook-dod.office365.us",
        smtp="outlook-dod.office365.us",
        resource="https://outlook.office365.us",
        application_scope="https://outlook.office365.us/.default",
    ),
    "china": Cloud(
        authority="https://login.partner.microsoftonline.cn",
        address="partner.outlook.cn",
        smtp="smtp.partner.outlook.cn",
        resource="https://partner.outlook.cn",
        application_scope="https://partner.outlook.cn/.default",
    ),
}


@dataclass(frozen=True, slots=True)
class Provider:
    """How an application's provider is reached."""

    authority: str
    """Of Microsoft: with the tenant. Of a custom provider: its issuer."""
    issuer: str | None
    """Null: the authority's documents name an issuer of their own."""
    servers: MailServers
    application_scopes: tuple[str, ...]

    def address(self, incoming: Protocol) -> str:
        """What an account's Address shows; empty when the provider has no such server."""
        server: MailServer | None = getattr(self.servers, incoming)
        return server.host if server is not None else ""

    def scopes(self, *protocols: Protocol) -> list[str]:
        found: dict[str, None] = {}
        for protocol in protocols:
            server: MailServer | None = getattr(self.servers, protocol)
            found.update(dict.fromkeys(server.scopes if server is not None else ()))
        return [scope for scope in found if scope not in RESERVED_SCOPES]


RESERVED_SCOPES = frozenset({"openid", "profile", "offline_access"})
"""Always asked for, by msal."""


def provider_of(
    *, provider: str, endpoint: str | None, tenant_id: str | None, issuer: str | None, servers: Mapping[str, Any],
    application_scopes: list[str],
) -> Provider:  # fmt: skip
    if provider == CUSTOM:
        return Provider(
            authority=issuer or "",
            issuer=issuer or "",
            servers=MailServers.model_validate(servers),
            application_scopes=tuple(application_scopes),
        )
    cloud = MICROSOFT_CLOUDS[endpoint or "worldwide"]
    return Provider(f"{cloud.authority}/{tenant_id}", None, cloud.servers, (cloud.application_scope,))
