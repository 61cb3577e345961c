"""Who works on an activity, what is written, and files that are saved."""

import base64
import stat
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from ece_common.cli.files import harmless
from tests.ece_common.cli.asked import Asked

ACTIVITY: dict[str, Any] = {
    "id": 17, "department_id": 1, "status": "assigned", "queue_id": 3, "assigned_to": "anna", "subject": "Late",
    "to": ["ada@customer.test"], "direction": "inbound",
    "attachments": [{"n": 1, "name": "../../.ssh/\x1b[2Jinvoice.pdf", "state": "available"}],
}  # fmt: skip


@pytest.fixture
def asked() -> Asked:
    return Asked(**ACTIVITY)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path) -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    """What is saved without a folder lands here."""
    with chdir(tmp_path):
        yield


@pytest.mark.rule(246)
def test_an_activity_is_picked_unless_somebody_else_was_first(asked: Asked) -> None:
    asked.answers["assigned_to"] = None

    assert asked("activities", "assign", "17", "bert").exit_code == 0

    assert asked.requests[-1] == ("POST", "activities/17/assign", {"assigned_to": "bert"})
    assert asked.headers[-1]["if-match"] == '"3"'


def test_an_activity_is_taken_from_somebody_only_on_yes(asked: Asked) -> None:
    refused = asked("activities", "assign", "17", "bert", typed="n\n")
    assert (refused.exit_code, asked.methods) == (1, ["GET"])
    assert "anna's: Late" in refused.stdout

    assert asked("activities", "assign", "17", "bert", typed="y\n").exit_code == 0
    assert asked.methods == ["GET", "GET", "POST"]


def test_an_activity_is_given_back_changed_and_told_in_one_line(asked: Asked) -> None:
    asked("activities", "give-back", "17")
    done = asked("activities", "set", "17", "status=completed", "queue_id=3")

    assert asked.requests == [
        ("POST", "activities/17/assign", {"assigned_to": None}),
        ("PATCH", "activities/17", {"status": "completed", "queue_id": 3}),
    ]
    assert done.stdout == "Activity 17 is assigned in queue 3 of department 1, assigned to anna.\n"


def test_a_new_message_is_composed_from_files(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Ada,\n")
    (tmp_path / "invoice.pdf").write_bytes(b"%PDF")
    asked.answers["attachments"] = [{"name": "invoice.pdf", "state": "quarantined"}]

    done = asked(
        *("activities", "compose", "1", "--to", "ada@customer.test", "--to", "bob@customer.test", "--subject", "Hi"),
        *("--file", "letter.txt", "--attach", "invoice.pdf", "--key", "k1", "--from", "sales@shop.test"),
    )

    assert done.exit_code == 0, done.output
    attachment = {
        "name": "invoice.pdf",
        "content_type": "application/pdf",
        "content_base64": base64.b64encode(b"%PDF").decode(),
    }
    body = {
        "text": "Dear Ada,\n", "to": ["ada@customer.test", "bob@customer.test"], "subject": "Hi",
        "from_address": "sales@shop.test", "attachments": [attachment],
    }  # fmt: skip
    assert asked.requests == [("POST", "departments/1/activities", body)]
    assert asked.headers[0]["idempotency-key"] == "k1"
    assert "invoice.pdf is blocked: the mail is sent without it" in done.stderr
    assert "ece activities delivery 17" in done.stdout


def test_a_message_is_typed_or_piped_in(asked: Asked) -> None:
    asked("activities", "compose", "1", "--to", "a@b.test", "--subject", "Hi", typed="Two\nlines.\n")

    assert asked.requests[0][2]["text"] == "Two\nlines.\n"


@pytest.mark.parametrize(
    "options", [("--text", "x", "--file", "y"), ("--file", "missing"), ("--attach", "missing"), ("--key", "\u00fc")]
)
def test_a_message_that_cannot_be_put_together_is_not_sent(asked: Asked, options: tuple[str, ...]) -> None:
    done = asked("activities", "reply", "17", *options)

    assert (done.exit_code, asked.requests) == (2, [])


def test_an_attachment_is_saved_under_a_harmless_name_that_only_its_owner_reads(asked: Asked, tmp_path: Path) -> None:
    asked.by_path["activities/17/attachments/1/content"] = b"%PDF"

    done = asked("activities", "save", "17", "1")

    assert done.exit_code == 0, done.output
    (saved,) = tmp_path.iterdir()
    assert saved.name == "_[2Jinvoice.pdf"
    assert saved.read_bytes() == b"%PDF"
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("C:\\temp\\a.pdf", "a.pdf"),
        ("..", "file"),
        ("-rf", "rf"),
        (".bashrc", "bashrc"),
        ("", "file"),
        ("a\nb", "a_b"),
        ("\u00fc" * 300, "\u00fc" * 100),
    ],
)
def test_a_strangers_file_name_leads_nowhere_else(name: str, safe: str) -> None:
    assert harmless(name, "file") == Path(safe)


