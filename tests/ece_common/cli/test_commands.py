import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ece_common.cli.administration import Kept
from tests.ece_common.cli.conftest import Ece


def _ece(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The installed console script, with nothing but this environment."""
    program = str(Path(sys.executable).with_name("ece"))
    return subprocess.run(
        [program, *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def test_departments_are_created_and_listed_over_all_pages(ece: Ece) -> None:
    for name in ("Service", "Billing", "Press"):
        assert ece("departments", "create", name, "--description", "for " + name).exit_code == 0

    listed = json.loads(ece("departments", "list", "--json").stdout)

    assert [one["name"] for one in listed] == ["Shop", "Service", "Billing", "Press"]
    assert "for Billing" in ece("departments", "list").stdout


def test_a_department_is_renamed_and_deleted_only_when_confirmed(kept: Kept, ece: Ece) -> None:
    assert ece("departments", "set", "1", "name=Store").exit_code == 0
    assert kept.departments[0]["name"] == "Store"

    refused = ece("departments", "delete", "1", typed="n\n")
    assert (refused.exit_code, len(kept.departments)) == (1, 1)
    assert "Store" in refused.stdout

    assert ece("departments", "delete", "1", "--yes").exit_code == 0
    assert kept.departments == []


def test_a_token_is_minted_listed_without_its_text_and_revoked(kept: Kept, ece: Ece) -> None:
    assert "ece_new" in ece("tokens", "mint", "blue", "--kind", "retriever", "--instance", "blue").stdout
    listed = ece("tokens", "list").stdout
    assert "blue" in listed
    assert "ece_new" not in listed

    assert ece("tokens", "revoke", "5").exit_code == 0
    assert kept.tokens[5]["revoked_at"] is not None


def test_a_token_is_limited_to_departments_and_actions(kept: Kept, ece: Ece) -> None:
    limits = ("--department", "1", "--department", "3", "--action", "restore_blocked_attachment")
    assert "ece_new" in ece("tokens", "mint", "desk", *limits).stdout
    assert kept.bodies[-1]["department_ids"] == [1, 3]
    assert kept.bodies[-1]["actions"] == ["restore_blocked_attachment"]


def test_an_instance_is_created_and_says_what_its_workers_need(kept: Kept, ece: Ece) -> None:
    done = ece("instances", "create", "blue", "--kind", "dispatcher")

    assert kept.instances["dispatcher"][0]["name"] == "blue"
    assert "ECE_INSTANCE=blue" in done.stdout


def test_an_answer_given_twice_with_the_same_key_is_sent_once(kept: Kept, ece: Ece) -> None:
    for _ in range(2):
        assert ece("activities", "reply", "4", "--text", "Tomorrow.", "--key", "k1").exit_code == 0

    assert [reply["text"] for reply in kept.replies] == ["Tomorrow."]


def test_a_delivery_is_shown_in_the_mail_servers_words(ece: Ece) -> None:
    assert "550 5.1.1 No such user" in ece("activities", "delivery", "99").stdout


def test_a_token_that_may_not_is_told_so(ece: Ece) -> None:
    done = ece("departments", "list", token="stolen")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "This token does not allow that (forbidden)" in done.stderr
    assert "stolen" not in done.output


def test_aliases_are_added_to_and_taken_from_an_instance_by_name(kept: Kept, ece: Ece) -> None:
    kept.instances["retriever"] = [
        {"id": 1, "kind": "retriever", "name": "default", "alias_ids": [3], "replicas": []}
    ]

    assert ece("instances", "add-alias", "default", "5", "4", "3").exit_code == 0
    assert kept.instances["retriever"][0]["alias_ids"] == [3, 4, 5]

    assert ece("instances", "remove-alias", "default", "3", "5").exit_code == 0
    assert kept.instances["retriever"][0]["alias_ids"] == [4]
    assert "default" in ece("instances", "list").stdout


def test_an_instance_that_does_not_exist_is_named(ece: Ece) -> None:
    done = ece("instances", "add-alias", "blue", "5", "--kind", "dispatcher")

    assert done.exit_code == 1
    assert "no dispatcher instance named blue" in done.stderr


def test_activities_are_filtered_and_a_hostile_subject_cannot_move_the_cursor(kept: Kept, ece: Ece) -> None:
    kept.activities = [
        {"id": 4, "from": "a@b.test", "to": ["x@y.test", "z@y.test"], "subject": "\x1b[2JHi [red]\u202e"}
    ]

    done = ece("activities", "list", "status=new", "department_id=1", "--limit", "10")

    assert kept.queries == [{"status": "new", "department_id": "1", "limit": "10"}]
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "Hi [red]" in done.stdout
    assert "x@y.test, z@y.test" in done.stdout


def test_an_answer_is_given_as_an_option_or_on_standard_input(kept: Kept, ece: Ece) -> None:
    assert ece("activities", "reply", "4", "--text", "Done.", "--subject", "Fixed").exit_code == 0
    assert ece("activities", "reply", "4", typed="Two\nlines.\n").exit_code == 0

    assert kept.replies == [
        {"parent_id": 4, "text": "Done.", "subject": "Fixed"},
        {"parent_id": 4, "text": "Two\nlines.\n"},
    ]


def test_a_token_is_minted_and_shown_once(kept: Kept, ece: Ece) -> None:
    done = ece("tokens", "mint", "blue", "--kind", "retriever", "--instance", "default")

    assert "ece_new" in done.stdout
    assert kept.bodies == [{"name": "blue", "kind": "retriever", "instance": "default"}]


def test_the_feed_is_printed_to_its_end_as_lines_and_says_where_to_go_on(kept: Kept, ece: Ece) -> None:
    kept.events = [{"id": n, "type": "alias.inactive", "subject": f"alias/{n}"} for n in range(1, 6)]

    done = ece("events", "tail", "--once", "--after", "1")

    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [2, 3, 4, 5]
    assert "--after 5" in done.stderr


def test_without_an_address_or_a_token_it_says_what_to_set() -> None:
    assert "ECE_CONFIG_API_URL" in _ece("departments", "list").stderr

    done = _ece("departments", "list", ECE_CONFIG_API_URL="http://127.0.0.1:9")
    assert done.returncode == 2
    assert "ECE_TOKEN" in done.stderr


@pytest.mark.parametrize(
    ("url", "words", "code"), [("http://127.0.0.1:9", "network", 1), ("http://api.test", "plain http", 2)]
)
def test_a_server_out_of_reach_or_out_of_bounds_is_one_line_and_no_traceback(url: str, words: str, code: int) -> None:
    done = _ece("--url", url, "departments", "list", ECE_TOKEN="adm1n")

    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "adm1n" not in done.stderr


def test_a_token_is_not_taken_from_the_command_line(ece: Ece) -> None:
    done = ece("--token", "adm1n", "departments", "list")

    assert done.exit_code == 2
    assert "No such option" in done.stderr
