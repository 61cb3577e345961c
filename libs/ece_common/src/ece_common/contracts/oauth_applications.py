"""OAuth applications: what a provider knows us as, and how its clouds are reached (guide chapter 4, R147 to R154)."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from ece_common.contracts import oauth_examples, oauth_words
from ece_common.contracts.base import Host, Id, Line, Moment, Name, Note, Port, Secret, Sent, Strict
from ece_common.contracts.mistakes import ISSUER, SCOPE, TENANT

Provider = Literal["microsoft_office_365", "custom"]
Endpoint = Literal["worldwide", "gcc_high", "dod", "china"]
TenantId = Annotated[str, StringConstraints(pattern=TENANT)]
"""A directory's GUID or one of its domain names."""
Issuer = Annotated[str, StringConstraints(max_length=500, pattern=ISSUER)]
ClientId = Annotated[Line, Field(min_length=1)]
ClientSecret = Secret
Scope = Annotated[str, StringConstraints(pattern=SCOPE)]
"""A scope-token of RFC 6749 section 3.3."""
Scopes = Annotated[list[Scope], Field(max_length=20)]


class MailServer(Strict, words=oauth_words.SERVERS):
    """A server of the provider, and what a token for it is asked with."""

    host: Host
    port: Port
    use_ssl: bool = Field(
        default=True, description="TLS from the start, or mandatory STARTTLS on ports other than 993, 995, 465."
    )
    scopes: Scopes = Field(default=[], description="`openid`, `profile` and `offline_access` are always asked for.")


class MailServers(Strict, words=oauth_words.SERVERS):
    imap: MailServer | None = None
    pop3: MailServer | None = None
    smtp: MailServer | None = None


class CertificateCredential(Strict):
    """Proves who we are without a shared secret: the certificate is registered with the provider."""

    private_key: Annotated[SecretStr, Field(min_length=1, max_length=20_000)] = Field(
        description="PEM, without a passphrase. Write-only."
    )
    certificate: Annotated[SecretStr, Field(min_length=1, max_length=20_000)] = Field(description="PEM. Write-only.")


class NewOauthApplication(Strict, words=oauth_words.APPLICATION):
    model_config = oauth_examples.NEW_OAUTH_APPLICATION

    name: Name
    description: Note = ""
    provider: Provider = "microsoft_office_365"
    endpoint: Endpoint | None = None
    tenant_id: TenantId | None = None
    client_id: ClientId
    client_secret: ClientSecret | None = None
    client_secret_expires_at: Moment | None = None
    certificate: CertificateCredential | None = None
    issuer: Issuer | None = None
    servers: MailServers | None = None
    application_scopes: Scopes | None = None


class OauthApplicationChange(Strict, words=oauth_words.APPLICATION):
    """RFC 7396 merge patch; `servers` and `certificate` are replaced as a whole. Another tenant, issuer, endpoint,
    client or server needs `client_secret` (or `certificate`) again.
    """

    model_config = oauth_examples.OAUTH_APPLICATION_CHANGE

    name: Name | None = None
    description: Note | None = None
    provider: Provider | None = None
    endpoint: Endpoint | None = None
    tenant_id: TenantId | None = None
    client_id: ClientId | None = None
    client_secret: ClientSecret | None = None
    client_secret_expires_at: Moment | None = None
    certificate: CertificateCredential | None = None
    issuer: Issuer | None = None
    servers: MailServers | None = None
    application_scopes: Scopes | None = None


class ShownCertificate(Sent, words=oauth_words.CERTIFICATE):
    """The certificate in use, as the provider lists it."""

    thumbprint: str
    """SHA-1 in upper-case hex: what Microsoft's portal shows."""
    thumbprint_sha256: str
    subject: str
    expires_at: datetime


class OauthApplication(Sent, words=oauth_words.APPLICATION):
    """As anyone may see it: no secret in it."""

    model_config = oauth_examples.OAUTH_APPLICATION

    id: int
    name: str
    description: str
    provider: Provider
    endpoint: Endpoint | None
    tenant_id: str | None
    issuer: str | None
    client_id: str
    client_secret_set: bool
    client_secret_expires_at: datetime | None
    certificate: ShownCertificate | None
    servers: MailServers
    """Of Microsoft's clouds: those of the endpoint."""
    application_scopes: list[str]
    created_at: datetime
    updated_at: datetime


class VerificationStep(Sent, words=oauth_words.VERIFICATION):
    step: Literal["web_server_url", "addresses", "discovery", "credentials", "expiry"]
    outcome: Literal["ok", "failed", "warning", "skipped"]
    detail: str
    hint: str | None = None


class Verification(Sent, words=oauth_words.VERIFICATION):
    model_config = oauth_examples.VERIFICATION

    ok: bool
    """No step failed."""
    steps: list[VerificationStep]


class NewAuthorizationRequest(Strict):
    model_config = oauth_examples.NEW_AUTHORIZATION_REQUEST

    account_id: Id | None = Field(
        default=None, description="The account that shall be authorized directly, without anybody pasting a code."
    )
    login_hint: Line | None = Field(default=None, description="The user name to fill in on the sign-in page.")


class AuthorizationRequest(Sent, words=oauth_words.APPLICATION):
    model_config = oauth_examples.AUTHORIZATION_REQUEST

    authorization_url: str
    redirect_uri: str
    """What the application has to be registered with, character by character."""
    expires_at: datetime
