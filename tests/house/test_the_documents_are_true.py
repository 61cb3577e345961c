"""What the documents name exists: files, variables, operations, commands."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.main import get_command

import config_api.settings
import dispatcher.settings
import retriever.settings
from config_api.main import create_app
from ece_common.cli.main import app as ece

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "deploy/README.md")]
ALERTS = ROOT / "deploy" / "k8s" / "components" / "monitoring" / "alerts.yaml"
# A folder of the tree, or a file by its ending; `deploy/README.md` counts from its own folder too.
PATH = re.compile(r"`([\w.*{},-]+/[\w./*{},-]*|[\w*-]+\.(?:py|md|yml|yaml|toml|json))`")
# Media types and images have a slash and are no paths.
NOT_IN_THE_TREE = {"greenmail/standalone"}
VARIABLE = re.compile(r"`(ECE_[A-Z_]+)`")
OPERATION = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/v1/[\w/{}-]+)")
COMMAND = re.compile(r"(?:`|^\s*)ece ([a-z]+) ([a-z][a-z-]+)", re.MULTILINE)


def _spread(path: str) -> Iterator[str]:
    """`{a,b}` one after the other, as a shell does."""
    braces = re.search(r"\{([^{}]*)\}", path)
    if braces is None:
        yield path
        return
    for choice in braces[1].split(","):
        yield from _spread(path[: braces.start()] + choice + path[braces.end() :])


def _exists(path: str, document: Path) -> bool:
    if "/" not in path.rstrip("/"):
        # named beside its folder: any file or folder of that name in our own tree
        own = (ROOT / top for top in ("libs", "services", "tests", "deploy", "bench"))
        return (ROOT / path).exists() or any(next(folder.rglob(path.rstrip("/")), None) for folder in own)
    bases = (ROOT, document.parent, ROOT / "deploy" / "k8s")
    return any(next(base.glob(path.replace("...", "**").rstrip("/")), None) for base in bases)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_path_in_a_document_exists(document: Path) -> None:
    named = {path for found in PATH.findall(document.read_text()) for path in _spread(found)}
    assert sorted(path for path in named - NOT_IN_THE_TREE if not _exists(path, document)) == []


def test_the_readme_lists_every_variable_and_no_other() -> None:
    every = (config_api.settings.Settings, retriever.settings.Settings, dispatcher.settings.Settings)
    read = {f"ECE_{name.upper()}" for settings in every for name in settings.model_fields}
    rows = "\n".join(line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| `ECE_"))
    assert set(VARIABLE.findall(rows)) == read | {"ECE_TOKEN"}  # what `ece` reads besides


def test_no_settings_show_their_values_when_one_is_wrong() -> None:
    """A start-up error goes to a log; with the input it would take keys and tokens along."""
    every = (config_api.settings.Settings, retriever.settings.Settings, dispatcher.settings.Settings)
    assert [one.__module__ for one in every if not one.model_config.get("hide_input_in_errors")] == []


def test_every_operation_in_documents_and_alerts_exists() -> None:
    settings = config_api.settings.Settings(
        database_url=SecretStr("postgresql://nobody@127.0.0.1:1/none"), master_keys=[SecretStr("A" * 43 + "=")]
    )
    paths = create_app(settings).openapi()["paths"]
    exist = {(method.upper(), _nameless(path)) for path, methods in paths.items() for method in methods}
    named = {
        (method, _nameless(path))
        for document in [*DOCUMENTS, ALERTS]
        for method, path in OPERATION.findall(document.read_text())
    }
    assert named
    assert sorted(named - exist) == []


def _nameless(path: str) -> str:
    return re.sub(r"\{[^{}]*\}|(?<=/)\d+", "{}", path).rstrip("/")


def test_every_command_of_ece_in_documents_and_alerts_exists() -> None:
    groups = getattr(get_command(ece), "commands", {})
    exist = {(name, command) for name, group in groups.items() for command in group.commands}
    named = {found for document in [*DOCUMENTS, ALERTS] for found in COMMAND.findall(document.read_text())}
    assert named
    assert sorted(named - exist) == []
