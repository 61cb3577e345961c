"""Existing aliases join an account only when their retriever opened them as it."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests.config_api.builders import IMAP, an_alias, fields_of
from tests.config_api.oauth.builders import an_account, an_alias_in
from tests.config_api.oauth.provider import Provider
from tests.config_api.oauth.workers import Worker
from tests.config_api.process import ConfigApi


async def _added(admin: httpx.AsyncClient, account: dict[str, Any], **body: Any) -> list[dict[str, Any]]:
    answer = await admin.post(f"/accounts/{account['id']}/aliases/add-existing", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


@pytest.mark.rule(48, 172, 187, 189, 190)
async def test_those_that_open_are_added_and_those_that_do_not_are_reported_and_stay(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider)
    good = await an_alias(config_api.admin, account["department_id"])
    bad = await an_alias(config_api.admin, account["department_id"])
    async with Worker(config_api, good["email_address"]) as worker:
        results = await _added(config_api.admin, account, alias_ids=[good["id"], bad["id"]])
    assert [one["outcome"] for one in results] == ["added", "refused"]
    assert "NO AUTHENTICATE failed." in results[1]["message"]
    assert {job["incoming"]["server_name"] for job in worker.jobs} == {"imap.shop.test"}
    assert all(job["incoming"]["access_token"] in provider.given for job in worker.jobs)
    inside = (await config_api.admin.get(f"/accounts/{account['id']}/aliases")).json()["items"]
    assert [one["id"] for one in inside] == [good["id"]]
    assert (await config_api.admin.get(f"/aliases/{bad['id']}")).json() == bad


@pytest.mark.rule(185, 188, 197, 198)
async def test_an_alias_joins_as_a_shared_mailbox_and_leaves_with_what_it_had(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider)
    before = await an_alias(config_api.admin, account["department_id"], incoming=IMAP)
    async with Worker(config_api, before["email_address"]) as worker:
        await _added(config_api.admin, account, alias_ids=[before["id"]], add_as_shared_mailbox=True)
    # The token is the signed-in user's, the mailbox the shared one's.
    opened = worker.jobs[0]["incoming"]
    assert (opened["user_name"], account["authorized_user_name"]) == (before["email_address"], "support@shop.test")
    assert opened["access_token"] in provider.given
    inside = (await config_api.admin.get(f"/aliases/{before['id']}")).json()
    assert (inside["shared_mailbox"], inside["account_id"]) == (True, account["id"])
    assert inside["incoming"]["user_name"] == before["email_address"]
    gone = await config_api.admin.delete(f"/accounts/{account['id']}/aliases/{before['id']}")
    assert gone.status_code == 204
    after = (await config_api.admin.get(f"/aliases/{before['id']}")).json()
    assert (after["incoming"], after["outgoing"]) == (before["incoming"], before["outgoing"])
    assert (after["status"], after["shared_mailbox"]) == ("inactive", False)


@pytest.mark.rule(186)
async def test_only_basic_aliases_of_the_same_department_are_added(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    elsewhere = await an_alias(config_api.admin)
    inside = await an_alias_in(config_api, sql, account)
    body = {"alias_ids": [elsewhere["id"], inside["id"], 999]}
    refused = await config_api.admin.post(f"/accounts/{account['id']}/aliases/add-existing", json=body)
    assert fields_of(refused) == ["alias_ids.0", "alias_ids.1", "alias_ids.2"]


async def test_what_pop3_cannot_do_is_said_without_trying(config_api: ConfigApi, provider: Provider) -> None:
    account = await an_account(config_api, provider, server_type="pop3_and_smtp")
    folder = await an_alias(config_api.admin, account["department_id"], incoming={**IMAP, "folder": "Support"})
    async with Worker(config_api) as worker:
        [result] = await _added(config_api.admin, account, alias_ids=[folder["id"]])
    assert result["outcome"] == "refused"
    assert "folder" in result["message"]
    assert worker.jobs == []


async def test_nothing_is_added_to_an_account_that_is_not_authorized_or_while_nobody_can_try(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider, code=False)
    alias = await an_alias(config_api.admin, account["department_id"])
    path = f"/accounts/{account['id']}/aliases/add-existing"
    refused = await config_api.admin.post(path, json={"alias_ids": [alias["id"]]})
    assert (refused.status_code, refused.json()["code"]) == (409, "account_invalid")
    account = await an_account(config_api, provider, department_id=account["department_id"])
    path = f"/accounts/{account['id']}/aliases/add-existing"
    refused = await config_api.admin.post(path, json={"alias_ids": [alias["id"]]})
    assert (refused.status_code, refused.json()["code"]) == (503, "no_live_replica")
