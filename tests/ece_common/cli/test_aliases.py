from pathlib import Path

import pytest

from tests.ece_common.cli.administration import Kept, an_alias
from tests.ece_common.cli.conftest import Ece

NEW = (
    "name=Support",
    "email_address=support@shop.test",
    "incoming.server_type=IMAP",
    "incoming.server_name=mail.test",
    "incoming.user_name=support",
    "incoming.port=1993",
    "outgoing.server_name=smtp.test",
)
WITH_SMTP_USER = (*NEW, "outgoing.server_type=ESMTP", "outgoing.user_name=support")


@pytest.mark.rule(79)
def test_an_alias_is_saved_once_the_incoming_password_was_typed_twice_the_same(kept: Kept, ece: Ece) -> None:
    done = ece("aliases", "create", "1", *NEW, typed="hunter2\nhunter3\nhunter2\nhunter2\n")

    assert done.exit_code == 0, done.output
    assert len(kept.bodies) == 1
    assert kept.bodies[0]["incoming"]["password"] == "hunter2"
    assert kept.bodies[0]["incoming"]["verify_password"] == "hunter2"
    assert kept.aliases[1]["email_address"] == "support@shop.test"


@pytest.mark.rule(79)
def test_an_alias_is_not_saved_while_the_incoming_passwords_differ(kept: Kept, ece: Ece) -> None:
    done = ece("aliases", "create", "1", *NEW, typed="hunter2\nhunter3\n")

    assert done.exit_code == 1
    assert "do not match" in done.output
    assert kept.bodies == []


@pytest.mark.rule(106)
def test_an_alias_is_not_saved_while_the_outgoing_passwords_differ(kept: Kept, ece: Ece) -> None:
    done = ece("aliases", "create", "1", *WITH_SMTP_USER, typed="in\nin\nout\nother\n")

    assert done.exit_code == 1
    assert kept.bodies == []

    done = ece("aliases", "create", "1", *WITH_SMTP_USER, typed="in\nin\nout\nother\nout\nout\n")

    assert done.exit_code == 0, done.output
    assert kept.bodies[0]["outgoing"]["password"] == kept.bodies[0]["outgoing"]["verify_password"] == "out"


def test_what_is_typed_as_a_password_is_not_shown(ece: Ece) -> None:
    done = ece("aliases", "create", "1", *NEW, typed="hunter2\nhunter2\n")

    assert "hunter2" not in done.output


@pytest.mark.parametrize("field", ["incoming.password=x", "outgoing.verify_password=x", "password=x"])
def test_a_password_on_the_command_line_is_refused(kept: Kept, ece: Ece, field: str) -> None:
    done = ece("aliases", "create", "1", *NEW, field)

    assert done.exit_code == 2
    assert "others could see it" in done.stderr
    assert kept.bodies == []


