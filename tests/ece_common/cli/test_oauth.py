"""`ece oauth-applications` and `ece accounts`: secrets are asked for, and neither shown nor taken as arguments."""

from pathlib import Path

import pytest

from tests.ece_common.cli.asked import Asked

SECRET = "the secret's Value"


@pytest.fixture
def asked() -> Asked:
    return Asked(
        name="Mail",
        account_name="Support",
        ok=False,
        steps=[{"step": "credentials", "outcome": "failed", "detail": "AADSTS7000215", "hint": "Enter it anew."}],
        aliases=[],
        authorization_url="https://login.shop.test/authorize?x=1",
        email_address="support@shop.test",
        results=[{"alias_id": 7, "outcome": "refused"}],
    )


def test_a_client_secret_is_asked_for_without_an_echo(asked: Asked) -> None:
    done = asked("oauth-applications", "create", "name=Mail", "client_id=x", typed=f"{SECRET}\n")
    assert done.exit_code == 0, done.output
    assert SECRET not in done.output
    assert asked.requests == [
        ("POST", "oauth-applications", {"name": "Mail", "client_id": "x", "client_secret": SECRET})
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("oauth-applications", "create", "name=Mail", f"client_secret={SECRET}"),
        ("oauth-applications", "set", "1", f"certificate.private_key={SECRET}"),
        ("accounts", "set", "1", f"authorization_code={SECRET}"),
    ],
)
def test_secrets_are_no_arguments(asked: Asked, arguments: tuple[str, ...]) -> None:
    done = asked(*arguments)
    assert done.exit_code != 0
    assert "on a command line others could see it" in done.output
    assert asked.requests == []


def test_a_certificate_is_read_from_two_files(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("KEY\n")
    (tmp_path / "cert.pem").write_text("CERT\n")
    files = ("--private-key", str(tmp_path / "key.pem"), "--certificate", str(tmp_path / "cert.pem"))
    assert asked("oauth-applications", "set", "1", *files).exit_code == 0
    assert asked.requests[0][2] == {"certificate": {"private_key": "KEY", "certificate": "CERT"}}
    assert asked("oauth-applications", "set", "1", *files[:2]).exit_code != 0


def test_a_sign_in_prints_the_address_to_open(asked: Asked) -> None:
    done = asked("oauth-applications", "sign-in", "1", "--account", "5")
    assert done.output.strip() == asked.answers["authorization_url"]
    assert asked.requests[0][2] == {"account_id": 5, "login_hint": None}


@pytest.mark.rule(168, 169)
def test_an_authorization_code_is_asked_for_and_saved(asked: Asked) -> None:
    fields = ("account_name=Support", "oauth_application_id=2", "--code")
    done = asked("accounts", "create", "1", *fields, typed="the-code\n")
    assert done.exit_code == 0, done.output
    assert "the-code" not in done.output
    assert asked.requests[0][2]["authorization_code"] == "the-code"


@pytest.mark.rule(154, 206)
@pytest.mark.parametrize("what", ["oauth-applications", "accounts"])
def test_deletion_is_asked_about_and_done_only_on_yes(asked: Asked, what: str) -> None:
    assert asked(what, "delete", "1", typed="n\n").exit_code == 1
    assert [method for method, _, _ in asked.requests] == ["GET"]
    assert asked(what, "delete", "1", typed="y\n").exit_code == 0
    assert asked.requests[-1][0] == "DELETE"


def test_a_verification_that_fails_ends_with_one(asked: Asked) -> None:
    done = asked("oauth-applications", "verify", "1")

    assert done.exit_code == 1
    assert done.stdout.splitlines()[2].split()[:3] == ["credentials", "failed", "AADSTS7000215"]
    assert done.stdout.endswith("A step failed.\n")


@pytest.mark.rule(195)
def test_an_account_is_tested_alias_by_alias(asked: Asked) -> None:
    step = {"side": "incoming", "step": "auth", "outcome": "ok", "detail": ""}
    asked.answers |= {"ok": True, "message": "Connection established successfully"}
    asked.answers["aliases"] = [{"email_address": "support@shop.test", "steps": [step]}]

    done = asked("accounts", "test", "1")

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[2].split() == ["support@shop.test", "incoming", "auth", "ok"]
    assert done.stdout.endswith("Connection established successfully\n")


@pytest.mark.rule(204)
def test_an_alias_leaves_its_account_only_on_yes(asked: Asked) -> None:
    assert asked("accounts", "remove-alias", "1", "7", typed="n\n").exit_code == 1
    assert asked("accounts", "remove-alias", "1", "7", typed="y\n").exit_code == 0
    assert [method for method, _, _ in asked.requests] == ["GET", "GET", "DELETE"]


@pytest.mark.rule(187, 188)
def test_several_existing_aliases_are_added_at_once(asked: Asked) -> None:
    done = asked("accounts", "add-existing", "1", "7", "8", "--shared")
    assert done.exit_code == 1
    assert "refused" in done.output
    assert asked.requests[0][2] == {"alias_ids": [7, 8], "add_as_shared_mailbox": True}


@pytest.mark.parametrize(
    "command", [("aliases", "create", "1", "--incoming-password-file"), ("accounts", "new-alias", "1")]
)
def test_a_new_alias_that_nobody_retrieves_says_what_it_lacks(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    files = (str(tmp_path / "password"),) if command[-1].endswith("file") else ()
    done = Asked(id=7, retriever_instance=None)(*command, *files, "name=Sales")
    assert done.exit_code == 0, done.output
    assert "ece instances add-alias default 7" in done.stderr
    assert "add-alias" not in Asked(id=7, retriever_instance="default")(*command, *files, "name=Sales").output


def test_a_test_of_an_account_without_aliases_says_how_little_it_tried() -> None:
    done = Asked(ok=True, message="Connection established successfully", aliases=[])("accounts", "test", "1")
    assert done.exit_code == 0
    assert "no mail server" in done.stderr


def test_a_new_code_names_the_aliases_that_stay_inactive() -> None:
    asked = Asked(account_name="Support")
    asked.by_path["accounts/1/aliases"] = {
        "items": [{"id": 3, "status": "inactive"}, {"id": 4, "status": "active"}],
        "next_cursor": None,
    }
    done = asked("accounts", "set", "1", "--code", typed="the code\n")
    assert done.exit_code == 0, done.output
    assert "inactive: 3; ece aliases activate" in done.stderr
