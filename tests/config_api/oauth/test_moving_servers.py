"""Accounts and applications whose servers change: other mailboxes, and nothing that only the old server could do."""

import asyncio
from typing import Any

import asyncpg
import pytest

from tests.config_api.builders import an_alias, fields_of
from tests.config_api.oauth.builders import a_code, an_account, an_alias_in, an_application
from tests.config_api.oauth.provider import SECRET, Provider
from tests.config_api.process import ConfigApi
from tests.config_api.replicas import Replica
from tests.config_api.waiting import until


async def _servers(service: ConfigApi, account: dict[str, Any], **hosts: str | None) -> Any:
    """A patch of the application's servers: null takes one away."""
    path = f"/oauth-applications/{account['oauth_application_id']}"
    servers = (await service.admin.get(path)).json()["servers"]
    for name, host in hosts.items():
        servers[name] = {**servers[name], "host": host} if host is not None else None
    return await service.admin.patch(path, json={"servers": servers, "client_secret": SECRET})


async def _generation(sql: asyncpg.Connection, alias: dict[str, Any]) -> Any:
    return await sql.fetchval("SELECT mailbox_generation FROM aliases WHERE id = $1", alias["id"])


async def test_mailboxes_on_another_server_are_other_mailboxes_and_workers_open_them_anew(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias_in(config_api, sql, account)
    by_pop3 = await an_alias_in(
        config_api,
        sql,
        await an_account(config_api, provider, account["oauth_application_id"], server_type="pop3_and_smtp"),
    )
    await config_api.admin.post("/retriever-instances", json={"name": "north", "alias_ids": [alias["id"]]})
    replica = Replica(config_api.worker, instance="north")
    await replica.beat()
    before = await replica.ask()
    assert (await _servers(config_api, account, imap="elsewhere.test")).status_code == 200
    after = await replica.ask(etag=before.headers["etag"])
    assert after.status_code == 200
    [assigned] = after.json()["aliases"]
    assert assigned["incoming"]["server_name"] == "elsewhere.test"
    assert assigned["mailbox_generation"] == 2
    assert (await _generation(sql, alias), await _generation(sql, by_pop3)) == (2, 1)
    # Its case is no other server, and neither is where mail is sent by.
    assert (await _servers(config_api, account, imap="ELSEWHERE.test", smtp="out.test")).status_code == 200
    assert await _generation(sql, alias) == 2


async def test_an_account_of_another_application_has_other_mailboxes_when_its_server_is_another(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias_in(config_api, sql, account)
    for host, generation in (("imap.shop.test", 1), ("elsewhere.test", 2)):
        servers = {name: {"host": host, "port": 993, "scopes": [name]} for name in ("imap", "smtp")}
        other = (await an_application(config_api.admin, provider, servers=servers))["id"]
        change = {"oauth_application_id": other, "authorization_code": await a_code(config_api, provider, other)}
        assert (await config_api.admin.patch(f"/accounts/{account['id']}", json=change)).status_code == 200
        assert await _generation(sql, alias) == generation


async def test_a_server_that_an_account_uses_is_not_taken_away(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias_in(config_api, sql, account)
    refused = await _servers(config_api, account, imap=None)
    assert fields_of(refused) == ["servers.imap"]
    assert account["account_name"] in refused.json()["detail"]
    assert (await config_api.admin.get(f"/aliases/{alias['id']}")).status_code == 200
    assert (await _servers(config_api, account, pop3=None)).status_code == 200
    as_application = await an_account(config_api, provider, code=False, authentication_flow="client_credentials")
    path = f"/oauth-applications/{as_application['oauth_application_id']}"
    cleared = await config_api.admin.patch(path, json={"application_scopes": []})
    assert fields_of(cleared) == ["application_scopes"]


@pytest.mark.rule(183)
async def test_an_account_does_not_go_over_to_pop3_while_an_alias_retrieves_a_folder(
    config_api: ConfigApi, provider: Provider
) -> None:
    """POP3 would read the inbox instead, and delete what it read."""
    account = await an_account(config_api, provider)
    alias = await config_api.admin.post(
        f"/accounts/{account['id']}/aliases", json={"email_address": "support@shop.test", "folder": "Support"}
    )
    change = {
        "server_type": "pop3_and_smtp",
        "authorization_code": await a_code(config_api, provider, account["oauth_application_id"]),
    }
    refused = await config_api.admin.patch(f"/accounts/{account['id']}", json=change)
    assert fields_of(refused) == ["server_type"]
    assert "support@shop.test" in refused.json()["detail"]
    alias_path = f"/aliases/{alias.json()['id']}"
    assert (await config_api.admin.patch(alias_path, json={"incoming": {"folder": "inbox"}})).status_code == 200
    # The code was not spent on the refusal.
    assert (await config_api.admin.patch(f"/accounts/{account['id']}", json=change)).status_code == 200
    folder = {"incoming": {"folder": "Support"}}
    assert fields_of(await config_api.admin.patch(alias_path, json=folder)) == ["incoming.folder"]


@pytest.mark.rule(183, 197)
async def test_a_converted_alias_has_folders_by_its_accounts_imap_and_none_when_it_is_a_pop3_alias_again(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias(config_api.admin, account["department_id"])
    await sql.execute("UPDATE aliases SET account_id = $1, converted = true", account["id"])
    change = {"incoming": {"folder": "Support"}, "after_retrieval": "move", "move_to": "Done"}
    changed = await config_api.admin.patch(f"/aliases/{alias['id']}", json=change)
    assert changed.status_code == 200, changed.text
    removed = await config_api.admin.delete(f"/accounts/{account['id']}/aliases/{alias['id']}")
    assert removed.status_code == 204
    after = (await config_api.admin.get(f"/aliases/{alias['id']}")).json()
    assert (after["incoming"]["server_type"], after["incoming"]["folder"]) == ("POP3", "inbox")
    assert (after["after_retrieval"], after["move_to"]) == ("keep", None)


@pytest.mark.rule(183)
async def test_a_folder_that_is_being_chosen_while_its_account_goes_over_to_pop3_counts(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection, database: str
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias_in(config_api, sql, account)
    code = await a_code(config_api, provider, account["oauth_application_id"])
    change = {"server_type": "pop3_and_smtp", "authorization_code": code}
    choosing = await asyncpg.connect(database)
    async with choosing.transaction():
        await choosing.execute("UPDATE aliases SET incoming_folder = 'Support' WHERE id = $1", alias["id"])
        changing = asyncio.create_task(config_api.admin.patch(f"/accounts/{account['id']}", json=change))

        async def waits() -> bool:
            return bool(await sql.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await until(waits)
    await choosing.close()
    assert fields_of(await changing) == ["server_type"]
