"""The Kubernetes manifests: valid, hardened, no secret in them, and in step with images and settings."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # pyright: ignore[reportMissingTypeStubs] - it has none
import pytest

from deploy.images.__main__ import SERVICES
from deploy.manifests import KUBERNETES, ROOT, Document, base, kustomize_command, plain, rendered, workloads
from deploy.rehearsal import throw_away_secrets
from tests.deploy.settings import SETTINGS, variables_of

KUSTOMIZATIONS = ["base", "overlays/local", "overlays/production"]
# Whose schema comes with the Prometheus operator, not with Kubernetes.
FOREIGN = {"PrometheusRule", "PodMonitor"}
needs_kustomize = pytest.mark.skipif(
    kustomize_command() is None, reason="neither kubectl nor kustomize is installed: overlays cannot be rendered"
)


def name_of(document: Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def documents(folder: str) -> list[Document]:
    return base() if folder == "base" else rendered(KUBERNETES / folder)


def pods(found: list[Document]) -> Iterator[tuple[str, dict[str, Any]]]:
    for document in found:
        if document["kind"] in {"Deployment", "Job", "StatefulSet"}:
            yield name_of(document), document["spec"]["template"]["spec"]


def problems_of(document: Document) -> list[str]:
    if document["kind"] in FOREIGN:
        return []
    try:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    except kubernetes_validate.ValidationError as wrong:
        return [f"{name_of(document)}: {wrong.message}"]
    return []


everywhere = pytest.mark.parametrize(
    "folder", [pytest.param(name, marks=[] if name == "base" else needs_kustomize) for name in KUSTOMIZATIONS]
)


@everywhere
def test_every_manifest_is_one_that_kubernetes_accepts(folder: str) -> None:
    found = documents(folder)

    assert {"Deployment", "Job", "Service", "NetworkPolicy"} <= {document["kind"] for document in found}
    assert [problem for document in found for problem in problems_of(document)] == []


@needs_kustomize
def test_the_base_has_nothing_that_only_kustomize_could_add_but_a_label() -> None:
    folder = KUBERNETES / "base"

    assert sorted(map(name_of, plain(folder))) == sorted(map(name_of, rendered(folder)))


@everywhere
def test_every_pod_is_restricted(folder: str) -> None:
    for name, pod in pods(documents(folder)):
        whole, container = pod["securityContext"], pod["containers"][0]["securityContext"]
        assert whole["runAsNonRoot"] is True, name
        assert whole["runAsUser"] > 0, name
        assert whole["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert container["readOnlyRootFilesystem"] is True, name
        assert container["allowPrivilegeEscalation"] is False, name
        assert container["capabilities"] == {"drop": ["ALL"]}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert {"requests", "limits"} <= pod["containers"][0]["resources"].keys(), name


@everywhere
def test_no_secret_is_in_git(folder: str) -> None:
    found = documents(folder)

    assert [name_of(document) for document in found if document["kind"] == "Secret"] == []
    secret = re.compile("KEY|TOKEN|PASSWORD|DATABASE_URL")
    for name, pod in pods(found):
        for variable in pod["containers"][0]["env"]:
            # A path to a mounted key is no key.
            if secret.search(variable["name"]) and not variable.get("value", "").startswith("/etc/ece/"):
                assert "secretKeyRef" in variable.get("valueFrom", {}), (name, variable["name"])


@everywhere
def test_a_container_gets_only_variables_that_its_service_knows(folder: str) -> None:
    for workload in workloads(documents(folder)).values():
        given = [variable.name for variable in workload.container.env]
        assert set(given) - variables_of(SETTINGS[workload.service]) == set(), workload.name
        assert len(given) == len(set(given)), workload.name


def test_every_secret_that_is_referred_to_is_documented_and_made_by_the_script() -> None:
    referred = {
        (variable.value_from.secret_key_ref.name, variable.value_from.secret_key_ref.key)
        for workload in workloads(base()).values()
        for variable in workload.container.env
        if variable.value_from.secret_key_ref is not None
    }
    guide = (ROOT / "deploy" / "README.md").read_text()
    script = ast.dump(ast.parse((ROOT / "deploy" / "new-secrets").read_text()))

    assert referred == throw_away_secrets("").keys()
    for name, key in referred:
        assert f"`{name}`" in guide
        assert f"`{key}`" in guide
        assert f"'{name}'" in script
        assert f"'{key.replace('-', '_')}'" in script


def test_the_images_are_those_that_are_built() -> None:
    built = {folder.parent.name for folder in ROOT.glob("services/*/Dockerfile")}

    assert built == set(SERVICES) == {workload.service for workload in workloads(base()).values()}


@everywhere
def test_every_image_has_the_version_of_its_package(folder: str) -> None:
    for workload in workloads(documents(folder)).values():
        project = tomllib.loads((ROOT / "services" / workload.service / "pyproject.toml").read_text())["project"]
        assert workload.container.image.rpartition(":")[2] == project["version"], workload.name


@pytest.mark.parametrize("service", SERVICES)
def test_the_port_is_the_same_in_image_settings_and_manifest(service: str) -> None:
    dockerfile = (ROOT / "services" / service / "Dockerfile").read_text()
    (exposed,) = re.findall(r"^EXPOSE (\d+)$", dockerfile, re.MULTILINE)
    container = workloads(base())[f"ece-{service}"].container

    assert SETTINGS[service].model_fields["listen_port"].default == int(exposed)
    assert {port.name: port.container_port for port in container.ports} == {"http": int(exposed), "metrics": 9090}
    assert next(v.value for v in container.env if v.name == "ECE_METRICS_PORT") == "9090"
    assert f"ECE_LISTEN_PORT={exposed}" in dockerfile


@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_has_longer_to_end_than_its_service_takes(service: str) -> None:
    workload = workloads(base())[f"ece-{service}"]
    told = next(v.value for v in workload.container.env if v.name == "ECE_SHUTDOWN_SECONDS")

    assert workload.pod.termination_grace_period_seconds >= float(told or 0) + 5 + 10  # preStop, and some air


@pytest.mark.parametrize("service", SERVICES)
def test_liveness_asks_for_nothing_that_a_restart_would_not_mend(service: str) -> None:
    probes = workloads(base())[f"ece-{service}"].container.probes()

    assert {name: probe.http_get.path for name, probe in probes.items()} == {
        "startup": "/healthz",
        "liveness": "/healthz",
        "readiness": "/readyz",
    }


def test_only_the_config_api_and_its_migration_may_reach_postgres() -> None:
    found = base()
    open_to_it = {
        next(iter(policy["spec"]["podSelector"]["matchLabels"].items()))
        for policy in found
        if policy["kind"] == "NetworkPolicy"
        for rule in policy["spec"].get("egress", [])
        if "ports" not in rule or 5432 in {port["port"] for port in rule["ports"]}
    }
    labelled = {
        document["metadata"]["name"]
        for document in found
        if document["kind"] in {"Deployment", "Job"}
        and document["spec"]["template"]["metadata"]["labels"].get("ece/database") == "true"
    }

    assert open_to_it == {("ece/database", "true")}
    assert labelled == {"ece-config-api", "ece-migrate"}


@needs_kustomize
def test_in_production_tokens_travel_over_https_only() -> None:
    found = workloads(documents("overlays/production"))
    given = {name: {v.name: v.value for v in workload.container.env} for name, workload in found.items()}

    assert {probe.http_get.scheme for probe in found["ece-config-api"].container.probes().values()} == {"HTTPS"}
    assert given["ece-config-api"]["ECE_TLS_CERT"]
    for worker in ("ece-retriever", "ece-dispatcher"):
        assert (given[worker]["ECE_CONFIG_API_URL"] or "").startswith("https://")
        assert given[worker]["ECE_CA_FILE"]
    assert not any("ECE_ALLOW_PLAIN_HTTP" in variables for variables in given.values())


def test_alerts_name_metrics_that_the_services_have() -> None:
    alerts = (KUBERNETES / "components" / "monitoring" / "alerts.yaml").read_text()
    named = set(re.findall(r"\bece_(?:retriever|dispatcher|config_api)_\w+", alerts))
    code = "".join(
        path.read_text() for folder in ("services", "libs") for path in Path(ROOT / folder).rglob("src/**/*.py")
    )

    assert named
    for metric in named:
        stem = re.sub(r"_(total|bucket|count|sum)$", "", metric)
        assert f'"{stem}"' in code or f'"{metric}"' in code, metric
