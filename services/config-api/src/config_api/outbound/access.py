"""How a message gets out: by its alias's server, or by the default SMTP settings when that is deleted (R114)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from config_api.accounts import mail_access, renewing, tokens
from config_api.accounts.tables import AccountRow
from config_api.aliases import draft
from config_api.aliases.tables import AliasRow
from config_api.instances.mailbox_access import Accounts
from config_api.oauth_applications.tables import ApplicationRow
from config_api.sealing import Vault
from ece_common.contracts.aliases import OutgoingType, TlsOptions, UseSmtp
from ece_common.contracts.instances import OutgoingAccess
from ece_common.contracts.settings import PartitionSettings
from ece_common.errors import Transient

_ALIAS_ROUTE = re.compile(r"alias-(\d{1,18})-[0-9a-f]+\Z")
_IMPLICIT_TLS = 465
NO_TOKEN = "access_token_missing"  # noqa: S105 - a code of a problem
_NO_DEFAULT_SERVER = (
    "there is no default SMTP server to send it by: set `default_smtp_server` and the other default SMTP settings, "
    "then retry the delivery"
)


@dataclass(frozen=True, slots=True)
class Route:
    """`key` names the access and changes with it, so that a dispatcher's connections and pauses follow."""

    key: str
    access: OutgoingAccess


@dataclass(frozen=True, slots=True)
class DefaultServer:
    """The six default SMTP settings, with the password in clear."""

    settings: PartitionSettings
    password: str | None


def no_default_server(alias_id: int | None) -> str:
    """Why mail of a deleted alias, or the system's own, cannot go out."""
    whose = "this is the system's own mail" if alias_id is None else "the alias was deleted"
    return f"{whose} and {_NO_DEFAULT_SERVER}"


def key_of(vault: Vault, alias: AliasRow, accounts: Accounts) -> str:
    if alias.account_id is not None:
        return f"alias-{alias.id}-{_digest(vault, _account_parts(alias, *accounts[alias.account_id]))}"
    parts = (
        alias.outgoing_server_type, alias.outgoing_server_name, alias.outgoing_port, alias.outgoing_use_ssl,
        alias.outgoing_use_smtp, alias.outgoing_user_name, alias.outgoing_password,
        sorted(alias.outgoing_tls.items()),
    )  # fmt: skip
    return f"alias-{alias.id}-{_digest(vault, parts)}"


def _account_parts(alias: AliasRow, account: AccountRow, application: ApplicationRow) -> tuple[object, ...]:
    """Without the token, which changes by the hour; with the grant, whose renewal ends a pause."""
    servers = mail_access.of_account(account, application)
    return ("account", account.id, account.authorization_changed_at, alias.email_address, servers.outgoing)


def _by_account(vault: Vault, alias: AliasRow, account: AccountRow, application: ApplicationRow) -> OutgoingAccess:
    """Raise `Conflict` while the account gives no token, `Transient` when its token has run out."""
    renewing.refuse_unusable(account)
    held = tokens.held(account, vault)
    if held is None:
        raise Transient("the account's token is not there yet", code=NO_TOKEN)
    servers = mail_access.of_account(account, application)
    return OutgoingAccess(
        server_type="ESMTP",
        server_name=servers.outgoing.host,
        port=servers.outgoing.port,
        use_ssl=servers.outgoing.use_ssl,
        use_smtp="never",
        user_name=alias.email_address,
        access_token=held.access_token,
        access_token_expires_at=held.expires_at,
        alias_id=alias.id,
        tls=TlsOptions.model_validate(alias.outgoing_tls),
    )


def of_alias(vault: Vault, alias: AliasRow, accounts: Accounts) -> Route:
    """Raise `CannotOpen` when no master key opens the password; `Conflict` or `Transient` when its account gives no
    token.
    """
    if alias.account_id is not None:
        by_account = _by_account(vault, alias, *accounts[alias.account_id])
        return Route(key_of(vault, alias, accounts), by_account)
    kind: OutgoingType = alias.outgoing_server_type  # pyright: ignore[reportAssignmentType] - checked when set
    use_smtp: UseSmtp = alias.outgoing_use_smtp or "never"  # pyright: ignore[reportAssignmentType] - likewise
    password = alias.outgoing_password
    access = OutgoingAccess(
        server_type=kind,
        server_name=alias.outgoing_server_name,
        port=draft.of_row(alias).port("outgoing"),
        use_ssl=alias.outgoing_use_ssl,
        use_smtp=use_smtp,
        user_name=alias.outgoing_user_name,
        password=vault.open(password) if password is not None else None,
        tls=TlsOptions.model_validate(alias.outgoing_tls),
    )
    return Route(key_of(vault, alias, accounts), access)


def of_default(vault: Vault, default: DefaultServer) -> Route | None:
    """For deleted aliases; None when no server is set."""
    settings = default.settings
    if settings.default_smtp_server is None:
        return None
    access = OutgoingAccess(
        server_type=settings.default_smtp_protocol,
        server_name=settings.default_smtp_server,
        port=settings.default_smtp_port,
        use_ssl=settings.default_smtp_port == _IMPLICIT_TLS,
        use_smtp=settings.smtp_flag,
        user_name=settings.default_smtp_user_name,
        password=default.password,
    )
    return Route(f"default-{_digest(vault, tuple(access.model_dump().items()))}", access)


def aliases_among(routes: Iterable[str]) -> list[int]:
    """Ids of the aliases that these routes belong, or belonged, to."""
    return [int(found[1]) for route in routes if (found := _ALIAS_ROUTE.match(route)) is not None]


def _digest(vault: Vault, parts: tuple[object, ...]) -> str:
    # Keyed: the name of a route stands in logs and must not tell a guessed password right from wrong.
    return vault.fingerprint("route", repr(parts).encode()).hex()[:16]
