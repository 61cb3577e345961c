"""Schemathesis against the live service: no server error, no answer outside the schema."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.suite import ADMINISTRATOR, WORKER, Suite

ROOT = Path(__file__).resolve().parents[2]
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance"
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("token", [ADMINISTRATOR, WORKER])
def test_every_answer_fits_the_schema(described: Suite, token: str, tmp_path: Path) -> None:
    """The administrator's token sees the administrators' side, the workers' token the workers' side."""
    examples = "6"
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(Path(__file__).with_name("schemathesis.toml"))),
        *("run", f"{described.url}/openapi.json", "--header", f"Authorization: Bearer {token}"),
        *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", examples),
        *("--seed", "20250304", "--generation-deterministic", "--workers", "2", "--request-timeout", "20"),
        *("--suppress-health-check", "all", "--warnings", "off", "--no-color"),
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.openapi.hooks", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment, timeout=280
    )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2000:]
