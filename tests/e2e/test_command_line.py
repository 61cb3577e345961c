"""The command line against a running Config API: policies and quarantine as an administrator sets them up."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.suite import ADMINISTRATOR, Suite

ECE = str(Path(sys.executable).with_name("ece"))


class Ece:
    def __init__(self, suite: Suite) -> None:
        self._environment = {"ECE_CONFIG_API_URL": suite.url, "ECE_TOKEN": ADMINISTRATOR}

    def run(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ECE, *arguments],
            env=self._environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def __call__(self, *arguments: str) -> Any:
        """What the command prints as JSON."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.mark.rule(212, 215, 254, 255, 261, 263)
def test_policies_are_set_up_tried_and_deleted_once_confirmed(suite: Suite) -> None:
    ece, department = Ece(suite), str(suite.department())
    robot = ("name=Robot", "type=address", "phrase=parcel-robot", "failure=temporary")
    made = ece("delivery-exceptions", "create", department, *robot)
    tried = ece("delivery-exceptions", "try", department, "--from", "parcel-robot@courier.test")
    assert (tried["subtype"], tried["match"]["id"]) == ("email_temporary_undeliverable", made["id"])
    assert ece("delivery-exceptions", "set", str(made["id"]), "failure=permanent")["failure"] == "permanent"

    predefined = ece("delivery-exceptions", "list", department)[0]
    kept = ece.run("delivery-exceptions", "delete", str(predefined["id"]), typed="n\n")
    assert kept.returncode == 1
    assert "ALL departments" in kept.stdout
    assert ece.run("delivery-exceptions", "delete", str(made["id"]), typed="y\n").returncode == 0
    assert len(ece("delivery-exceptions", "list", department)) == 127

    blocked = ece("blocked-extensions", "create", department, "name=Programs", "blocked_file_extension=exe")
    assert blocked["blocked_file_extension"] == ".exe"
    assert ece.run("blocked-extensions", "delete", str(blocked["id"]), typed="n\n").returncode == 1
    assert ece.run("blocked-extensions", "delete", str(blocked["id"]), "--yes").returncode == 0
    assert ece("blocked-extensions", "list", department) == []

    refused = ece.run("masking-patterns", "create", "name=Broken", "java_regular_expression=(a")
    assert refused.returncode == 1
    assert "java_regular_expression" in refused.stderr
    pattern = ece("masking-patterns", "create", "name=Cards", r"java_regular_expression=\d{16}", "apply_luhn=true")
    assert pattern["apply_luhn"] is True
    assert ece("quarantine", "list", department) == []
    gone = ece.run("quarantine", "restore", "1")
    assert (gone.returncode, "not_found" in gone.stderr) == (1, True)


@pytest.mark.rule(33, 35)
def test_patterns_are_tried_applied_and_carried_in_a_file(suite: Suite, tmp_path: Path) -> None:
    ece = Ece(suite)
    pattern = ece("masking-patterns", "create", "name=Account numbers", r"java_regular_expression=\d{16}")
    assert ece("masking-patterns", "try", "4111111111111111", "--pattern", str(pattern["id"]))["text"] == "*" * 16
    applied = ece("masking-channel", "set", "mask_incoming=false", f"pattern_ids={pattern['id']}")
    assert (applied["mask_incoming"], applied["pattern_ids"]) == (False, [pattern["id"]])
    exported = tmp_path / "patterns.xml"
    assert ece.run("masking-patterns", "export", str(exported)).returncode == 0
    assert ece.run("masking-patterns", "export", str(exported)).returncode == 2, "nothing is overwritten"
    assert "Overwritten: Account numbers" in ece.run("masking-patterns", "import", str(exported)).stdout
    exported.write_text("no XML")
    assert "not_xml" in ece.run("masking-patterns", "import", str(exported)).stderr


def test_a_workflow_is_written_to_a_file_read_from_it_and_deleted_once_confirmed(
    suite: Suite, tmp_path: Path
) -> None:
    ece, department = Ece(suite), str(suite.department())
    queue = ece("queues", "create", department, "name=Returns")
    file = tmp_path / "workflow.json"
    rule = {"name": "Returns", "when": "subject.contains('Return')", "actions": {"queue_id": queue["id"]}}
    file.write_text(json.dumps({"name": "Start", "rules": [rule]}))
    made = ece("workflows", "create", department, str(file))
    # What `show` writes can be changed and set again.
    shown = ece("workflows", "show", str(made["id"]))
    file.write_text(json.dumps(shown | {"name": "Renamed"}))
    assert ece("workflows", "set", str(made["id"]), str(file))["name"] == "Renamed"

    file.write_text("[1]")
    refused = ece.run("workflows", "create", department, str(file))
    assert (refused.returncode, "must hold one JSON object" in refused.stderr) == (2, True)
    unknown = ece.run("workflows", "try", str(made["id"]), "99")
    assert (unknown.returncode, "activity_id" in unknown.stderr) == (1, True)

    assert ece.run("workflows", "delete", str(made["id"]), typed="n\n").returncode == 1
    assert ece.run("workflows", "delete", str(made["id"]), "--yes").returncode == 0
    assert ece("workflows", "list", department) == []
