"""How pip inside a build reaches the package index that pip outside reaches."""

import ast
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

# Where the Dockerfiles mount the secret `pip_ca`.
CA_IN_BUILD = "/run/pip-ca.pem"
_CA_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_UV_EQUIVALENTS = {
    "UV_DEFAULT_INDEX": "index-url",
    "UV_INDEX_URL": "index-url",
    "UV_EXTRA_INDEX_URL": "extra-index-url",
}


def effective_options(listing: str) -> dict[str, str]:
    """`pip config list` prints `global.index-url='...'`; the environment comes first there and wins."""
    options: dict[str, str] = {}
    for line in listing.splitlines():
        name, found, quoted = line.partition("=")
        section, _, option = name.rpartition(".")
        if found and section in {"global", "install", ":env:"}:
            options.setdefault(option, str(ast.literal_eval(quoted)))
    return options


def host_options(python: str, environment: Mapping[str, str]) -> dict[str, str]:
    done = subprocess.run(
        [python, "-m", "pip", "config", "list"], capture_output=True, text=True, timeout=60, check=True
    )
    options = effective_options(done.stdout)
    for variable, option in _UV_EQUIVALENTS.items():
        if environment.get(variable):
            options.setdefault(option, environment[variable])
    return options


def ca_file(options: Mapping[str, str], environment: Mapping[str, str]) -> Path | None:
    candidates = [options.get("cert"), *(environment.get(name) for name in _CA_VARIABLES)]
    return next((Path(name) for name in candidates if name and Path(name).is_file()), None)


def configuration(options: Mapping[str, str], *, with_ca: bool) -> str:
    """A pip.conf for the build. What points into this machine's files stays here, but for the certificates."""
    kept = {name: _reachable(value) for name, value in options.items() if name != "cert"}
    lines = [f"{name} = {value}" for name, value in kept.items() if value]
    if with_ca:
        lines.append(f"cert = {CA_IN_BUILD}")
    return "\n".join(["[global]", *lines, ""])


def _reachable(value: str) -> str:
    return " ".join(word for word in value.split() if not word.startswith(("file:", "/")))


def build_secrets(folder: Path, python: str) -> dict[str, Path]:
    """The build secrets by id, written below `folder` (private, and gone with it)."""
    options = host_options(python, os.environ)
    certificates = ca_file(options, os.environ)
    written = folder / "pip.conf"
    written.touch(mode=0o600)
    written.write_text(configuration(options, with_ca=certificates is not None))
    return {"pip_conf": written} | ({"pip_ca": certificates} if certificates else {})
