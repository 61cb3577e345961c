from pathlib import Path

import pytest

from tests.ece_common.cli.asked import Asked

SECRET = "the smtp password"


@pytest.fixture
def asked() -> Asked:
    return Asked(own=True)


@pytest.mark.parametrize("what", ["settings", "masking-channel"])
def test_the_partitions_and_a_departments_configuration_are_shown(asked: Asked, what: str) -> None:
    assert asked(what, "show").exit_code == 0
    assert asked(what, "show", "--department", "3").exit_code == 0

    assert asked.requests == [("GET", what, None), ("GET", f"departments/3/{what}", None)]


@pytest.mark.rule(208, 209)
def test_lists_are_separated_by_commas_and_null_gives_a_setting_back(asked: Asked) -> None:
    fields = ("attachments_blocked=.exe, .js", "attachments_allowed=", "notification_to_address=null")

    assert asked("settings", "set", *fields).exit_code == 0

    body = {"attachments_blocked": [".exe", ".js"], "attachments_allowed": [], "notification_to_address": None}
    assert asked.requests == [("PATCH", "settings", body)]


@pytest.mark.rule(36)
def test_a_department_takes_the_masking_channel_over_and_gives_it_back(asked: Asked) -> None:
    asked("masking-channel", "set", "--department", "3", "own=true", "pattern_ids=2,1")
    asked("masking-channel", "set", "own=false", "--department", "3")

    path = "departments/3/masking-channel"
    assert asked.requests == [
        ("PATCH", path, {"own": True, "pattern_ids": [2, 1]}),
        ("PATCH", path, {"own": False}),
    ]


def test_the_password_of_the_default_server_is_asked_for_twice_and_never_an_argument(asked: Asked) -> None:
    refused = asked("settings", "set", f"default_smtp_password={SECRET}")
    assert (refused.exit_code, asked.requests) == (2, [])

    assert asked("settings", "set", "--password", typed=f"{SECRET}\nother\n").exit_code == 1
    assert asked.requests == []

    done = asked("settings", "set", "--password", typed=f"{SECRET}\n{SECRET}\n")
    assert done.exit_code == 0, done.output
    assert SECRET not in done.output
    assert asked.requests == [("PATCH", "settings", {"default_smtp_password": SECRET})]


def test_the_password_is_read_from_a_file_or_cleared(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(SECRET + "\n")

    asked("settings", "set", "--password-file", str(tmp_path / "password"))
    asked("settings", "set", "default_smtp_password=null")

    assert [body["default_smtp_password"] for _, _, body in asked.requests] == [SECRET, None]


def test_a_department_has_no_server_of_its_own(asked: Asked) -> None:
    done = asked("settings", "set", "--department", "3", "--password")

    assert (done.exit_code, asked.requests) == (2, [])


@pytest.mark.parametrize("what", ["settings", "masking-channel"])
def test_a_change_of_nothing_is_refused(asked: Asked, what: str) -> None:
    assert (asked(what, "set").exit_code, asked.requests) == (2, [])