def test_a_script_gives_passwords_in_files(kept: Kept, ece: Ece, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("hunter2\n")
    (tmp_path / "out").write_text(" spaces stay ")

    done = ece(
        *("aliases", "create", "1", *WITH_SMTP_USER),
        *("--incoming-password-file", str(tmp_path / "in"), "--outgoing-password-file", str(tmp_path / "out")),
    )

    assert done.exit_code == 0, done.output
    assert kept.bodies[0]["incoming"]["password"] == "hunter2"
    assert kept.bodies[0]["outgoing"]["password"] == " spaces stay "


def test_a_refused_field_is_named_with_what_would_be_right(ece: Ece) -> None:
    done = ece("aliases", "create", "1", *NEW, "incoming.port=99999", typed="a\na\n")

    assert done.exit_code == 1
    assert done.stdout.count("id") == 0
    assert "The request is not valid (validation_error)" in done.stderr
    assert "  incoming.port: Input should be less than or equal to 65535" in done.stderr


@pytest.mark.parametrize("argument", ["name", "=x", "incoming.=x", ".a=x"])
def test_an_argument_that_is_no_field_and_value_is_explained(ece: Ece, argument: str) -> None:
    done = ece("aliases", "set", "1", argument)

    assert done.exit_code == 2
    assert "field=value" in done.stderr


def test_only_named_fields_are_changed_and_null_clears_one(kept: Kept, ece: Ece) -> None:
    kept.aliases[7] = an_alias(7)

    done = ece("aliases", "set", "7", "automatic_bcc=null", "incoming.user_name=a=b", "description=")

    assert done.exit_code == 0, done.output
    assert kept.bodies == [{"automatic_bcc": None, "incoming": {"user_name": "a=b"}, "description": ""}]


@pytest.mark.rule(79)
def test_a_new_password_is_typed_twice_too(kept: Kept, ece: Ece) -> None:
    kept.aliases[7] = an_alias(7)

    assert ece("aliases", "set", "7", "--password", "incoming", typed="a\nb\n").exit_code == 1
    assert kept.bodies == []

    assert ece("aliases", "set", "7", "--password", "incoming", typed="a\na\n").exit_code == 0
    assert kept.bodies == [{"incoming": {"password": "a", "verify_password": "a"}}]


@pytest.mark.rule(117)
@pytest.mark.parametrize("answer", ["n\n", "\n", "no\n", ""])
def test_an_alias_is_kept_unless_the_answer_is_yes(kept: Kept, ece: Ece, answer: str) -> None:
    kept.aliases[7] = an_alias(7)

    done = ece("aliases", "delete", "7", typed=answer)

    assert done.exit_code == 1
    assert "Support <support7@shop.test>" in done.output
    assert 7 in kept.aliases


@pytest.mark.rule(117)
def test_an_alias_is_deleted_on_yes(kept: Kept, ece: Ece) -> None:
    kept.aliases[7] = an_alias(7)

    done = ece("aliases", "delete", "7", typed="y\n")

    assert done.exit_code == 0, done.output
    assert kept.aliases == {}


def test_a_script_deletes_without_being_asked(kept: Kept, ece: Ece) -> None:
    kept.aliases[7] = an_alias(7)

    assert ece("aliases", "delete", "7", "--yes").exit_code == 0
    assert kept.aliases == {}


def test_a_guarded_alias_stays_and_what_holds_it_is_listed(kept: Kept, ece: Ece) -> None:
    kept.aliases[7] = an_alias(7, default_alias=True)

    done = ece("aliases", "delete", "7", "--yes")

    assert done.exit_code == 1
    assert "(default_alias)" in done.stderr
    assert "still used by department 1: Shop" in done.stderr
    assert 7 in kept.aliases


def test_an_alias_is_switched_off_and_on(kept: Kept, ece: Ece) -> None:
    kept.aliases[7] = an_alias(7)

    assert "is inactive" in ece("aliases", "deactivate", "7").stdout
    assert kept.aliases[7]["status"] == "inactive"
    assert "is active" in ece("aliases", "activate", "7").stdout
    assert kept.aliases[7]["status"] == "active"


def test_aliases_of_every_department_are_listed(kept: Kept, ece: Ece) -> None:
    kept.departments += [{"id": n, "name": str(n), "description": ""} for n in range(2, 6)]
    kept.aliases |= {7: an_alias(7), 8: an_alias(8, department_id=5, status="inactive")}

    everything, one = ece("aliases", "list"), ece("aliases", "list", "1")

    assert "support7@shop.test" in everything.stdout
    assert "support8@shop.test" in everything.stdout
    assert "support8@shop.test" not in one.stdout


def test_a_connection_test_shows_each_step_and_its_failure_is_the_exit_code(ece: Ece) -> None:
    assert ece("aliases", "test", "1").exit_code == 0

    failed = ece("aliases", "test", "2")

    assert failed.exit_code == 1
    assert "NO [AUTH]" in failed.stdout


def test_the_history_says_why_an_alias_stopped_in_the_mail_servers_words(ece: Ece) -> None:
    shown = ece("aliases", "history", "1").stdout

    assert "service_not_started" in shown
    assert "mail.test:993 refuses" in shown


def test_a_server_is_changed_by_a_script_with_its_password_from_a_file(kept: Kept, ece: Ece, tmp_path: Path) -> None:
    kept.aliases[1] = an_alias(1)
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")

    assert ece("aliases", "set", "1", "incoming.port=993", "--password", f"incoming={secret}").exit_code == 0

    assert kept.bodies == [{"incoming": {"port": 993, "password": "s3cret", "verify_password": "s3cret"}}]


def test_a_change_of_nothing_is_refused_instead_of_looking_like_one(kept: Kept, ece: Ece) -> None:
    done = ece("aliases", "set", "1")

    assert (done.exit_code, kept.bodies) == (2, [])
    assert "field=value" in done.stderr
