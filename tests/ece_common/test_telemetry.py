import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter

from ece_common import telemetry
from ece_common.telemetry import REDACTED, redact, without_secrets


def _lines(script: str) -> list[dict[str, Any]]:
    """The log of a process of its own, for configuring logging is for the whole process."""
    return [json.loads(line) for line in _raw(script, "json").splitlines()]


def _raw(script: str, style: str) -> str:
    program = (
        "import logging, structlog\nfrom ece_common import telemetry\n"
        f"telemetry.configure('INFO', {style!r}, 'retriever')\nlog = structlog.get_logger()\n{script}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == ""
    return done.stderr


def _redacted(**event: object) -> Mapping[str, Any]:
    return dict(redact(None, "info", event))


def test_everything_is_one_json_line_with_service_and_bound_ids() -> None:
    own, foreign, failure, warning = _lines(
        "structlog.contextvars.bind_contextvars(alias_id=7)\n"
        "log.info('alias.connected', folder='inbox')\n"
        "log.debug('not.wanted')\n"
        "logging.getLogger('uvicorn.error').warning('from %s', 'uvicorn')\n"
        "try:\n    raise ValueError('Bearer abcdef')\nexcept ValueError:\n    log.exception('alias.failed')\n"
        "import warnings; warnings.warn('old thing')\n"
    )

    assert own["event"] == "alias.connected"
    assert (own["alias_id"], own["folder"], own["level"], own["service"]) == (7, "inbox", "info", "retriever")
    assert own["timestamp"].endswith("Z")
    assert (foreign["event"], foreign["logger"], foreign["alias_id"]) == ("from uvicorn", "uvicorn.error", 7)
    assert "ValueError" in failure["exception"]
    assert "abcdef" not in failure["exception"]
    assert "old thing" in warning["event"]


def test_the_console_shows_no_local_variables() -> None:
    text = _raw(
        "def login():\n    hidden = 'pa' + 'ss1'\n    raise OSError('away')\n"
        "try:\n    login()\nexcept OSError:\n    log.exception('login.failed')\n",
        "console",
    )

    assert "OSError" in text
    assert "pass1" not in text


def test_what_is_no_terminal_gets_no_colours() -> None:
    assert "\x1b[" not in _raw("log.warning('alias.connected', alias_id=7)\n", "console")


def test_values_of_secret_keys_are_dropped_at_any_depth() -> None:
    event = _redacted(
        event="alias.saved",
        password="hunter2",
        settings={"incoming": {"Password": "hunter2", "port": 993}, "items": [{"client_secret": "hunter2"}]},
        headers={"Authorization": "Bearer hunter2"},
        access_token="hunter2",
        master_keys=["hunter2"],
    )

    assert "hunter2" not in str(event)
    assert event["settings"]["incoming"] == {"Password": REDACTED, "port": 993}


def test_what_only_speaks_about_a_secret_stays() -> None:
    assert _redacted(token_id=4, password_set=True, token=None) == {
        "token_id": 4,
        "password_set": True,
        "token": None,
    }


def test_secrets_inside_text_are_blotted_out() -> None:
    for text in (
        "sent Authorization: Bearer s3cr3t.x-y_z==",
        "postgresql://ece:s3cr3t@db/ece",
        "C: AUTH PLAIN AHMzY3IzdA==s3cr3t",
        "grant_type=refresh_token&refresh_token=s3cr3t&x=1",
    ):
        assert "s3cr3t" not in without_secrets(text)
    assert without_secrets("535 5.7.8 authentication failed") == "535 5.7.8 authentication failed"


def test_a_structure_without_end_is_cut() -> None:
    loop: list[object] = []
    loop.append(loop)

    assert "..." in str(_redacted(loop=loop))


def test_each_registry_is_its_own_and_tells_about_the_process() -> None:
    one, two = telemetry.registry(), telemetry.registry()
    Counter("mails", "Mails.", registry=one).inc()

    assert one.get_sample_value("mails_total") == 1
    assert two.get_sample_value("mails_total") is None
    assert two.get_sample_value("process_resident_memory_bytes") is not None
