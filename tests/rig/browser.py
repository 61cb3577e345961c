"""A real browser, steered over the W3C WebDriver protocol: only what a person does on a plain page."""

from pathlib import Path
from typing import Any, Self

import httpx

from tests.rig.ports import free_port, wait_until
from tests.rig.processes import Process, ServerFolder, find_program
from tests.rig.server import Closable

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    # Every name but this machine's leads nowhere.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip


class Browser(Closable):
    """with Browser() as browser: browser.open(url); browser.write("input[name=user]", "anna")"""

    def __init__(self) -> None:
        self._folder = ServerFolder("browser")
        port = free_port()
        driver = find_program("chromedriver")
        self._driver = Process([driver, f"--port={port}"], log=self._folder.path / "driver.log")
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False)
        self._session = ""
        try:
            wait_until(self._answers, seconds=20, what="chromedriver")
            self._session = self._begin(self._folder.path / "profile")
            # A page may come a moment after the click that leads to it.
            self._ask("POST", "/timeouts", {"implicit": 10_000})
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def _answers(self) -> bool:
        try:
            return bool(self._client.get("/status").json()["value"]["ready"])
        except (httpx.HTTPError, ValueError):
            return False

    def _begin(self, profile: Path) -> str:
        options = {"binary": find_program("chromium"), "args": [*_FLAGS, f"--user-data-dir={profile}"]}
        # The rig's certificate authority is none that a browser knows.
        wanted = {"browserName": "chrome", "acceptInsecureCerts": True, "goog:chromeOptions": options}
        answer = self._client.post("/session", json={"capabilities": {"alwaysMatch": wanted}}).json()["value"]
        assert "sessionId" in answer, answer
        return f"/session/{answer['sessionId']}"

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._client.request(method, self._session + path, json=body if method == "POST" else None).json()
        value = answer["value"]
        assert not (isinstance(value, dict) and "error" in value), value
        return value

    def open(self, url: str) -> None:
        self._ask("POST", "/url", {"url": url})

    @property
    def address(self) -> str:
        return str(self._ask("GET", "/url"))

    @property
    def title(self) -> str:
        return str(self._ask("GET", "/title"))

    def text(self, selector: str = "body") -> str:
        return str(self._ask("GET", f"/element/{self._find(selector)}/text"))

    def value(self, selector: str) -> str:
        return str(self._ask("GET", f"/element/{self._find(selector)}/property/value"))

    def write(self, selector: str, text: str) -> None:
        self._ask("POST", f"/element/{self._find(selector)}/clear", {})
        self._ask("POST", f"/element/{self._find(selector)}/value", {"text": text})

    def click(self, selector: str) -> None:
        """Waits for the page that it leads to."""
        self._ask("POST", f"/element/{self._find(selector)}/click", {})

    def loaded(self) -> list[str]:
        """The addresses of everything that the page fetched beside itself."""
        script = "return performance.getEntriesByType('resource').map(entry => entry.name)"
        return list(self._ask("POST", "/execute/sync", {"script": script, "args": []}))

    def _find(self, selector: str) -> str:
        found = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        return str(found[_ELEMENT])

    def close(self) -> None:
        if self._session:
            self._client.delete(self._session)
        self._client.close()
        self._driver.kill()
        self._folder.remove()
