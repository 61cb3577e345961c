"""What builds an image here and runs what is in it: a container engine that works, otherwise buildah by itself."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deploy.images.base_image import Unbuildable, ensure
from deploy.manifests import ROOT
from tests.rig.ports import wait_until
from tests.rig.processes import Process

# What an image runs as; the Dockerfiles' USER.
IMAGE_USER = 10001


@dataclass(frozen=True, slots=True)
class Build:
    """One image to build."""

    dockerfile: Path
    tag: str
    secrets: Mapping[str, Path]
    arguments: Mapping[str, str]

    def options(self) -> list[str]:
        arguments = [f"--build-arg={name}={value}" for name, value in self.arguments.items()]
        secrets = [f"--secret=id={name},src={path}" for name, path in self.secrets.items()]
        return [*arguments, *secrets, "--file", str(self.dockerfile), "--tag", self.tag, str(ROOT)]


class Container(Protocol):
    """One started container."""

    @property
    def alive(self) -> bool: ...
    def stop(self, seconds: float) -> int:
        """SIGTERM to the service; its exit code, -1 when it had to be killed."""
        ...

    def log_text(self) -> str: ...


class Engine(Protocol):
    """Where images are built and containers started, all on the host's network."""

    name: str

    def build(self, build: Build, log: Path) -> None: ...
    def start(
        self, tag: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> contextlib.AbstractContextManager[Container]:
        """The image's entry point with `arguments`; gone at the end of the with block."""
        ...

    def python(self, tag: str, program: str) -> str:
        """What `program` prints, run as the image's own user by its own Python."""
        ...


def _logged(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
    with log.open("ab") as out:
        done = subprocess.run(command, stdout=out, stderr=out, env=environment, timeout=1800, check=False)
    if done.returncode != 0:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise Unbuildable(f"{' '.join(command[:2])} failed; the end of {log}:\n{last}")


def _output(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise Unbuildable(f"{' '.join(command[:3])} failed:\n{done.stderr.strip()}")
    return done.stdout.strip()


@contextlib.contextmanager
def _working_container(tag: str) -> Generator[str]:
    name = _output(["buildah", "from", "--pull-never", tag])
    try:
        yield name
    finally:
        _output(["buildah", "rm", name])


def _runs_program(pid: int, program: str) -> bool:
    """Not buildah's own process, whose arguments name the program as well."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        return program in words[:2] and not words[0].startswith("buildah")
    return False


class _ChrootContainer:
    """A service below `buildah run`, which dies of a signal instead of passing it on: it goes past it."""

    def __init__(self, process: Process, program: str) -> None:
        self._process = process
        self._program = program

    @property
    def alive(self) -> bool:
        return self._process.alive

    def log_text(self) -> str:
        return self._process.log_text()

    def stop(self, seconds: float) -> int:
        for pid in self._process.members():
            if _runs_program(pid, self._program):
                os.kill(pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: not self.alive, seconds=seconds)
        code = self._process.exit_code
        return -1 if code is None else code


class Buildah:
    """Needs root, but neither a daemon nor namespaces: the isolation is a chroot, so what runs sees loopback."""

    name = "buildah (chroot isolation)"

    def build(self, build: Build, log: Path) -> None:
        arguments = {"BASE_IMAGE": os.environ.get("BASE_IMAGE") or ensure(log)} | dict(build.arguments)
        complete = Build(build.dockerfile, build.tag, build.secrets, arguments)
        # Docker's format, since OCI's has no HEALTHCHECK.
        _logged(["buildah", "bud", "--isolation=chroot", "--format=docker", "--layers", *complete.options()], log)

    @contextlib.contextmanager
    def start(
        self, tag: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> Generator[Container]:
        entry = json.loads(_output(["buildah", "inspect", "--type=image", tag]))["Docker"]["config"]["Entrypoint"]
        with _working_container(tag) as name:
            options = [f"--env={key}={value}" for key, value in environment.items()]
            command = ["buildah", "run", "--isolation=chroot", *options, name, "--", *entry, *arguments]
            process = Process(command, log=log)
            try:
                yield _ChrootContainer(process, entry[0])
            finally:
                process.kill()

    def python(self, tag: str, program: str) -> str:
        with _working_container(tag) as name:
            return _output(["buildah", "run", "--isolation=chroot", name, "--", "python", "-c", program])


class _EngineContainer:
    def __init__(self, engine: str, name: str) -> None:
        self._engine, self._name = engine, name

    def _state(self, field: str) -> str:
        return _output([self._engine, "inspect", "--format", "{{.State." + field + "}}", self._name])

    @property
    def alive(self) -> bool:
        return self._state("Running") == "true"

    def log_text(self) -> str:
        return subprocess.run([self._engine, "logs", self._name], capture_output=True, text=True, check=False).stderr

    def stop(self, seconds: float) -> int:
        _output([self._engine, "stop", f"--time={int(seconds)}", self._name])
        return int(self._state("ExitCode"))


class Docker:
    """docker, or podman where its `run` works; with the same restrictions as docker-compose.yml."""

    def __init__(self, command: str) -> None:
        self.name = self._command = command

    def build(self, build: Build, log: Path) -> None:
        base = os.environ.get("BASE_IMAGE")
        arguments = dict(build.arguments) | ({"BASE_IMAGE": base} if base else {})
        complete = Build(build.dockerfile, build.tag, build.secrets, arguments)
        _logged([self._command, "build", *complete.options()], log, {**os.environ, "DOCKER_BUILDKIT": "1"})

    @contextlib.contextmanager
    def start(
        self, tag: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> Generator[Container]:
        name = f"ece-rehearsal-{uuid.uuid4().hex[:12]}"
        hardened = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
        options = [f"--env={key}={value}" for key, value in environment.items()]
        command = [self._command, "run", "--detach", f"--name={name}", "--network=host", *hardened, *options]
        _output([*command, tag, *arguments])
        container = _EngineContainer(self._command, name)
        try:
            yield container
        finally:
            log.write_text(container.log_text())
            _output([self._command, "rm", "--force", name])

    def python(self, tag: str, program: str) -> str:
        return _output([self._command, "run", "--rm", "--entrypoint=python", tag, "-c", program])


def _runs(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    with contextlib.suppress(subprocess.TimeoutExpired):
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
    return False


def choose() -> Engine:
    """ENGINE=docker|podman|buildah decides; otherwise docker when its daemon answers, else buildah."""
    wanted = os.environ.get("ENGINE", "")
    if wanted in {"docker", "podman"}:
        return Docker(wanted)
    if not wanted and _runs("docker", "info"):
        return Docker("docker")
    missing = [name for name in ("buildah", "podman", "debootstrap") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        raise Unbuildable(
            "no Docker engine answers, and without one root, buildah, podman and debootstrap are needed"
            + (f"; missing: {', '.join(missing)}" if missing else "; this is not root")
        )
    return Buildah()
