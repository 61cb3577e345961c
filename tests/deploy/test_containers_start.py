"""Each container's command with its manifest's environment, as a process, against a real Postgres."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.manifests import ROOT, Probe, Workload, base, workloads
from deploy.rehearsal import Rehearsal, throw_away_secrets
from tests.rig.ports import wait_until
from tests.rig.postgres import Postgres
from tests.rig.processes import Process, ServerFolder

WORKERS = ("ece-retriever", "ece-dispatcher")


@pytest.fixture(scope="module")
def found() -> dict[str, Workload]:
    return workloads(base())


@pytest.fixture
def rehearsal(postgres: Postgres) -> Iterator[Rehearsal]:
    name = "deploy_rehearsal"
    yield Rehearsal(throw_away_secrets(postgres.create_database(name)))
    postgres.drop_database(name)


@pytest.fixture
def started() -> Iterator[ExitStack]:
    """What a test starts is killed at its end."""
    with ExitStack() as stack:
        yield stack


def command(workload: Workload) -> list[str]:
    """The image's entry point, as this environment has it, with the manifest's arguments."""
    dockerfile = (ROOT / "services" / workload.service / "Dockerfile").read_text()
    (entry,) = re.findall(r"^ENTRYPOINT (\[.*\])$", dockerfile, re.MULTILINE)
    program, *arguments = json.loads(entry)
    return [str(Path(sys.executable).with_name(Path(program).name)), *arguments, *workload.container.args]


def start(workload: Workload, rehearsal: Rehearsal, started: ExitStack) -> Process:
    folder = ServerFolder(workload.name)
    started.callback(folder.remove)
    # Nothing of this machine's environment but the path: what the manifest forgets is not there.
    environment = {"PATH": str(Path(sys.executable).parent)} | rehearsal.environment(workload)
    process = Process(command(workload), log=folder.path / "log", env=environment)
    started.callback(process.kill)
    return process


def migrate(workload: Workload, rehearsal: Rehearsal, started: ExitStack) -> None:
    migration = start(workload, rehearsal, started)
    wait_until(lambda: not migration.alive, seconds=30, what="the end of the migration")
    assert migration.exit_code == 0, migration.log_text()


def await_probe(workload: Workload, probe: Probe, rehearsal: Rehearsal, process: Process) -> None:
    # What the kubelet grants, but on a busy machine never less than half a minute.
    seconds = max(probe.period_seconds * probe.failure_threshold, 30)
    try:
        wait_until(lambda: not process.alive or rehearsal.answers(workload, probe), seconds=seconds)
    except TimeoutError:
        pytest.fail(f"{workload.name} {probe.http_get.path} was not answered:\n{process.log_text()[-4000:]}")
    assert process.alive, process.log_text()


def await_all_probes(workload: Workload, rehearsal: Rehearsal, process: Process) -> None:
    for name in ("startup", "liveness", "readiness"):
        await_probe(workload, workload.container.probes()[name], rehearsal, process)


def end(workload: Workload, process: Process) -> None:
    process.ask_to_end()
    wait_until(lambda: not process.alive, seconds=workload.pod.termination_grace_period_seconds)
    assert process.exit_code == 0, process.log_text()


def test_every_container_starts_answers_its_probes_and_ends_in_order(
    found: dict[str, Workload], rehearsal: Rehearsal, started: ExitStack
) -> None:
    migrate(found["ece-migrate"], rehearsal, started)
    owner = found["ece-config-api"]
    config_api = start(owner, rehearsal, started)
    await_all_probes(owner, rehearsal, config_api)
    workers = {name: start(found[name], rehearsal, started) for name in WORKERS}
    for name, process in workers.items():
        await_all_probes(found[name], rehearsal, process)

    for name, process in workers.items():
        end(found[name], process)
    end(owner, config_api)


def test_the_config_api_is_alive_but_not_ready_until_the_migration_ran(
    found: dict[str, Workload], rehearsal: Rehearsal, started: ExitStack
) -> None:
    owner = found["ece-config-api"]
    probes = owner.container.probes()
    config_api = start(owner, rehearsal, started)
    await_probe(owner, probes["startup"], rehearsal, config_api)
    assert not rehearsal.answers(owner, probes["readiness"])

    migrate(found["ece-migrate"], rehearsal, started)

    await_probe(owner, probes["readiness"], rehearsal, config_api)


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_is_alive_but_not_ready_while_the_config_api_is_away(
    found: dict[str, Workload], rehearsal: Rehearsal, started: ExitStack, name: str
) -> None:
    rehearsal.port(found["ece-config-api"])  # known, and nobody listens there
    worker = start(found[name], rehearsal, started)
    probes = found[name].container.probes()
    await_probe(found[name], probes["liveness"], rehearsal, worker)

    assert not rehearsal.answers(found[name], probes["readiness"])
    end(found[name], worker)
