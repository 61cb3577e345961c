"""Everything the environment may change, read once by main.py (prefix ECE_)."""

import socket
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Networks = Annotated[list[str], NoDecode]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ECE_", hide_input_in_errors=True, extra="ignore")

    config_api_url: str = "http://127.0.0.1:8080"
    worker_token: SecretStr
    instance: str = "default"
    replica: str = Field(default_factory=socket.gethostname)
    allow_plain_http: bool = False
    ca_file: str | None = None

    ehlo_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9.\-\[\]:]+$", max_length=255)] = Field(
        default_factory=lambda: socket.getfqdn() or "localhost"
    )
    """How the dispatcher introduces itself to mail servers."""
    in_hand: Annotated[int, Field(ge=4, le=20_000)] = 1000
    """Messages claimed and not concluded, at most."""
    egress_allow: Networks = []
    egress_deny: Networks = []

    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Field(ge=0, le=65535)] = 8082
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    shutdown_seconds: Annotated[float, Field(ge=1, le=3600)] = 25.0
    log_level: str = "INFO"
    log_format: Literal["json", "console"] = "json"

    @field_validator("egress_allow", "egress_deny", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("ehlo_name", "replica", mode="before")
    @classmethod
    def _not_empty(cls, value: object) -> object:
        return value or "localhost"
