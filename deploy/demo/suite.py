"""The three services as subprocesses, with the environment that a real installation would give them."""

import base64
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deploy.demo.ports import free_port, wait_until
from deploy.demo.processes import Processes

SERVICES = ("config-api", "retriever", "dispatcher")


def _command(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


@dataclass(frozen=True, slots=True)
class Suite:
    """Config API, retriever, dispatcher."""

    database_url: str
    port: int = field(default_factory=free_port)
    token: str = field(default_factory=lambda: f"demo-{secrets.token_urlsafe(24)}")
    worker_token: str = field(default_factory=lambda: f"demo-worker-{secrets.token_urlsafe(24)}")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, processes: Processes) -> None:
        common = {"ECE_LISTEN_HOST": "127.0.0.1", "ECE_LOG_FORMAT": "console"}
        owner = common | {
            "ECE_DATABASE_URL": self.database_url,
            "ECE_MASTER_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "ECE_BOOTSTRAP_TOKEN": self.token,
            "ECE_WORKER_TOKEN": self.worker_token,
            "ECE_LISTEN_PORT": str(self.port),
        }
        processes.start("config-api", [_command("ece-config-api"), "migrate", "--then-serve"], owner)
        wait_until("config-api", lambda: _ready(self.port), processes.check)
        ports = {"retriever": free_port(), "dispatcher": free_port()}
        for name, port in ports.items():
            worker = common | {
                "ECE_CONFIG_API_URL": self.url,
                "ECE_WORKER_TOKEN": self.worker_token,
                "ECE_REPLICA": f"{name}-demo",
                "ECE_LISTEN_PORT": str(port),
            }
            processes.start(name, [_command(f"ece-{name}")], worker)
        for name, port in ports.items():
            wait_until(name, lambda port=port: _ready(port), processes.check)


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
