"""Builds, inspects and rehearses each image, and prints what it found. Exit code 0 only when all of it holds."""

import contextlib
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.images.base_image import Unbuildable
from deploy.images.engines import IMAGE_USER, Build, Container, Engine, choose
from deploy.images.package_index import build_secrets
from deploy.manifests import ROOT, Workload, base, workloads
from deploy.rehearsal import Rehearsal, throw_away_secrets
from tests.rig.ports import wait_until
from tests.rig.postgres import Postgres

SERVICES = ("config-api", "retriever", "dispatcher")
# Run inside the image: each line is one thing that must be so.
_INSPECTION = """
import importlib.util, os, shutil
try:
    open("/written", "w")
    root = "writable"
except OSError:
    root = "refused"
tools = [t for t in ("cc", "gcc", "cpp", "ld", "make") if shutil.which(t)]
pip = bool(importlib.util.find_spec("pip")) and importlib.util.find_spec("pip").origin.startswith("/opt/venv")
licences = sum(len(files) for _, _, files in os.walk("/licenses"))
print(os.getuid(), root, ",".join(tools) or "none", pip, licences)
"""


@dataclass(slots=True)
class Row:
    """What was seen of one image; a line of the table."""

    service: str
    built: str = "-"
    user: str = "-"
    root: str = "-"
    compiler: str = "-"
    healthz: str = "-"
    readyz: str = "-"
    stop: str = "-"
    problem: str = ""

    def cells(self) -> list[str]:
        return [self.service, self.built, self.user, self.root, self.compiler, self.healthz, self.readyz, self.stop]


_HEADINGS = ["image", "built", "uid", "write to /", "compiler", "/healthz", "/readyz", "SIGTERM"]


def _version(service: str) -> str:
    project = tomllib.loads((ROOT / "services" / service / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def tag(service: str) -> str:
    return f"localhost/ece-{service}:{_version(service)}"


def _build(engine: Engine, row: Row, folder: Path) -> None:
    began = time.monotonic()
    dockerfile = ROOT / "services" / row.service / "Dockerfile"
    secrets = build_secrets(folder, sys.executable)
    arguments = {"VERSION": _version(row.service)}
    engine.build(Build(dockerfile, tag(row.service), secrets, arguments), folder / f"build-{row.service}.log")
    row.built = f"{time.monotonic() - began:.0f} s"


def _inspect(engine: Engine, row: Row) -> None:
    row.user, row.root, row.compiler, pip, licences = engine.python(tag(row.service), _INSPECTION).split()
    expected = (str(IMAGE_USER), "refused", "none", "False", "3")
    if (row.user, row.root, row.compiler, pip, licences) != expected:
        raise Unbuildable(
            f"user, write to /, compiler, pip, licence files: {row} {pip} {licences}; wanted {expected}"
        )


def _timed(container: Container, true: Callable[[], bool], what: str) -> str:
    began = time.monotonic()
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: not container.alive or true(), seconds=60)
    if not container.alive or not true():
        last = "\n".join(container.log_text().splitlines()[-15:])
        raise Unbuildable(f"{what} was not answered; the end of its log:\n{last}")
    return f"200 in {time.monotonic() - began:.1f} s"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the rehearsal takes place."""

    engine: Engine
    rehearsal: Rehearsal
    folder: Path

    def start(self, workload: Workload) -> contextlib.AbstractContextManager[Container]:
        environment = self.rehearsal.environment(workload)
        log = self.folder / f"{workload.name}.log"
        return self.engine.start(tag(workload.service), workload.container.args, environment, log)

    def migrate(self, workload: Workload) -> None:
        with self.start(workload) as container:
            wait_until(lambda: not container.alive, seconds=120, what="the end of the migration")
            if (code := container.stop(1)) != 0:
                raise Unbuildable(f"the migration ended with {code}:\n{container.log_text()[-3000:]}")

    def probe(self, workload: Workload, row: Row, container: Container) -> None:
        probes = workload.container.probes()
        answers = self.rehearsal.answers
        row.healthz = _timed(container, lambda: answers(workload, probes["startup"]), "/healthz")
        row.readyz = _timed(container, lambda: answers(workload, probes["readiness"]), "/readyz")

    def end(self, workload: Workload, row: Row, container: Container) -> None:
        code = container.stop(workload.pod.termination_grace_period_seconds)
        row.stop = f"exit {code}"
        if code != 0:
            raise Unbuildable(f"SIGTERM did not end it with 0:\n{container.log_text()[-3000:]}")


def _noting(row: Row, step: Callable[[], None]) -> bool:
    try:
        step()
    except (Unbuildable, TimeoutError) as problem:
        row.problem = str(problem)
    return not row.problem


def _rehearse(stage: Stage, rows: dict[str, Row]) -> None:
    """The workers while the Config API runs, each ended in order; the Config API last."""
    found = workloads(base())
    owner, owner_row = found["ece-config-api"], rows["config-api"]
    stage.migrate(found["ece-migrate"])
    with stage.start(owner) as config_api:
        if not _noting(owner_row, lambda: stage.probe(owner, owner_row, config_api)):
            return
        for name in ("retriever", "dispatcher"):
            worker, row = found[f"ece-{name}"], rows[name]
            with stage.start(worker) as container:
                if _noting(row, lambda w=worker, r=row, c=container: stage.probe(w, r, c)):
                    _noting(row, lambda w=worker, r=row, c=container: stage.end(w, r, c))
        _noting(owner_row, lambda: stage.end(owner, owner_row, config_api))


def _print(rows: list[Row]) -> None:
    lines = [_HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    for row in rows:
        if row.problem:
            print(f"\n{row.service}: {row.problem}")


def main() -> int:
    rows = {service: Row(service) for service in SERVICES}
    with tempfile.TemporaryDirectory(prefix="ece-images-") as name:
        folder = Path(name)
        engine = choose()
        print(f"building with {engine.name}", flush=True)
        for row in rows.values():
            _build(engine, row, folder)
            _inspect(engine, row)
        with Postgres() as postgres:
            secrets = throw_away_secrets(postgres.create_database("rehearsal"))
            _rehearse(Stage(engine, Rehearsal(secrets), folder), rows)
    _print(list(rows.values()))
    return int(any(row.problem or row.stop != "exit 0" for row in rows.values()))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Unbuildable as problem:
        sys.exit(f"deploy/build-images: {problem}")
