"""A mistyped variable is a line that names it, for every service, and never a traceback or a value."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

SCRIPTS = Path(sys.executable).parent
WORKER = {"ECE_CONFIG_API_URL": "http://127.0.0.1:9", "ECE_WORKER_TOKEN": "the-token-of-the-workers"}
CONFIG_API = {
    "ECE_DATABASE_URL": "postgresql://u:hidden@127.0.0.1:9/x",
    "ECE_MASTER_KEYS": Fernet.generate_key().decode(),
    "ECE_BOOTSTRAP_TOKEN": "the-token-of-administrators",
}
SERVICES = {"ece-retriever": WORKER, "ece-dispatcher": WORKER, "ece-config-api": CONFIG_API}


def said(service: str, environment: dict[str, str], *arguments: str) -> list[str]:
    """What it wrote before it ended, in lines."""
    ended = subprocess.run(
        [SCRIPTS / service, *arguments], env={"PATH": os.defpath, **environment}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1, ended
    assert "Traceback" not in ended.stderr
    return ended.stderr.strip().splitlines()


@pytest.mark.parametrize(
    ("service", "missing"),
    [
        ("ece-retriever", ["ECE_CONFIG_API_URL", "ECE_WORKER_TOKEN"]),
        ("ece-dispatcher", ["ECE_CONFIG_API_URL", "ECE_WORKER_TOKEN"]),
        ("ece-config-api", ["ECE_DATABASE_URL", "ECE_MASTER_KEYS"]),
    ],
)
def test_every_variable_that_is_missing_has_its_line(service: str, missing: list[str]) -> None:
    assert said(service, {}) == [f"{service}: {name}: is required" for name in missing]


MISTYPED = {
    "ECE_EGRESS_ALLOW": "10.0.0.0/8, 10.0.0.999",
    "ECE_EGRESS_DENY": "10.0.0.0/99",
    "ECE_LISTEN_PORT": "70000",
    "ECE_METRICS_PORT": "-1",
    "ECE_LOG_LEVEL": "verbose",
}
MORE_MISTYPED = {
    "ece-retriever": {"ECE_INSTANCE": "north east"},
    "ece-dispatcher": {"ECE_INSTANCE": "north east", "ECE_EHLO_NAME": "a mail server"},
    "ece-config-api": {"ECE_BOOTSTRAP_TOKEN": "abcde", "ECE_DATABASE_URL": "mysql://u:hidden@db/x"},
}


@pytest.mark.parametrize("service", SERVICES)
def test_every_bad_value_is_named_by_its_variable_and_not_shown(service: str) -> None:
    mistyped = {**MISTYPED, **MORE_MISTYPED[service]}
    lines = said(service, {**SERVICES[service], **mistyped})
    assert sorted(line.split(": ")[1] for line in lines) == sorted(mistyped)
    assert [line for line in lines for value in mistyped.values() if value in line] == []


@pytest.mark.parametrize(
    ("service", "name", "value"),
    [
        ("ece-retriever", "ECE_CONFIG_API_URL", "http://config-api.shop.test"),
        ("ece-dispatcher", "ECE_CONFIG_API_URL", "http://user:hidden/rest@host"),
        ("ece-retriever", "ECE_CONFIG_API_URL", "nonsense"),
        ("ece-dispatcher", "ECE_WORKER_TOKEN", "two words"),
        ("ece-config-api", "ECE_DATABASE_URL", "postgresql://u:p@db:hidden/x"),
        ("ece-config-api", "ECE_MASTER_KEYS", "hidden"),
        ("ece-config-api", "ECE_TLS_CERT", "/nowhere/tls.crt"),
        ("ece-config-api", "ECE_TLS_CERT", __file__),
        ("ece-config-api", "ECE_CA_FILE", "/nowhere/ca.pem"),
        ("ece-dispatcher", "ECE_CA_FILE", "/nowhere/ca.pem"),
    ],
)
def test_what_cannot_be_used_is_named_by_its_variable_and_not_shown(service: str, name: str, value: str) -> None:
    beside = {"ECE_CONFIG_API_URL": "https://127.0.0.1:9"} if name == "ECE_CA_FILE" else {}
    [line] = said(service, {**SERVICES[service], **beside, name: value})
    assert line.startswith(f"{service}: {name}: ")
    assert value not in line
    assert "hidden" not in line


def test_a_key_without_its_certificate_is_told() -> None:
    [line] = said("ece-config-api", {**CONFIG_API, "ECE_TLS_KEY": "/nowhere/tls.key"})
    assert line == "ece-config-api: ECE_TLS_CERT: is required beside ECE_TLS_KEY"


def test_a_migration_without_a_database_says_so() -> None:
    [line] = said("ece-config-api", CONFIG_API, "migrate")
    assert line.startswith("ece-config-api: ECE_DATABASE_URL: no connection to the database")
    assert "hidden" not in line


def test_a_new_master_key_needs_no_environment() -> None:
    made = subprocess.run(
        [SCRIPTS / "ece-config-api", "new-master-key"], env={"PATH": os.defpath}, capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    Fernet(made.stdout.strip())
