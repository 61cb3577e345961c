"""Everything the environment may change about the Config API."""

from typing import Annotated, Literal

from cryptography.fernet import Fernet
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ece_common.egress import checked_networks
from ece_common.starting import split

Networks = Annotated[list[str], NoDecode, BeforeValidator(split), AfterValidator(checked_networks)]
Port = Annotated[int, Field(ge=0, le=65535)]


def _token(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value().strip()  # a file may end in a line break
    if value and (len(value) < 16 or not (value.isascii() and value.isprintable()) or " " in value):
        raise ValueError(
            "must be at least 16 printable ASCII characters without spaces (deploy/new-secrets makes one)"
        )
    return SecretStr(value)


def _postgres(url: SecretStr) -> SecretStr:
    try:
        driver = make_url(url.get_secret_value()).drivername
    except (ArgumentError, ValueError):
        driver = ""
    if driver not in ("postgresql", "postgres"):
        raise ValueError("must be of the form postgresql://user:password@host/name")
    return url


def _master_key(key: SecretStr) -> SecretStr:
    try:
        Fernet(key.get_secret_value())
    except ValueError:
        raise ValueError(
            "must be url-safe base64 keys of 32 bytes, separated by commas (make one: ece-config-api new-master-key)"
        ) from None
    return key


Token = Annotated[SecretStr, AfterValidator(_token)]
MasterKey = Annotated[SecretStr, AfterValidator(_master_key)]


class Settings(BaseSettings):
    """Read once, in `main`; every other module gets what it needs as an argument."""

    model_config = SettingsConfigDict(env_prefix="ECE_", hide_input_in_errors=True, extra="ignore")

    database_url: Annotated[SecretStr, AfterValidator(_postgres)]
    master_keys: Annotated[list[MasterKey], NoDecode, BeforeValidator(split)] = Field(min_length=1)
    bootstrap_token: Token | None = None
    worker_token: Token | None = None
    listen_host: str = "127.0.0.1"
    listen_port: Port = 8080
    metrics_port: Port | None = None
    allow_plain_http: bool = False
    tls_cert: str | None = None
    tls_key: str | None = None
    # Besides the system's, for identity providers and whoever else this service asks.
    ca_file: str | None = None
    egress_allow: Networks = []
    egress_deny: Networks = []
    # How often each process looks for tokens to renew.
    token_check_seconds: float = Field(default=10.0, ge=0.05, le=120)
    # How often somebody is told that mail waits in an exception queue.
    exception_alarm_seconds: float = Field(default=3600.0, ge=1, le=7 * 86400)
    lease_seconds: float = Field(default=15.0, gt=0, le=600)
    claim_seconds: float = Field(default=120.0, gt=0, le=3600)
    database_connections: int = Field(default=20, ge=2, le=200)
    maximum_body: int = Field(default=64 * 1024 * 1024, ge=1024 * 1024)
    # The largest `maximum_email_size` is 150 MiB; with its attachments decoded a mail is sent less than twice.
    maximum_batch: int = Field(default=320 * 1024 * 1024, ge=1024 * 1024)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    shutdown_seconds: float = Field(default=25.0, gt=0, le=3600)

    @property
    def async_url(self) -> str:
        """The database's address with the driver that this service speaks."""
        _, rest = self.database_url.get_secret_value().split("://", 1)
        return f"postgresql+asyncpg://{rest}"
