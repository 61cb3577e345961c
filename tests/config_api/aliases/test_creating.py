"""A new alias: what is required, what is prefilled, what is refused."""

from typing import Any

import httpx
import pytest

from tests.config_api.builders import ESMTP, IMAP, a_department, alias_body, an_alias, fields_of
from tests.config_api.process import ConfigApi

BARE = {
    "name": "Help",
    "email_address": "help@shop.test",
    "incoming": {"server_name": "10.1.2.3", "user_name": "help", "password": "pw"},
    "outgoing": {"server_name": "10.1.2.4"},
}


@pytest.fixture
async def path(admin: httpx.AsyncClient) -> str:
    return f"/departments/{await a_department(admin)}/aliases"


@pytest.mark.rule(23, 26, 49, 51, 54, 55, 69, 74, 80, 88, 91, 107)
async def test_an_alias_with_only_what_is_required_gets_the_guides_defaults(
    admin: httpx.AsyncClient, path: str
) -> None:
    made = (await admin.post(path, json=BARE)).json()
    expected = {
        "description": "",
        "status": "active",
        "status_reason": None,
        "status_changed_by": "administrator",
        "automatic_bcc": None,
        "send_mail_to": None,
        "default_alias": False,
        "redirection_email_addresses": [],
        "after_retrieval": "delete",
        "retriever_instance": None,
        "account_id": None,
        "retry_at": None,
    }
    assert expected.items() <= made.items()
    tls = {"ca_bundle": None, "minimum_version": "TLSv1.2"}
    assert made["incoming"] == {
        "server_type": "POP3", "server_name": "10.1.2.3", "user_name": "help", "password_set": True,
        "use_ssl": True, "port": 995, "folder": "inbox", "tls": tls,
    }  # fmt: skip
    assert made["outgoing"] == {
        "server_type": "SMTP", "use_smtp": None, "server_name": "10.1.2.4", "use_ssl": False,
        "port": 25, "user_name": None, "password_set": False, "tls": tls,
    }  # fmt: skip


@pytest.mark.rule(24, 50, 52, 73, 76, 77, 78, 97)
@pytest.mark.parametrize(
    ("section", "field"),
    [
        (None, "name"),
        (None, "email_address"),
        (None, "incoming"),
        (None, "outgoing"),
        ("incoming", "server_name"),
        ("incoming", "user_name"),
        ("incoming", "password"),
        ("outgoing", "server_name"),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_each_required_field_is_missed_by_name(shared: ConfigApi, section: str | None, field: str) -> None:
    path = f"/departments/{await a_department(shared.admin)}/aliases"
    body = alias_body()
    del (body[section] if section else body)[field]
    assert fields_of(await shared.admin.post(path, json=body)) == [f"{section}.{field}" if section else field]


@pytest.mark.rule(82, 84, 85, 86, 87, 99, 100, 101, 102, 103, 104)
@pytest.mark.parametrize(
    ("section", "server_type", "use_ssl", "port"),
    [
        ("incoming", "POP3", False, 110),
        ("incoming", "POP3", True, 995),
        ("incoming", "IMAP", False, 143),
        ("incoming", "IMAP", True, 993),
        ("outgoing", "SMTP", False, 25),
        ("outgoing", "SMTP", True, 587),
        ("outgoing", "ESMTP", False, 25),
        ("outgoing", "ESMTP", True, 587),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_the_port_follows_server_type_and_ssl(
    shared: ConfigApi, section: str, server_type: str, *, use_ssl: bool, port: int
) -> None:
    extra = ESMTP if server_type == "ESMTP" else {}
    made = await an_alias(shared.admin, **{section: {**extra, "server_type": server_type, "use_ssl": use_ssl}})
    assert made[section]["port"] == port


@pytest.mark.rule(22, 25, 75, 81, 83, 92, 93, 98)
@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("incoming", {"port": 1995}),
        ("incoming", {"server_type": "IMAP", "folder": "Support/New", "use_ssl": False}),
        ("outgoing", {"port": 465, "use_ssl": True}),
        ("outgoing", {**ESMTP, "use_smtp": "when_authorization_fails"}),
        ("outgoing", {**ESMTP, "use_smtp": "never"}),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_servers_are_kept_as_they_were_given(shared: ConfigApi, section: str, values: dict[str, Any]) -> None:
    made = await an_alias(shared.admin, **{section: values})
    shown = {name: value for name, value in values.items() if name != "password"}
    assert shown.items() <= made[section].items()


@pytest.mark.rule(27, 28, 56, 70, 75, 79, 89, 90, 92, 93, 94, 105, 106)
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"incoming": {"server_type": "EXCHANGE"}}, "incoming.server_type"),
        ({"outgoing": {"server_type": "HTTP"}}, "outgoing.server_type"),
        ({"incoming": {"port": 0}}, "incoming.port"),
        ({"incoming": {"port": 65536}}, "incoming.port"),
        ({"incoming": {"folder": "Support"}}, "incoming.folder"),
        ({"incoming": {"server_type": "POP3", "folder": "Support"}}, "incoming.folder"),
        ({"incoming": {"verify_password": "other"}}, "incoming.verify_password"),
        ({"incoming": {"password": ""}}, "incoming.password"),
        ({"incoming": {"server_name": "no host"}}, "incoming.server_name"),
        ({"incoming": {"user_name": "a\r\nb"}}, "incoming.user_name"),
        ({"incoming": {"tls": {"ca_bundle": "nonsense"}}}, "incoming.tls.ca_bundle"),
        ({"incoming": {"tls": {"verify": False}}}, "incoming.tls.verify"),
        ({"outgoing": {"use_smtp": "never"}}, "outgoing.use_smtp"),
        ({"outgoing": {"user_name": "u"}}, "outgoing.user_name"),
        ({"outgoing": {"password": "p"}}, "outgoing.password"),
        ({"outgoing": {"verify_password": "p"}}, "outgoing.verify_password"),
        ({"outgoing": {**ESMTP, "user_name": None}}, "outgoing.user_name"),
        ({"outgoing": {**ESMTP, "password": None}}, "outgoing.password"),
        ({"outgoing": {**ESMTP, "verify_password": "other"}}, "outgoing.verify_password"),
        ({"outgoing": {**ESMTP, "use_smtp": "always"}}, "outgoing.use_smtp"),
        ({"automatic_bcc": "a@shop.test;b@shop.test"}, "automatic_bcc"),
        ({"send_mail_to": "not an address"}, "send_mail_to"),
        ({"email_address": "support"}, "email_address"),
        ({"status": "asleep"}, "status"),
        ({"default_alias": "perhaps"}, "default_alias"),
        ({"redirection_email_addresses": "a@shop.test;nonsense"}, "redirection_email_addresses.1"),
        ({"email_address": "a@shop.test", "redirection_email_addresses": ["A@shop.test"]},
         "redirection_email_addresses.0"),
        ({"after_retrieval": "move", "move_to": "Done"}, "after_retrieval"),
        ({"after_retrieval": "mark_seen"}, "after_retrieval"),
        ({"incoming": IMAP, "after_retrieval": "move"}, "move_to"),
        ({"incoming": IMAP, "after_retrieval": "move", "move_to": "INBOX"}, "move_to"),
        ({"incoming": IMAP, "after_retrieval": "keep", "move_to": "Done"}, "move_to"),
        ({"retriever_instance": "nowhere"}, "retriever_instance"),
        ({"colour": "red"}, "colour"),
        ({"name": "a\x00b"}, "name"),
        ({"description": "a\x00b"}, "description"),
    ],
)  # fmt: skip
@pytest.mark.asyncio(loop_scope="session")
async def test_what_is_wrong_is_named_and_nothing_is_stored(
    shared: ConfigApi, changes: dict[str, Any], field: str
) -> None:
    path = f"/departments/{await a_department(shared.admin)}/aliases"
    assert field in fields_of(await shared.admin.post(path, json=alias_body(**changes)))
    assert (await shared.admin.get(path)).json()["items"] == []


