"""The three services as subprocesses, with a real installation's environment; killed, frozen, stopped."""

import base64
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx

from tests.rig.ports import free_port, wait_until
from tests.rig.processes import Process, ServerFolder

Json = dict[str, Any]
ADMINISTRATOR = "the-administrators-token"
WORKER = "the-workers-token"
# What a test waits for at most; a slow machine only takes longer. More than the longest wait between two tries of a
# worker, which is a minute.
PATIENCE = 100.0


def _command(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


class Service:
    """One service process. `start` waits until it is ready, `launch` does not."""

    def __init__(self, name: str, arguments: list[str], environment: dict[str, str], folder: Path) -> None:
        self.name = name
        self.port = int(environment["ECE_LISTEN_PORT"])
        self._argv = [_command(f"ece-{name}"), *arguments]
        self._environment = environment
        self._log = folder / f"{name}-{environment.get('ECE_REPLICA', '')}-{self.port}.log"
        self._process: Process | None = None
        self._wanted = False

    @property
    def process(self) -> Process:
        assert self._process is not None, f"{self.name} was not started"
        return self._process

    def launch(self) -> Self:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("ECE_")}
        self._wanted = True
        self._process = Process(self._argv, log=self._log, env=inherited | self._environment)
        return self

    def start(self) -> Self:
        self.launch()
        wait_until(self._ready_or_dead, seconds=PATIENCE, what=f"readiness of {self.name}")
        assert self.process.alive, f"{self.name} ended:\n{self.log_text()[-4000:]}"
        return self

    def _ready_or_dead(self) -> bool:
        return not self.process.alive or self.ready()

    def ready(self) -> bool:
        return self._answers("/readyz")

    def healthy(self) -> bool:
        return self._answers("/healthz")

    def _answers(self, path: str) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10, trust_env=False)

    def status(self) -> Json:
        answer: Json = self.get("/status").json()
        return answer

    def stop(self) -> None:
        """SIGTERM, and all the time that a service may take to finish its work in hand."""
        self._wanted = False
        self.process.stop(PATIENCE)

    def kill(self) -> None:
        self._wanted = False
        self.process.kill()

    def died(self) -> bool:
        """It was started, nobody stopped it, and it does not run any more."""
        return self._wanted and not self.process.alive

    def freeze(self) -> None:
        self.process.freeze()

    def thaw(self) -> None:
        self.process.thaw()

    def last_words(self) -> str:
        """For a test that failed: what it says of itself, and the end of its log."""
        try:
            status = self.get("/status").text if self.name != "config-api" else ""
        except httpx.HTTPError as problem:
            status = f"no status: {problem!r}"
        return f"--- {self.name}\n{status}\n{self.log_text()[-3000:]}"

    def log_text(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""


class Suite:
    """A Config API on a database of its own, and as many workers as a test asks for."""

    def __init__(self, database_url: str, *, ca_file: Path | None = None, **environment: str) -> None:
        self.database_url = database_url
        self.folder = ServerFolder("suite")
        self._shared = {"ECE_LISTEN_HOST": "127.0.0.1", "ECE_LOG_LEVEL": "info", **environment}
        if ca_file is not None:
            self._shared["ECE_CA_FILE"] = str(ca_file)
        self._services: list[Service] = []
        self.config_api = self._config_api()
        self.url = f"http://127.0.0.1:{self.config_api.port}"
        headers = {"Authorization": f"Bearer {ADMINISTRATOR}"}
        self.api = httpx.Client(base_url=f"{self.url}/v1", headers=headers, timeout=30, trust_env=False)

    def _config_api(self) -> Service:
        environment = self._shared | {
            "ECE_DATABASE_URL": self.database_url,
            "ECE_MASTER_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "ECE_BOOTSTRAP_TOKEN": ADMINISTRATOR,
            "ECE_WORKER_TOKEN": WORKER,
            "ECE_LISTEN_PORT": str(free_port()),
        }
        return self._add(Service("config-api", ["migrate", "--then-serve"], environment, self.folder.path))

    def worker(self, kind: str, replica: str, *, url: str | None = None, **environment: str) -> Service:
        """A retriever or dispatcher replica, not started yet. `url` may point at a proxy before the Config API."""
        full = self._shared | {
            "ECE_CONFIG_API_URL": url or self.url,
            "ECE_WORKER_TOKEN": WORKER,
            "ECE_REPLICA": replica,
            "ECE_LISTEN_PORT": str(free_port()),
            **environment,
        }
        return self._add(Service(kind, [], full, self.folder.path))

    def _add(self, service: Service) -> Service:
        self._services.append(service)
        return service

    def ended(self) -> list[str]:
        """The names of those that died by themselves."""
        return [one.name for one in self._services if one.died()]

    def __enter__(self) -> Self:
        try:
            self.config_api.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self.api.close()
        for service in reversed(self._services):
            if service._process is not None:
                service.kill()
        self.folder.remove()

    def post(self, path: str, body: Json | None = None, *, expect: int = 201) -> Json:
        response = self.api.post(path, json=body)
        assert response.status_code == expect, f"POST {path}: {response.status_code} {response.text}"
        answer: Json = response.json() if response.content else {}
        return answer

    def get(self, path: str, **query: str | int) -> Json:
        response = self.api.get(path, params=query)
        assert response.status_code == 200, f"GET {path}: {response.status_code} {response.text}"
        answer: Json = response.json()
        return answer

    def patch(self, path: str, body: Json) -> Json:
        response = self.api.patch(path, json=body)
        assert response.status_code == 200, f"PATCH {path}: {response.status_code} {response.text}"
        answer: Json = response.json()
        return answer

    def department(self, name: str = "Care") -> int:
        return int(self.post("/departments", {"name": name})["id"])

    def activities(self, **query: str | int) -> list[Json]:
        items: list[Json] = self.get("/activities", limit=500, **query)["items"]
        return items

    def wait_for(self, true: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Wait for a condition; when it does not come, the services' logs tell why."""
        try:
            wait_until(true, seconds=seconds, what=what)
        except TimeoutError as late:
            told = "\n".join(service.last_words() for service in self._services)
            raise AssertionError(f"{late}\n{told}") from late