@pytest.mark.parametrize("target", ["there.txt", "no/such/folder.txt"])
def test_what_cannot_be_saved_is_not_even_fetched(asked: Asked, tmp_path: Path, target: str) -> None:
    (tmp_path / "there.txt").write_text("mine")

    done = asked("quarantine", "save", "5", target)

    assert (done.exit_code, asked.requests) == (2, [])
    assert (tmp_path / "there.txt").read_text() == "mine"


def test_a_download_that_is_refused_leaves_no_file(asked: Asked, tmp_path: Path) -> None:
    asked.refusal = 404

    assert asked("activities", "original", "17").exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_blocked_attachment_is_saved_under_no_name_that_anybody_opens(asked: Asked, tmp_path: Path) -> None:
    asked.by_path["blocked-attachments/5/content"] = b"MZ"

    assert asked("quarantine", "save", "5").exit_code == 0
    assert (tmp_path / "blocked-attachment-5.quarantined").read_bytes() == b"MZ"


@pytest.mark.rule(232)
@pytest.mark.parametrize(("direction", "told"), [("outbound", True), ("inbound", False)])
def test_what_was_stripped_from_an_outgoing_mail_has_to_be_sent_again(
    asked: Asked, direction: str, told: bool
) -> None:
    asked.answers["direction"] = direction

    done = asked("quarantine", "restore", "5")

    assert "It is available on activity 17." in done.stdout
    assert ("The mail was sent without it; send it again" in done.stdout) is told


def test_a_delivery_is_cancelled_only_on_yes_and_an_uncertain_one_repeated_only_on_yes(asked: Asked) -> None:
    asked.answers["status"] = "uncertain"
    assert asked("activities", "cancel", "17", typed="\n").exit_code == 1
    assert asked("activities", "retry", "17", typed="\n").exit_code == 1
    assert "POST" not in asked.methods

    assert asked("activities", "cancel", "17", "--yes").exit_code == 0
    assert asked("activities", "retry", "17", typed="y\n").exit_code == 0
    assert [path for method, path, _ in asked.requests if method == "POST"] == [
        "activities/17/delivery/cancel",
        "activities/17/delivery/retry",
    ]


def test_the_list_says_in_which_queue_and_how_urgent() -> None:
    asked = Asked(items=[ACTIVITY | {"priority": 1}])

    head = asked("activities", "list").stdout.splitlines()[0].split()

    assert {"queue_id", "priority", "assigned_to"} <= set(head)


def test_the_audit_log_tells_the_newest_first_and_old_and_new_values() -> None:
    changes = {"status": ["new", "assigned"], "assigned_to": [None, "anna"]}
    made = {"name": "Cards", "alias_ids": [3, 4], "description": ""}
    entry = {
        "id": 2,
        "principal": "desk",
        "action": "activity.assigned",
        "subject": "activity/17",
        "changes": changes,
    }
    asked = Asked(items=[entry, entry | {"id": 1, "action": "workflow.created", "changes": made}])

    done = asked("audit-log", "list", "subject=activity/17", "--limit", "2")

    assert asked.queries == [{"order": "newest", "subject": "activity/17", "limit": "2"}]
    assert "status: new -> assigned, assigned_to: null -> anna" in done.stdout
    assert "name: Cards, alias_ids: [3, 4]\n" in done.stdout
    assert "--limit" in done.stderr


def test_a_filter_of_null_is_refused(asked: Asked) -> None:
    done = asked("activities", "list", "assigned_to=null")

    assert (done.exit_code, asked.requests) == (2, [])