@pytest.mark.rule(79, 106)
async def test_verify_password_may_be_left_out_or_equal(admin: httpx.AsyncClient) -> None:
    await an_alias(
        admin,
        incoming={"password": "same", "verify_password": "same"},
        outgoing={**ESMTP, "password": "also", "verify_password": "also"},
    )


@pytest.mark.rule(70)
@pytest.mark.parametrize(
    "given",
    [" a@shop.test ; b@shop.test;", ["a@shop.test", "b@shop.test"], ["a@shop.test", "b@shop.test", "B@shop.test"]],
)
async def test_redirection_addresses_come_as_a_list_or_separated_by_semicolons(
    admin: httpx.AsyncClient, given: object
) -> None:
    made = await an_alias(admin, redirection_email_addresses=given)
    assert made["redirection_email_addresses"] == ["a@shop.test", "b@shop.test"]


@pytest.mark.rule(56, 58, 62)
async def test_bcc_and_send_mail_to_take_one_address_each(admin: httpx.AsyncClient) -> None:
    made = await an_alias(admin, automatic_bcc="archive@shop.test", send_mail_to="test@shop.test")
    assert (made["automatic_bcc"], made["send_mail_to"]) == ("archive@shop.test", "test@shop.test")


async def test_an_address_exists_once_in_the_whole_partition(admin: httpx.AsyncClient, path: str) -> None:
    first = await an_alias(admin, email_address="Help@Shop.test")
    again = await admin.post(path, json=alias_body(email_address="help@shop.TEST"))
    assert (again.status_code, again.json()["code"]) == (409, "email_address_taken")
    assert again.json()["references"] == [{"type": "alias", "id": first["id"], "name": first["name"]}]


async def test_a_name_exists_once_in_a_department(admin: httpx.AsyncClient, path: str) -> None:
    await an_alias(admin, name="Help")
    assert (await admin.post(path, json=alias_body(name="Help"))).status_code == 201
    again = await admin.post(path, json=alias_body(name="Help"))
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")


async def test_a_department_that_is_not_there_takes_no_alias(admin: httpx.AsyncClient) -> None:
    assert (await admin.post("/departments/4711/aliases", json=alias_body())).status_code == 404


@pytest.mark.rule(107)
async def test_an_alias_can_be_created_into_a_retriever_instance(admin: httpx.AsyncClient) -> None:
    made = await an_alias(admin, retriever_instance="default")
    assert made["retriever_instance"] == "default"
    assert (await admin.get(f"/aliases/{made['id']}")).json() == made


async def test_workers_and_strangers_may_not_create_aliases(
    api: httpx.AsyncClient, worker: httpx.AsyncClient, path: str
) -> None:
    assert (await api.post(path, json=alias_body())).status_code == 401
    assert (await worker.post(path, json=alias_body())).status_code == 403
