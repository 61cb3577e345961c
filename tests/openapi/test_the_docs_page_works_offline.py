"""`/docs` in a real browser that can reach nothing but the service."""

import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.e2e.suite import Suite


def _browser() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found is not None, "no Chromium here: install Debian's package chromium (bash tests/install-servers does)"
    return found


def test_the_docs_page_loads_nothing_from_elsewhere(described: Suite) -> None:
    page = httpx.get(f"{described.url}/docs", timeout=30, trust_env=False)
    assert page.status_code == 200
    assert re.findall(r"(?:src|href)=[\"'](?:https?:)?//", page.text) == []
    assert "default-src" in page.headers["content-security-policy"]


@pytest.mark.timeout(120)
def test_the_docs_page_shows_the_operations_in_a_browser_without_the_internet(
    described: Suite, tmp_path: Path
) -> None:
    command = [
        _browser(),
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        # every name but the service's own address leads nowhere
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=20000",
        *("--dump-dom", f"{described.url}/docs"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert "Create a department" in done.stdout, done.stdout[-3000:] + done.stderr[-3000:]
    assert "aliases" in done.stdout
