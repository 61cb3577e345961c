"""Aliases in accounts: what they have of their own, where they are listed, and how they leave."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests.config_api.builders import an_alias, fields_of
from tests.config_api.oauth.builders import an_account
from tests.config_api.oauth.provider import Provider
from tests.config_api.process import ConfigApi


async def _made(service: ConfigApi, account: dict[str, Any], **changes: Any) -> dict[str, Any]:
    body = {"email_address": "support@shop.test", **changes}
    made = await service.admin.post(f"/accounts/{account['id']}/aliases", json=body)
    assert made.status_code == 201, made.text
    return made.json()


async def _converted(sql: asyncpg.Connection, alias: dict[str, Any], account: dict[str, Any]) -> None:
    await sql.execute(
        "UPDATE aliases SET account_id = $1, converted = true WHERE id = $2", account["id"], alias["id"]
    )


async def _removed(admin: httpx.AsyncClient, account: dict[str, Any], alias: dict[str, Any]) -> httpx.Response:
    return await admin.delete(f"/accounts/{account['id']}/aliases/{alias['id']}")


@pytest.mark.rule(170, 172, 174, 176, 183, 184)
async def test_a_new_alias_of_an_account_has_the_accounts_servers_and_no_password(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider)
    alias = await _made(config_api, account)
    assert (alias["status"], alias["shared_mailbox"], alias["account_id"]) == ("active", False, account["id"])
    assert alias["name"] == "support@shop.test"
    incoming, outgoing = alias["incoming"], alias["outgoing"]
    assert (incoming["server_type"], incoming["server_name"], incoming["port"]) == ("IMAP", "imap.shop.test", 993)
    assert (incoming["user_name"], incoming["password_set"]) == ("support@shop.test", False)
    assert incoming["folder"] == "inbox"
    assert (outgoing["server_type"], outgoing["server_name"], outgoing["port"]) == ("ESMTP", "smtp.shop.test", 587)
    shared = await _made(config_api, account, email_address="returns@shop.test", shared_mailbox=True)
    assert shared["shared_mailbox"] is True


@pytest.mark.rule(173)
async def test_an_alias_in_an_account_is_listed_there_and_not_among_the_departments(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider)
    basic = await an_alias(config_api.admin, account["department_id"])
    alias = await _made(config_api, account)
    listed = await config_api.admin.get(f"/departments/{account['department_id']}/aliases")
    assert [one["id"] for one in listed.json()["items"]] == [basic["id"]]
    inside = await config_api.admin.get(f"/accounts/{account['id']}/aliases")
    assert inside.json()["items"] == [alias]


@pytest.mark.rule(174, 177, 183)
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email_address": None}, "email_address"),
        ({"automatic_bcc": "one@shop.test;two@shop.test"}, "automatic_bcc"),
        ({"folder": "Support"}, "folder"),
        ({"after_retrieval": "move", "move_to": "Done"}, "after_retrieval"),
        ({"incoming": {"server_name": "elsewhere.test"}}, "incoming"),
    ],
)
async def test_a_new_alias_is_judged_as_any_other(
    config_api: ConfigApi, provider: Provider, changes: dict[str, Any], field: str
) -> None:
    account = await an_account(config_api, provider, server_type="pop3_and_smtp")
    body = {"email_address": "support@shop.test", **changes}
    assert field in fields_of(await config_api.admin.post(f"/accounts/{account['id']}/aliases", json=body))


@pytest.mark.rule(178, 179, 182)
async def test_its_own_fields_change_and_the_accounts_do_not(config_api: ConfigApi, provider: Provider) -> None:
    alias = await _made(config_api, await an_account(config_api, provider))
    path = f"/aliases/{alias['id']}"
    change = {
        "incoming": {"folder": "Support"},
        "send_mail_to": "test@shop.test",
        "redirection_email_addresses": "help@shop.test;info@shop.test",
    }
    changed = (await config_api.admin.patch(path, json=change)).json()
    assert changed["incoming"]["folder"] == "Support"
    assert changed["redirection_email_addresses"] == ["help@shop.test", "info@shop.test"]
    refused = {"incoming": {"server_name": "x.test", "password": "x"}, "email_address": "other@shop.test"}
    assert fields_of(await config_api.admin.patch(path, json=refused)) == [
        "incoming.password",
        "incoming.server_name",
        "email_address",
    ]


@pytest.mark.rule(175, 180, 181)
async def test_a_department_has_one_default_alias_of_both_kinds(config_api: ConfigApi, provider: Provider) -> None:
    account = await an_account(config_api, provider)
    basic = await an_alias(config_api.admin, account["department_id"], default_alias=True)
    inside = await _made(config_api, account, default_alias=True)
    assert inside["default_alias"] is True
    assert (await config_api.admin.get(f"/aliases/{basic['id']}")).json()["default_alias"] is False
    inactive = {"email_address": "other@shop.test", "default_alias": True, "status": "inactive"}
    refused = await config_api.admin.post(f"/accounts/{account['id']}/aliases", json=inactive)
    assert (refused.status_code, refused.json()["code"]) == (409, "default_alias")


@pytest.mark.rule(199)
async def test_an_alias_made_in_the_account_is_deleted_when_it_is_removed(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider)
    alias = await _made(config_api, account)
    assert (await _removed(config_api.admin, account, alias)).status_code == 204
    assert (await config_api.admin.get(f"/aliases/{alias['id']}")).status_code == 404
    assert (await config_api.admin.delete(f"/accounts/{account['id']}")).status_code == 204


@pytest.mark.rule(197, 198)
async def test_a_converted_alias_is_a_basic_one_again_inactive_with_its_own_servers(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    before = await an_alias(config_api.admin, account["department_id"])
    await _converted(sql, before, account)
    inside = (await config_api.admin.get(f"/aliases/{before['id']}")).json()
    assert inside["incoming"]["server_name"] == "imap.shop.test"
    assert (await _removed(config_api.admin, account, before)).status_code == 204
    after = (await config_api.admin.get(f"/aliases/{before['id']}")).json()
    assert (after["status"], after["status_reason"]) == ("inactive", "removed_from_account")
    assert (after["account_id"], after["incoming"]) == (None, before["incoming"])
    assert after["outgoing"] == before["outgoing"]
    listed = await config_api.admin.get(f"/departments/{account['department_id']}/aliases")
    assert [one["id"] for one in listed.json()["items"]] == [before["id"]]


@pytest.mark.rule(200, 201, 203)
async def test_an_active_default_alias_and_one_in_a_retriever_instance_stay(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider)
    alias = await _made(config_api, account, default_alias=True)
    refused = await _removed(config_api.admin, account, alias)
    assert (refused.status_code, refused.json()["code"]) == (409, "default_alias")
    await config_api.admin.patch(f"/aliases/{alias['id']}", json={"default_alias": False})
    instance = await config_api.admin.post("/retriever-instances", json={"name": "north", "alias_ids": [alias["id"]]})
    refused = await _removed(config_api.admin, account, alias)
    assert [one["type"] for one in refused.json()["references"]] == ["retriever_instance"]
    await config_api.admin.patch(f"/retriever-instances/{instance.json()['id']}", json={"alias_ids": []})
    assert (await _removed(config_api.admin, account, alias)).status_code == 204


async def test_an_alias_is_removed_from_its_own_account_only(config_api: ConfigApi, provider: Provider) -> None:
    account = await an_account(config_api, provider)
    other = await an_account(config_api, provider, account["oauth_application_id"])
    alias = await _made(config_api, account)
    assert (await _removed(config_api.admin, other, alias)).status_code == 404
    taken = await config_api.admin.post(
        f"/accounts/{other['id']}/aliases", json={"email_address": "support@shop.test"}
    )
    assert taken.json()["code"] == "email_address_taken"
