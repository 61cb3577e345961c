"""Changes to an alias: merge patches, ports that follow, secrets that stay where they were given for."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests.config_api.builders import ESMTP, IMAP, an_alias, fields_of
from tests.config_api.process import ConfigApi


async def patched(admin: httpx.AsyncClient, alias: dict[str, Any], **changes: Any) -> httpx.Response:
    return await admin.patch(f"/aliases/{alias['id']}", json=changes)


async def changed(admin: httpx.AsyncClient, alias: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = await patched(admin, alias, **changes)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_field_left_out_stays_and_null_clears_or_restores_the_default(admin: httpx.AsyncClient) -> None:
    alias = await an_alias(
        admin, description="First", automatic_bcc="archive@shop.test", redirection_email_addresses=["a@shop.test"]
    )
    after = await changed(admin, alias, description=None, automatic_bcc=None, redirection_email_addresses=None)
    assert (after["description"], after["automatic_bcc"], after["redirection_email_addresses"]) == ("", None, [])
    assert after["name"] == alias["name"]
    assert after["incoming"] == alias["incoming"]


@pytest.mark.rule(58, 61)
async def test_send_mail_to_can_be_set_and_cleared(admin: httpx.AsyncClient) -> None:
    alias = await an_alias(admin, send_mail_to="test@shop.test")
    assert (await changed(admin, alias, send_mail_to=None))["send_mail_to"] is None


@pytest.mark.rule(82, 83, 99)
async def test_a_port_that_was_never_set_follows_later_choices_and_an_explicit_one_stays(
    admin: httpx.AsyncClient,
) -> None:
    alias = await an_alias(admin)
    assert alias["incoming"]["port"] == 995
    again = {"password": "again"}
    assert (await changed(admin, alias, incoming={"use_ssl": False, **again}))["incoming"]["port"] == 110
    assert (await changed(admin, alias, incoming={"server_type": "IMAP", **again}))["incoming"]["port"] == 143
    assert (await changed(admin, alias, incoming={"port": 1143, **again}))["incoming"]["port"] == 1143
    assert (await changed(admin, alias, incoming={"use_ssl": True, **again}))["incoming"]["port"] == 1143
    assert (await changed(admin, alias, incoming={"port": None, **again}))["incoming"]["port"] == 993
    assert (await changed(admin, alias, outgoing={"use_ssl": True}))["outgoing"]["port"] == 587


@pytest.mark.rule(89, 90)
async def test_a_folder_survives_no_switch_to_pop3_unless_it_is_reset_too(admin: httpx.AsyncClient) -> None:
    alias = await an_alias(admin, incoming={**IMAP, "folder": "Support"})
    to_pop3 = {"server_type": "POP3", "password": "again"}
    assert fields_of(await patched(admin, alias, incoming=to_pop3)) == ["incoming.folder"]
    after = await changed(admin, alias, incoming={**to_pop3, "folder": None})
    assert (after["incoming"]["server_type"], after["incoming"]["folder"]) == ("POP3", "inbox")
    assert fields_of(await patched(admin, alias, incoming={"folder": "Support"})) == ["incoming.folder"]


async def test_what_happens_after_retrieval_has_to_fit_the_protocol(admin: httpx.AsyncClient) -> None:
    alias = await an_alias(admin, incoming=IMAP, after_retrieval="move", move_to="Done")
    to_pop3 = {"server_type": "POP3", "password": "again"}
    assert fields_of(await patched(admin, alias, incoming=to_pop3)) == ["after_retrieval"]
    after = await changed(admin, alias, incoming=to_pop3, after_retrieval="keep")
    assert (after["after_retrieval"], after["move_to"]) == ("keep", None)


@pytest.mark.rule(94, 105)
async def test_what_only_esmtp_has_goes_with_it(admin: httpx.AsyncClient, sql: asyncpg.Connection) -> None:
    alias = await an_alias(admin, outgoing={**ESMTP, "use_smtp": "when_authorization_fails"})
    after = await changed(admin, alias, outgoing={"server_type": "SMTP"})
    assert (after["outgoing"]["user_name"], after["outgoing"]["use_smtp"]) == (None, None)
    assert after["outgoing"]["password_set"] is False
    assert await sql.fetchval("SELECT outgoing_password FROM aliases") is None
    bare = await patched(admin, alias, outgoing={"server_type": "ESMTP"})
    assert sorted(fields_of(bare)) == ["outgoing.password", "outgoing.user_name"]
    back = await changed(admin, alias, outgoing=ESMTP)
    assert (back["outgoing"]["use_smtp"], back["outgoing"]["password_set"]) == ("never", True)


@pytest.mark.parametrize(
    ("section", "moved"),
    [
        ("incoming", {"server_name": "evil.example"}),
        ("incoming", {"port": 1995}),
        ("incoming", {"use_ssl": False}),
        ("incoming", {"server_type": "IMAP"}),
        ("incoming", {"tls": {"minimum_version": "TLSv1.3"}}),
        ("outgoing", {"server_name": "evil.example"}),
        ("outgoing", {"port": 2525}),
        ("outgoing", {"use_ssl": True}),
        ("outgoing", {"tls": {"minimum_version": "TLSv1.3"}}),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_a_stored_password_is_never_sent_to_a_new_place(
    shared: ConfigApi, section: str, moved: dict[str, Any]
) -> None:
    admin = shared.admin
    alias = await an_alias(admin, outgoing=ESMTP)
    assert fields_of(await patched(admin, alias, **{section: moved})) == [f"{section}.password"]
    assert (await admin.get(f"/aliases/{alias['id']}")).json() == alias
    assert (await patched(admin, alias, **{section: {**moved, "password": "given again"}})).status_code == 200


@pytest.mark.rule(79, 106)
async def test_naming_the_same_place_again_needs_no_password(admin: httpx.AsyncClient) -> None:
    alias = await an_alias(admin, outgoing=ESMTP)
    same = {"server_name": alias["incoming"]["server_name"], "port": 995, "use_ssl": True}
    assert (await patched(admin, alias, incoming=same)).status_code == 200
    wrong = {"password": "a", "verify_password": "b"}
    assert fields_of(await patched(admin, alias, incoming=wrong)) == ["incoming.verify_password"]
    assert fields_of(await patched(admin, alias, outgoing=wrong)) == ["outgoing.verify_password"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"email_address": None}, "email_address"),
        ({"incoming": None}, "incoming"),
        ({"outgoing": None}, "outgoing"),
        ({"incoming": {"server_name": None}}, "incoming.server_name"),
        ({"incoming": {"user_name": None}}, "incoming.user_name"),
        ({"incoming": {"password": None}}, "incoming.password"),
        ({"outgoing": {"server_name": None}}, "outgoing.server_name"),
        ({"outgoing": {"user_name": None}}, "outgoing.user_name"),
        ({"outgoing": {"password": None}}, "outgoing.password"),
        ({"outgoing": {"verify_password": "x"}}, "outgoing.verify_password"),
        ({"status": "asleep"}, "status"),
        ({"retriever_instance": "default"}, "retriever_instance"),
        ({"id": 7}, "id"),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_what_is_required_cannot_be_cleared(shared: ConfigApi, change: dict[str, Any], field: str) -> None:
    admin = shared.admin
    alias = await an_alias(admin, outgoing=ESMTP)
    assert fields_of(await patched(admin, alias, **change)) == [field]


@pytest.mark.parametrize(
    ("change", "generation"),
    [
        ({"incoming": {"server_name": "other.test", "password": "p"}}, 2),
        ({"incoming": {"user_name": "other"}}, 2),
        ({"incoming": {"folder": "Other"}}, 2),
        ({"incoming": {"folder": "INBOX"}}, 1),
        ({"incoming": {"password": "new"}}, 1),
        ({"description": "other"}, 1),
    ],
)
async def test_another_mailbox_begins_a_new_generation(
    admin: httpx.AsyncClient, sql: asyncpg.Connection, change: dict[str, Any], generation: int
) -> None:
    await changed(admin, await an_alias(admin, incoming=IMAP), **change)
    assert await sql.fetchval("SELECT mailbox_generation FROM aliases") == generation


async def test_a_change_to_what_someone_else_changed_meanwhile_is_refused(admin: httpx.AsyncClient) -> None:
    alias = await an_alias(admin)
    path = f"/aliases/{alias['id']}"
    seen = {"If-Match": (await admin.get(path)).headers["ETag"]}
    assert (await admin.patch(path, json={"description": "mine"}, headers=seen)).status_code == 200
    assert (await admin.patch(path, json={"description": "late"}, headers=seen)).status_code == 412
    assert (await admin.delete(path, headers=seen)).status_code == 412


async def test_an_address_or_name_of_another_alias_cannot_be_taken(admin: httpx.AsyncClient) -> None:
    first = await an_alias(admin)
    second = await an_alias(admin, first["department_id"])
    for field in ("email_address", "name"):
        refused = await patched(admin, second, **{field: first[field]})
        assert (refused.status_code, refused.json()["code"]) == (409, f"{field}_taken")
    assert (await changed(admin, first, name=first["name"]))["name"] == first["name"]


@pytest.mark.rule(24, 78, 80)
async def test_secrets_stand_in_no_answer_event_or_audit_entry_and_lie_sealed(
    admin: httpx.AsyncClient, sql: asyncpg.Connection
) -> None:
    secrets = ["first-incoming", "first-outgoing", "second-incoming", "second-outgoing"]
    alias = await an_alias(admin, incoming={"password": secrets[0]}, outgoing={**ESMTP, "password": secrets[1]})
    answers = [
        await patched(admin, alias, incoming={"password": secrets[2]}, outgoing={"password": secrets[3]}),
        await patched(admin, alias, incoming={"password": secrets[2], "verify_password": secrets[0]}),
        await admin.get(f"/departments/{alias['department_id']}/aliases"),
    ]
    tables = await sql.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    seen = [answer.text for answer in answers]
    for (table,) in tables:
        seen += [row["line"] for row in await sql.fetch(f'SELECT t::text AS line FROM "{table}" t')]
    hexadecimal = [secret.encode().hex() for secret in secrets]
    assert not [line for line in seen for secret in (*secrets, *hexadecimal) if secret in line]
    assert await sql.fetchval("SELECT changes->>'incoming.password' FROM audit_log ORDER BY id DESC") == "changed"
