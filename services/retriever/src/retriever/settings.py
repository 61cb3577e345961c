"""Everything the environment may change about the retriever."""

import socket
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ece_common.contracts.mistakes import NAMED
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
    ca_file: str | None = None
    allow_plain_http: bool = False
    egress_allow: Networks = []
    egress_deny: Networks = []
    listen_host: str = "127.0.0.1"
    listen_port: int = Field(default=8081, ge=0, le=65535)
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    shutdown_seconds: float = Field(default=25.0, gt=0, le=3600)
