"""Everything the environment may change about the Config API."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Networks = Annotated[list[str], NoDecode]


class Settings(BaseSettings):
    """Read once, in `main`; every other module gets what it needs as an argument."""

    model_config = SettingsConfigDict(env_prefix="ECE_", hide_input_in_errors=True, extra="ignore")

    database_url: SecretStr
    master_keys: Annotated[list[SecretStr], NoDecode] = Field(min_length=1)
    bootstrap_token: SecretStr | None = None
    worker_token: SecretStr | None = None
    listen_host: str = "127.0.0.1"
    listen_port: int = 8080
    metrics_port: int | None = None
    allow_plain_http: bool = False
    tls_cert: str | None = None
    tls_key: str | None = None
    # Besides the system's, for identity providers and whoever else this service asks.
    ca_file: str | None = None
    egress_allow: Networks = []
    egress_deny: Networks = []
    # How often each process looks for tokens to renew.
    token_check_seconds: float = Field(default=10.0, ge=0.05, le=120)
    lease_seconds: float = Field(default=15.0, gt=0, le=600)
    claim_seconds: float = Field(default=120.0, gt=0, le=3600)
    database_connections: int = Field(default=20, ge=2, le=200)
    maximum_body: int = Field(default=64 * 1024 * 1024, ge=1024 * 1024)
    # The largest `maximum_email_size` is 150 MiB; with its attachments decoded a mail is sent less than twice.
    maximum_batch: int = Field(default=320 * 1024 * 1024, ge=1024 * 1024)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    shutdown_seconds: float = Field(default=25.0, gt=0)

    @field_validator("master_keys", "egress_allow", "egress_deny", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [key.strip() for key in value.split(",") if key.strip()] if isinstance(value, str) else value

    @property
    def async_url(self) -> str:
        """The database's address with the driver that this service speaks."""
        _, rest = self.database_url.get_secret_value().split("://", 1)
        return f"postgresql+asyncpg://{rest}"
