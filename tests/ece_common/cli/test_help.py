"""What `--help` says of fields comes from the contracts; no id is answered with the command that lists them."""

import pytest

from ece_common.cli.field_help import fields_of
from ece_common.contracts.aliases import AliasChange, NewAlias
from ece_common.contracts.oauth_applications import NewOauthApplication
from ece_common.contracts.settings import PartitionSettings, PartitionSettingsChange
from tests.ece_common.cli.asked import Asked


def test_a_field_says_what_it_takes_what_it_means_and_whether_it_has_to_be_there() -> None:
    known = {field.name: field for field in fields_of(NewAlias)}

    assert known["incoming.server_type"].takes == "POP3 | IMAP"
    assert known["incoming.server_type"].meaning == "`POP3` (default) or `IMAP`"
    assert known["incoming.port"].takes == "1 to 65535"
    assert "Follows `server_type`" in known["incoming.port"].meaning
    assert (known["incoming.server_name"].required, known["description"].required) == (True, False)
    assert known["redirection_email_addresses"].is_list


def test_a_secret_is_no_field_of_a_command_line() -> None:
    for contract in (NewAlias, NewOauthApplication, PartitionSettingsChange):
        names = {field.name.rpartition(".")[2] for field in fields_of(contract)}
        assert not names & {"password", "verify_password", "client_secret", "private_key", "default_smtp_password"}


def test_what_is_needed_only_within_something_optional_is_not_called_required() -> None:
    assert [field.name for field in fields_of(NewOauthApplication) if field.required] == ["name", "client_id"]


def test_a_change_is_described_by_what_it_changes() -> None:
    assert (
        "Follows `server_type`"
        in {field.name: field.meaning for field in fields_of(AliasChange, NewAlias)}["incoming.port"]
    )
    changed = {field.name: field.meaning for field in fields_of(PartitionSettingsChange, PartitionSettings)}
    assert "`hold` (default)" in changed["uncertain_delivery"]


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (("delivery-exceptions", "create"), "permanent | temporary"),
        (("delivery-exceptions", "set"), "permanent | temporary"),
        (("blocked-extensions", "create"), "blocked_file_extension"),
        (("masking-patterns", "create"), "unmask_from_left"),
        (("masking-patterns", "try"), "unmask_from_left"),
        (("queues", "create"), "description"),
        (("departments", "set"), "description"),
        (("accounts", "create"), "pop3_and_smtp | imap_and_smtp"),
        (("accounts", "new-alias"), "shared_mailbox"),
        (("oauth-applications", "create"), "servers.imap.host"),
        (("settings", "set"), "outgoing_blocked_attachments"),
        (("masking-channel", "set"), "pattern_ids"),
        (("activities", "set"), "new | assigned | in_progress | completed"),
        (("instances", "set"), "description"),
    ],
)
def test_the_help_of_a_command_names_its_fields(command: tuple[str, ...], field: str) -> None:
    done = Asked()(*command, "--help")

    assert done.exit_code == 0, done.output
    assert field in done.stdout


@pytest.mark.parametrize(
    ("command", "listed"),
    [
        (("aliases", "show", "x"), "ece aliases list"),
        (("aliases", "list", "Shop"), "ece departments list"),
        (("aliases", "create", "Shop", "name=x"), "ece departments list"),
        (("queues", "show", "-"), "ece queues list"),
        (("quarantine", "restore", "a.exe"), "ece quarantine list"),
        (("activities", "transfer", "1", "2", "--queue", "Returns"), "ece queues list"),
        (("instances", "add-alias", "default", "support@shop.test"), "ece aliases list"),
        (("tokens", "revoke", "blue"), "ece tokens list"),
    ],
)
def test_what_is_no_id_is_answered_with_the_command_that_lists_them(command: tuple[str, ...], listed: str) -> None:
    asked = Asked()

    done = asked(*command)

    assert (done.exit_code, asked.requests) == (2, [])
    assert listed in " ".join(done.stderr.replace("\u2502", " ").split())
