"""Rules of the house that no stock linter knows, each with its reason."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for folder in ("libs", "services") for path in sorted((ROOT / folder).rglob("src/**/*.py"))]
MODULES = [path for path in SOURCES if "versions" not in path.parts]
TESTS = [path for path in sorted((ROOT / "tests").rglob("*.py")) if path != Path(__file__).resolve()]
# Where a commit may stand: at the edge of a request, around a migration, and in a short transaction of its own.
MAY_COMMIT = {"database.py", "migrating.py"}
MAXIMUM_MODULE = 300
MAXIMUM_FUNCTION = 50


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield f"{_named(path)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def test_a_commit_stands_at_the_edge_only() -> None:
    """A commit inside a use case could acknowledge half a change."""
    found = [_named(path) for path in MODULES if path.name not in MAY_COMMIT and ".commit(" in path.read_text()]
    assert found == []


def test_a_module_can_be_read_in_one_sitting() -> None:
    long = {_named(path): lines for path in MODULES if (lines := len(path.read_text().splitlines())) > MAXIMUM_MODULE}
    assert long == {}


def test_a_function_can_be_read_at_one_glance() -> None:
    long = {name: lines for path in MODULES for name, lines in _functions(path) if lines > MAXIMUM_FUNCTION}
    assert long == {}


def test_modules_are_named_for_what_they_decide() -> None:
    nameless = {"utils.py", "util.py", "helpers.py", "common.py", "managers.py", "misc.py", "core.py"}
    assert [_named(path) for path in MODULES if path.name in nameless] == []


def test_nothing_is_patched_in_tests() -> None:
    """A patched test proves what the patch says. Fakes keep state and stand at ports."""
    patching = re.compile(r"monkeypatch|unittest\.mock|\bmocker\b|MagicMock")
    assert [_named(path) for path in TESTS if patching.search(path.read_text())] == []


def test_settings_are_read_in_one_place() -> None:
    """Below `settings.py` nothing reads the environment: what configures a service is seen in one file."""
    # the command line is a program of its own
    reading = [
        _named(path)
        for path in MODULES
        if path.name != "settings.py"
        and "cli" not in path.parts
        and re.search(r"os\.(environ|getenv)", path.read_text())
    ]
    assert reading == []


def test_every_package_has_the_version_at_the_top_of_the_changelog() -> None:
    top = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert top is not None
    projects = [ROOT / "pyproject.toml", *ROOT.glob("libs/*/pyproject.toml"), *ROOT.glob("services/*/pyproject.toml")]
    assert {tomllib.loads(path.read_text())["project"]["version"] for path in projects} == {top.group(1)}


def test_lock_files_pin_hashes_and_name_no_address() -> None:
    locks = [ROOT / "tests" / "requirements.txt", *ROOT.glob("services/*/requirements.txt")]
    assert len(locks) == 4
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text
        assert "--hash=sha256:" in text
        requirements = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert all("==" in line for line in requirements)


def test_the_readme_names_only_commands_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(
        re.findall(r"`make ([a-z-]+)", (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text())
    )
    assert named
    assert named <= targets


def test_no_test_judges_how_long_something_took() -> None:
    """A busy machine would fail it. A bound of work, a condition, or pytest's own timeout says the same for good."""
    spent = re.compile(r"assert .*(time|monotonic|perf_counter|_ns)\(\) - \w+( < |\))")
    assert [_named(path) for path in TESTS if spent.search(path.read_text())] == []
