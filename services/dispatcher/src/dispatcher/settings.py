"""Everything the environment may change, read once by main.py (prefix ECE_)."""

import socket
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ece_common.contracts.mistakes import HELLO, NAMED
from ece_common.egress import checked_networks
from ece_common.starting import split

Networks = Annotated[list[str], NoDecode, BeforeValidator(split), AfterValidator(checked_networks)]


class Settings(BaseSettings):
    """Read once, in `main`; every other module gets what it needs as an argument."""

    model_config = SettingsConfigDict(env_prefix="ECE_", hide_input_in_errors=True, extra="ignore")

    config_api_url: str
    worker_token: SecretStr
    instance: str = Field(default="default", min_length=1, max_length=64, pattern=NAMED)
    replica: str = Field(default_factory=socket.gethostname, min_length=1, max_length=128, pattern=NAMED)
    allow_plain_http: bool = False
    ca_file: str | None = None

    ehlo_name: Annotated[str, Field(pattern=HELLO, max_length=255)] = Field(
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
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"

    @field_validator("ehlo_name", "replica", mode="before")
    @classmethod
    def _not_empty(cls, value: object) -> object:
        return value or "localhost"
