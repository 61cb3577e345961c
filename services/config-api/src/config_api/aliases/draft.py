"""An alias as it would be after a request: one flat value, made from a new alias or from a row and a merge patch."""

from dataclasses import dataclass, fields, replace
from typing import Any

from pydantic import BaseModel, SecretStr

from config_api.aliases.tables import AliasRow
from ece_common.contracts.aliases import AliasChange, NewAlias, TlsOptions
from ece_common.contracts.base import SERVER_PORTS
from ece_common.contracts.problem import FieldProblem

_SECTIONS = ("incoming", "outgoing")
_SECRETS = {"password", "verify_password"}
_REQUIRED = {
    "name",
    "email_address",
    "incoming_server_name",
    "incoming_user_name",
    "outgoing_server_name",
}
_DEFAULTS: dict[str, Any] = {
    "description": "",
    "default_alias": False,
    "redirection_email_addresses": [],
    "incoming_server_type": "POP3",
    "incoming_use_ssl": True,
    "incoming_folder": "inbox",
    "incoming_tls": TlsOptions().model_dump(),
    "outgoing_server_type": "SMTP",
    "outgoing_use_ssl": False,
    "outgoing_tls": TlsOptions().model_dump(),
    "after_retrieval": "delete",
}
"""What null restores (RFC 7396); a field in neither table becomes null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an administrator configures, under the names of the columns. No secret in it."""

    name: str
    description: str
    email_address: str
    automatic_bcc: str | None
    send_mail_to: str | None
    default_alias: bool
    redirection_email_addresses: list[str]
    incoming_server_type: str
    incoming_server_name: str
    incoming_user_name: str
    incoming_use_ssl: bool
    incoming_port: int | None
    incoming_folder: str
    incoming_tls: dict[str, Any]
    outgoing_server_type: str
    outgoing_use_smtp: str | None
    outgoing_server_name: str
    outgoing_use_ssl: bool
    outgoing_port: int | None
    outgoing_user_name: str | None
    outgoing_tls: dict[str, Any]
    after_retrieval: str
    move_to: str | None

    def port(self, section: str) -> int:
        """A port that was never set explicitly follows server type and SSL (R82, R99)."""
        own: int | None = getattr(self, f"{section}_port")
        kind = (getattr(self, f"{section}_server_type"), getattr(self, f"{section}_use_ssl"))
        return own if own is not None else SERVER_PORTS[kind]

    def place(self, section: str) -> tuple[Any, ...]:
        """Where the section's password is sent, and over what."""
        return (
            getattr(self, f"{section}_server_name").casefold(),
            self.port(section),
            getattr(self, f"{section}_use_ssl"),
            getattr(self, f"{section}_tls"),
        )


COLUMNS = tuple(field.name for field in fields(Draft))


@dataclass(frozen=True, slots=True)
class Secrets:
    """The passwords a request brings."""

    incoming: str | None = None
    incoming_verify: str | None = None
    outgoing: str | None = None
    outgoing_verify: str | None = None


def dotted(column: str) -> str:
    """The name of a field as callers know it."""
    for section in _SECTIONS:
        if column.startswith(f"{section}_"):
            return f"{section}.{column.removeprefix(f'{section}_')}"
    return column


def of_row(row: AliasRow) -> Draft:
    return Draft(**{name: getattr(row, name) for name in COLUMNS})


def of_new(new: NewAlias) -> Draft:
    return _tidied(Draft(**_flat(new, unset_too=True)))


def patched(before: Draft, change: AliasChange) -> tuple[Draft, list[FieldProblem]]:
    """The alias after the merge patch, and what cannot be cleared."""
    values = _flat(change, unset_too=False)
    problems = [
        FieldProblem(field=dotted(name), problem="is required and cannot be cleared")
        for name in sorted(_REQUIRED & values.keys())
        if values[name] is None
    ] + [
        FieldProblem(field=section, problem="is required and cannot be cleared")
        for section in _SECTIONS
        if section in change.model_fields_set and getattr(change, section) is None
    ]
    if problems:
        return before, problems
    for name in ("incoming_tls", "outgoing_tls"):
        if values.get(name) is not None:
            values[name] = {**getattr(before, name), **values[name]}
    values = {name: _DEFAULTS.get(name) if value is None else value for name, value in values.items()}
    after = replace(before, **values)
    if after.after_retrieval != "move" and "move_to" not in values:
        after = replace(after, move_to=None)
    if after.outgoing_server_type == "SMTP":
        # What only ESMTP has goes with it; sent along with SMTP it stays, to be refused by name.
        dropped = {name for name in ("outgoing_use_smtp", "outgoing_user_name") if name not in values}
        after = replace(after, **dict.fromkeys(dropped))
    return _tidied(after), []


def secrets_of(request: NewAlias | AliasChange) -> Secrets:
    def of(section: str, name: str) -> str | None:
        part = getattr(request, section)
        secret: SecretStr | None = getattr(part, name) if part is not None else None
        return secret.get_secret_value() if secret is not None else None

    return Secrets(
        incoming=of("incoming", "password"),
        incoming_verify=of("incoming", "verify_password"),
        outgoing=of("outgoing", "password"),
        outgoing_verify=of("outgoing", "verify_password"),
    )


def _flat(request: BaseModel, *, unset_too: bool) -> dict[str, Any]:
    whole = request.model_dump(exclude_unset=not unset_too)
    flat: dict[str, Any] = {name: value for name, value in whole.items() if name in COLUMNS}
    for section in _SECTIONS:
        for name, value in (whole.get(section) or {}).items():
            if name not in _SECRETS:
                flat[f"{section}_{name}"] = value
    return flat


def _tidied(draft: Draft) -> Draft:
    """One spelling for what is the same: IMAP's INBOX has no case (RFC 3501 5.1), an address is listed once."""
    folder = "inbox" if draft.incoming_folder.casefold() == "inbox" else draft.incoming_folder
    known = {address.casefold(): address for address in reversed(draft.redirection_email_addresses)}
    redirections = list(reversed(known.values()))
    use_smtp = draft.outgoing_use_smtp
    if draft.outgoing_server_type == "ESMTP" and use_smtp is None:
        use_smtp = "never"
    return replace(
        draft, incoming_folder=folder, redirection_email_addresses=redirections, outgoing_use_smtp=use_smtp
    )
