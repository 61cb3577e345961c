"""docker-compose.yml: valid, hardened, in order, and in step with the services' settings."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from deploy.manifests import ROOT, image_name
from tests.deploy.settings import SETTINGS, problems_of, variables_of

HERE = Path(__file__).parent
SERVICES = ("config-api", "retriever", "dispatcher")
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<operator>[-?])(?P<operand>[^}]*))?\}")


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    """A fresh .env, as the first comment in docker-compose.yml says to make one."""
    made = subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "new-secrets"), "env"], capture_output=True, check=True
    )
    return dict(line.split("=", 1) for line in made.stdout.decode().splitlines())


def interpolated(value: str, known: dict[str, str]) -> str:
    def one(found: re.Match[str]) -> str:
        if found["name"] in known:
            return known[found["name"]]
        assert found["operator"] == "-", f"{found['name']} has neither a value in .env nor a default"
        return found["operand"]

    return _VARIABLE.sub(one, value)


def test_the_compose_file_is_what_the_compose_specification_allows(compose: Any) -> None:
    schema = json.loads((HERE / "compose-spec.json").read_text())

    found = [
        f"{error.json_path}: {error.message}" for error in jsonschema.Draft7Validator(schema).iter_errors(compose)
    ]

    assert found == []


def test_everything_starts_in_order(compose: Any) -> None:
    def after(service: str) -> dict[str, str]:
        return {name: how["condition"] for name, how in compose["services"][service].get("depends_on", {}).items()}

    assert after("migrate") == {"postgres": "service_healthy"}
    assert after("config-api") == {"postgres": "service_healthy", "migrate": "service_completed_successfully"}
    assert after("retriever") == after("dispatcher") == {"config-api": "service_healthy"}
    assert all("test" in compose["services"][name]["healthcheck"] for name in ("postgres", *SERVICES))


@pytest.mark.parametrize("service", ["migrate", *SERVICES])
def test_our_containers_can_write_nowhere_and_gain_nothing(compose: Any, service: str) -> None:
    found = compose["services"][service]

    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in found["security_opt"]
    assert "privileged" not in found
    assert "user" not in found, "the image's own user is not root"


def test_only_what_owns_the_database_is_on_its_network(compose: Any) -> None:
    on_it = {name for name, service in compose["services"].items() if "database" in service["networks"]}

    assert on_it == {"postgres", "migrate", "config-api"}


def test_nothing_is_published_beyond_this_machine(compose: Any) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]

    assert published
    assert all(interpolated(port, {}).startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("service", ["migrate", *SERVICES])
def test_a_service_gets_only_variables_it_knows_and_all_it_needs(
    compose: Any, secrets: dict[str, str], service: str
) -> None:
    owner = "config-api" if service == "migrate" else service
    written: dict[str, str] = compose["services"][service]["environment"]

    assert written.keys() - variables_of(SETTINGS[owner]) == set()
    values = {name: interpolated(value, secrets) for name, value in written.items()}
    assert problems_of(SETTINGS[owner], values) == []


def test_the_example_names_every_secret_and_holds_none(compose: Any, secrets: dict[str, str]) -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

    required = {found["name"] for found in _VARIABLE.finditer(json.dumps(compose)) if found["operator"] == "?"}
    assert named.keys() == secrets.keys() == required
    assert set(named.values()) == {""}


def test_every_image_that_is_not_built_here_is_pinned(compose: Any) -> None:
    for service in compose["services"].values():
        if "build" not in service:
            assert re.search(r":\d+\.\d+[\w.-]*$", service["image"]), service["image"]


def test_what_is_built_is_what_is_named(compose: Any) -> None:
    for service in compose["services"].values():
        if "build" in service:
            folder = Path(service["build"]["dockerfile"]).parent.name
            assert image_name(service["image"].replace("${ECE_TAG:-", "")) == f"ece-{folder}"
            assert (ROOT / service["build"]["dockerfile"]).is_file()
