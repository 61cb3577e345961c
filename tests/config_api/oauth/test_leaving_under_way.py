"""Aliases join and leave accounts while mail is under way: none is lost, sent twice, or sent by the wrong login."""

from typing import Any

import asyncpg
import pytest

from tests.config_api.builders import ESMTP, an_alias
from tests.config_api.oauth.builders import an_account
from tests.config_api.oauth.provider import Provider
from tests.config_api.oauth.workers import Worker
from tests.config_api.outbound.conftest import Dispatcher, judged, the_delivery
from tests.config_api.process import ConfigApi
from tests.config_api.replicas import Replica


async def _queued(service: ConfigApi, account: dict[str, Any]) -> int:
    message = {"to": ["anna@customer.test"], "subject": "Hello", "text": "Hello."}
    made = await service.admin.post(f"/departments/{account['department_id']}/activities", json=message)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def _removed(service: ConfigApi, account: dict[str, Any], alias: dict[str, Any]) -> None:
    await service.admin.patch(f"/aliases/{alias['id']}", json={"default_alias": False})
    removed = await service.admin.delete(f"/accounts/{account['id']}/aliases/{alias['id']}")
    assert removed.status_code == 204, removed.text


async def _route(dispatcher: Dispatcher) -> dict[str, Any]:
    [route] = (await dispatcher.ask())["routes"].values()
    return route


@pytest.mark.rule(187, 197, 198)
async def test_queued_mail_goes_by_the_account_while_its_alias_is_in_it_and_by_its_own_server_afterwards(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias(config_api.admin, account["department_id"], outgoing=ESMTP, default_alias=True)
    dispatcher = Dispatcher(config_api.worker)
    await _queued(config_api, account)
    async with Worker(config_api, alias["email_address"]):
        answer = await config_api.admin.post(
            f"/accounts/{account['id']}/aliases/add-existing", json={"alias_ids": [alias["id"]]}
        )
    assert answer.json()["results"][0]["outcome"] == "added"
    by_account = await _route(dispatcher)
    assert (by_account["server_name"], by_account["password"]) == ("smtp.shop.test", None)
    assert by_account["access_token"] in provider.given
    waiting = await _queued(config_api, account)
    under_way = await dispatcher.claim_one()
    await _removed(config_api, account, alias)
    # What was under way at that moment is concluded by whoever sent it.
    assert await dispatcher.report(judged(under_way, "sent")) == [("accepted", None)]
    assert (await the_delivery(config_api.admin, waiting))["status"] == "sent"
    await config_api.admin.patch(f"/aliases/{alias['id']}", json={"status": "active", "default_alias": True})
    await _queued(config_api, account)
    own = await _route(dispatcher)
    assert (own["user_name"], own["password"], own["access_token"]) == ("support", "outgoing secret", None)


@pytest.mark.rule(199)
async def test_mail_of_an_alias_that_was_deleted_with_its_account_goes_by_the_default_server(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider)
    made = await config_api.admin.post(
        f"/accounts/{account['id']}/aliases", json={"email_address": "support@shop.test", "default_alias": True}
    )
    waiting = await _queued(config_api, account)
    await _removed(config_api, account, made.json())
    assert (await config_api.admin.delete(f"/accounts/{account['id']}")).status_code == 204
    dispatcher = Dispatcher(config_api.worker)
    assert await dispatcher.claim() == []
    # R114 names the default server, and there is none yet: told, and kept for a retry.
    assert (await the_delivery(config_api.admin, waiting))["status"] == "failed"
    server = {"default_smtp_server": "relay.shop.test", "default_smtp_protocol": "SMTP"}
    assert (await config_api.admin.patch("/settings", json=server)).status_code == 200
    assert (await config_api.admin.post(f"/activities/{waiting}/delivery/retry")).status_code == 200
    assert (await _route(dispatcher))["server_name"] == "relay.shop.test"


@pytest.mark.rule(197, 198)
async def test_a_retriever_that_works_on_an_alias_brings_in_nothing_more_under_the_login_that_it_lost(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias(config_api.admin, account["department_id"])
    await sql.execute("UPDATE aliases SET account_id = $1, converted = true", account["id"])
    instance = await config_api.admin.post("/retriever-instances", json={"name": "north", "alias_ids": [alias["id"]]})
    replica = Replica(config_api.worker, instance="north")
    await replica.beat()
    before = (await replica.assigned())[alias["id"]]
    assert before["incoming"]["access_token"] in provider.given
    await config_api.admin.patch(f"/retriever-instances/{instance.json()['id']}", json={"alias_ids": []})
    await replica.beat()
    assert await replica.assigned() == {}
    await _removed(config_api, account, alias)
    await config_api.admin.patch(f"/retriever-instances/{instance.json()['id']}", json={"alias_ids": [alias["id"]]})
    await replica.beat()
    after = (await replica.assigned())[alias["id"]]
    assert (after["incoming"]["access_token"], after["incoming"]["password"]) == (None, "incoming secret")
    assert (after["status"], after["recoverable"]) == ("inactive", False)
    assert after["mailbox_generation"] > before["mailbox_generation"]
