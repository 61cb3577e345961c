"""What the Kubernetes manifests run: each pod's command, environment, probes, read as the cluster would read them."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

ROOT = Path(__file__).parent.parent
KUBERNETES = ROOT / "deploy" / "k8s"
Document = dict[str, Any]


class _Read(BaseModel):
    """Only what is asked for here; kubernetes-validate judges the rest."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class KeyReference(_Read):
    name: str
    key: str
    optional: bool = False


class FieldReference(_Read):
    field_path: str


class Source(_Read):
    secret_key_ref: KeyReference | None = None
    field_ref: FieldReference | None = None


class Variable(_Read):
    name: str
    value: str | None = None
    value_from: Source = Source()


class Port(_Read):
    name: str
    container_port: int


class HttpGet(_Read):
    path: str
    port: str | int
    scheme: str = "HTTP"


class Probe(_Read):
    """Of our own services all probes are HTTP; a database's may run a command."""

    http_get: HttpGet = HttpGet(path="", port="")
    period_seconds: int = 10
    timeout_seconds: int = 1
    failure_threshold: int = 3


class Container(_Read):
    name: str
    image: str
    args: list[str] = []
    env: list[Variable] = []
    ports: list[Port] = []
    startup_probe: Probe | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None

    def probes(self) -> dict[str, Probe]:
        named = {"startup": self.startup_probe, "liveness": self.liveness_probe, "readiness": self.readiness_probe}
        return {name: probe for name, probe in named.items() if probe is not None}

    def port_number(self, port: str | int) -> int:
        return port if isinstance(port, int) else next(p.container_port for p in self.ports if p.name == port)


class PodSpec(_Read):
    containers: list[Container] = Field(min_length=1, max_length=1)
    termination_grace_period_seconds: int = 30


class Workload(BaseModel):
    """A Deployment or Job of ours; the one container in its pod is what we look at."""

    model_config = ConfigDict(frozen=True)
    kind: str
    name: str
    pod: PodSpec

    @property
    def container(self) -> Container:
        return self.pod.containers[0]

    @property
    def service(self) -> str:
        """The folder below services/ whose image it runs."""
        return image_name(self.container.image).removeprefix("ece-")


def image_name(reference: str) -> str:
    """`registry.example.com/ece/ece-retriever:0.1.0` is `ece-retriever`."""
    return reference.rpartition("/")[2].partition(":")[0]


def kustomize_command() -> list[str] | None:
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    return ["kustomize", "build"] if shutil.which("kustomize") else None


def rendered(folder: Path) -> list[Document]:
    """What `kubectl apply -k` would send."""
    command = kustomize_command()
    if command is None:
        raise FileNotFoundError("neither kubectl nor kustomize is installed")
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise ValueError(f"{folder} does not render:\n{done.stderr}")
    return _documents(done.stdout)


def plain(folder: Path) -> list[Document]:
    """The resource files that a kustomization lists, as written: enough for a base without patches."""
    listed: Document = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return [document for name in listed["resources"] for document in _documents((folder / name).read_text())]


def base() -> list[Document]:
    folder = KUBERNETES / "base"
    return plain(folder) if kustomize_command() is None else rendered(folder)


def _documents(text: str) -> list[Document]:
    return [document for document in yaml.safe_load_all(text) if document]


def workloads(documents: Sequence[Document]) -> dict[str, Workload]:
    """By name; those whose image we build."""
    return {
        found.name: found for found in _workloads(documents) if image_name(found.container.image).startswith("ece-")
    }


def _workloads(documents: Sequence[Document]) -> Iterator[Workload]:
    for document in documents:
        if document["kind"] in {"Deployment", "Job", "StatefulSet"}:
            pod = PodSpec.model_validate(document["spec"]["template"]["spec"])
            yield Workload(kind=document["kind"], name=document["metadata"]["name"], pod=pod)


def environment(workload: Workload, secrets: Mapping[tuple[str, str], str], pod_name: str) -> dict[str, str]:
    """As the kubelet makes it. KeyError names a Secret's name and key that is required and not there."""
    values: dict[str, str] = {}
    for variable in workload.container.env:
        reference, own = variable.value_from.secret_key_ref, variable.value_from.field_ref
        if reference is not None:
            key = (reference.name, reference.key)
            if key in secrets or not reference.optional:
                values[variable.name] = secrets[key]
        elif own is not None:
            values[variable.name] = {"metadata.name": pod_name}[own.field_path]
        else:
            values[variable.name] = variable.value or ""
    return values
