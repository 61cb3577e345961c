"""An OAuth application as it would be after a request, and what is wrong with it: pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from config_api.oauth_applications import credentials
from config_api.oauth_applications.providers import CUSTOM, Provider, provider_of
from config_api.oauth_applications.tables import ApplicationRow
from ece_common.contracts.oauth_applications import CertificateCredential, NewOauthApplication, OauthApplicationChange
from ece_common.contracts.problem import FieldProblem
from ece_common.egress import EgressRefused

_MANY_TENANTS = frozenset({"common", "organizations", "consumers"})
_REQUIRED = ("name", "provider", "client_id")
_DEFAULTS: dict[str, Any] = {"description": "", "servers": {}, "application_scopes": []}
_CUSTOM_ONLY = ("issuer", "servers", "application_scopes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an administrator configures, under the names of the columns. No secret in it."""

    name: str
    description: str
    provider: str
    endpoint: str | None
    tenant_id: str | None
    issuer: str | None
    client_id: str
    client_secret_expires_at: datetime | None
    servers: dict[str, Any]
    application_scopes: list[str]

    @property
    def reached(self) -> Provider:
        return provider_of(
            provider=self.provider, endpoint=self.endpoint, tenant_id=self.tenant_id, issuer=self.issuer,
            servers=self.servers, application_scopes=self.application_scopes,
        )  # fmt: skip

    def identity(self) -> tuple[Any, ...]:
        """Where our secret and the accounts' grants are sent, and as whom."""
        return (self.provider, self.endpoint, self.tenant_id, self.issuer, self.client_id)

    def mailboxes(self) -> dict[str, str]:
        """The servers that mail is retrieved from. Names of hosts have no case."""
        servers = self.reached.servers
        found = {"imap": servers.imap, "pop3": servers.pop3}
        return {name: one.host.casefold() for name, one in found.items() if one is not None}

    def places(self) -> dict[str, tuple[Any, ...]]:
        """Where access tokens are sent."""
        return {name: (one["host"].casefold(), one["port"], one["use_ssl"]) for name, one in self.servers.items()}


COLUMNS = tuple(field.name for field in fields(Draft))


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request brings: at most one of the two."""

    secret: str | None = None
    certificate: CertificateCredential | None = None

    @property
    def given(self) -> bool:
        return self.secret is not None or self.certificate is not None


def of_row(row: ApplicationRow) -> Draft:
    return Draft(**{name: getattr(row, name) for name in COLUMNS})


def of_new(new: NewOauthApplication) -> Draft:
    return _tidied(Draft(**_values(new.model_dump(mode="python"))))


def patched(before: Draft, change: OauthApplicationChange) -> tuple[Draft, list[FieldProblem]]:
    """The application after the merge patch, and what cannot be cleared."""
    values = change.model_dump(mode="python", exclude_unset=True)
    uncleared = [name for name in _REQUIRED if name in values and values[name] is None]
    if uncleared:
        return before, [FieldProblem(field=name, problem="is required and cannot be cleared") for name in uncleared]
    if change.servers is not None:
        # As a whole: what is left out of a server has its default.
        values["servers"] = change.servers.model_dump()
    return _tidied(replace(before, **_values(values))), []


def _values(given: dict[str, Any]) -> dict[str, Any]:
    return {name: _DEFAULTS.get(name) if value is None else value for name, value in given.items() if name in COLUMNS}


def _tidied(draft: Draft) -> Draft:
    if draft.provider == CUSTOM:
        return replace(draft, servers={name: one for name, one in draft.servers.items() if one is not None})
    return replace(draft, endpoint=draft.endpoint or "worldwide")


def credential_of(request: NewOauthApplication | OauthApplicationChange) -> Credential:
    secret = request.client_secret
    return Credential(secret.get_secret_value() if secret is not None else None, request.certificate)


def problems_of(draft: Draft) -> list[FieldProblem]:
    found = _custom(draft) if draft.provider == CUSTOM else _microsoft(draft)
    return [FieldProblem(field=field, problem=problem) for field, problem in found]


def _custom(draft: Draft) -> Iterator[tuple[str, str]]:
    if draft.endpoint is not None:
        yield "endpoint", "is only for Microsoft Office 365; leave it out with a custom provider"
    if draft.issuer is None:
        yield "issuer", "is required with a custom provider: the https address whose OpenID configuration names it"
    if not any(name in draft.servers for name in ("imap", "pop3")):
        yield "servers", "needs imap or pop3: where this provider's mailboxes are"
    if "smtp" not in draft.servers:
        yield "servers.smtp", "is required: the server that sends for this provider's mailboxes"


def _microsoft(draft: Draft) -> Iterator[tuple[str, str]]:
    if draft.tenant_id is None:
        yield "tenant_id", "is required: the directory (tenant) id of the registration"
    elif draft.tenant_id.casefold() in _MANY_TENANTS:
        yield "tenant_id", "must be one directory: the application is registered as single tenant"
    for name in _CUSTOM_ONLY:
        if getattr(draft, name):
            yield name, "is only for a custom provider; Microsoft's are known by the endpoint"


def refused_problems(draft: Draft, may_ask: Callable[[str], bool]) -> list[FieldProblem]:
    """An issuer whose address the configuration does not let us connect to."""
    try:
        if draft.issuer is None or may_ask(draft.issuer):
            return []
    except EgressRefused as problem:
        return [FieldProblem(field="issuer", problem=problem.detail)]
    told = (
        "is in a network that the configuration does not allow: an operator has to add its address to "
        "ECE_EGRESS_ALLOW, with 0.0.0.0/0 and ::/0 beside it where everything else stays allowed, or take it out of "
        "ECE_EGRESS_DENY"
    )
    return [FieldProblem(field="issuer", problem=told)]


def credential_problems(before: Draft | None, after: Draft, given: Credential) -> list[FieldProblem]:
    """`before` is null for a new application."""
    if given.secret is not None and given.certificate is not None:
        return [FieldProblem(field="certificate", problem="cannot be given together with client_secret; choose one")]
    if given.certificate is not None:
        return credentials.problems_of(given.certificate)
    if given.secret is None and before is None:
        return [FieldProblem(field="client_secret", problem="is required, or a certificate instead")]
    moved = before is not None and (before.identity(), before.places()) != (after.identity(), after.places())
    if not given.given and moved:
        told = "is needed again because provider, tenant, issuer, client or servers change: a stored one is never "
        return [FieldProblem(field="client_secret", problem=f"{told}sent to a new place")]
    return []
