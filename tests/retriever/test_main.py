"""The console script: what it says about its environment, and that it stops when told."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from retriever.settings import Settings

SCRIPT = Path(sys.executable).parent / "ece-retriever"


def test_it_names_every_variable_that_is_missing() -> None:
    ended = subprocess.run(
        [SCRIPT], env={"PATH": os.defpath}, capture_output=True, text=True, timeout=30, check=False
    )

    assert ended.returncode == 1
    assert "ECE_CONFIG_API_URL: is required" in ended.stderr
    assert "ECE_WORKER_TOKEN: is required" in ended.stderr


def test_it_stops_in_time_while_the_config_api_is_away() -> None:
    environment = {
        "PATH": os.defpath,
        "ECE_CONFIG_API_URL": "http://127.0.0.1:9",
        "ECE_WORKER_TOKEN": "a-token-that-is-never-said",
        "ECE_LISTEN_PORT": "0",
    }
    with subprocess.Popen([SCRIPT], env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "heartbeat.failed" in line:
                break
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(20) == 0

    assert "worker.stopped" in rest
    assert "never-said" not in rest


@pytest.mark.parametrize("secret", ["a-token-that-is-never-said"])
def test_the_token_is_not_shown_with_the_settings(secret: str) -> None:
    settings = Settings.model_validate({"config_api_url": "https://api.test", "worker_token": secret})

    assert secret not in repr(settings)


def test_networks_are_a_list_with_commas() -> None:
    settings = Settings.model_validate(
        {"config_api_url": "https://api.test", "worker_token": "x", "egress_deny": "10.0.0.0/8, 192.168.0.0/16"}
    )
    assert settings.egress_deny == ["10.0.0.0/8", "192.168.0.0/16"]
