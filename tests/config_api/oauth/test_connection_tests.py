"""Connection tests of accounts and their aliases: the provider is asked, and a refused token is replaced once."""

from typing import Any

import asyncpg
import pytest

from config_api.connections import account_testing
from config_api.connections.testing import Bench
from config_api.jobs.asking import Desk
from tests.config_api.oauth.builders import an_account, an_alias_in, keeper
from tests.config_api.oauth.provider import Provider, Reply
from tests.config_api.oauth.workers import Worker
from tests.config_api.process import Clock, ConfigApi
from tests.config_api.replicas import Replica

SUCCESS = "Connection established successfully"


async def _tested(service: ConfigApi, what: str, which: dict[str, Any]) -> dict[str, Any]:
    answer = await service.admin.post(f"/{what}/{which['id']}/test-connection")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.rule(171, 191, 195)
async def test_a_valid_account_says_so_to_the_letter(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    assert (await _tested(config_api, "accounts", account))["message"] == SUCCESS
    alias = await an_alias_in(config_api, sql, account)
    opening = alias["email_address"]
    async with Worker(config_api, opening), Worker(config_api, opening, kind="dispatcher") as dispatcher:
        tested = await _tested(config_api, "accounts", account)
    assert (tested["ok"], tested["message"]) == (True, SUCCESS)
    assert [one["email_address"] for one in tested["aliases"]] == [opening]
    token = dispatcher.jobs[0]["outgoing"]["access_token"]
    assert token not in str(tested)


@pytest.mark.rule(192, 193, 194, 196)
async def test_an_invalid_account_says_why_and_a_revoked_one_while_its_token_is_good_for_long(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias_in(config_api, sql, account)
    async with Worker(config_api), Worker(config_api, kind="dispatcher"):
        tested = await _tested(config_api, "accounts", account)
    assert tested["ok"] is False
    assert "NO AUTHENTICATE failed." in tested["message"]
    provider.revoke_all()
    revoked = await _tested(config_api, "accounts", account)
    assert (revoked["ok"], revoked["aliases"]) == (False, [])
    assert "AADSTS50173" in revoked["message"]
    assert (await config_api.admin.get(f"/aliases/{alias['id']}")).json()["status"] == "inactive"
    # Nothing is left to ask with.
    before = provider.token_requests
    assert "AADSTS50173" in (await _tested(config_api, "accounts", account))["message"]
    assert provider.token_requests == before


@pytest.mark.rule(196)
async def test_while_the_provider_is_away_the_aliases_are_tested_with_what_is_there_and_the_doubt_is_told(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    opening = (await an_alias_in(config_api, sql, account))["email_address"]
    provider.outage = Reply(503, b"away")
    async with Worker(config_api, opening), Worker(config_api, opening, kind="dispatcher"):
        tested = await _tested(config_api, "accounts", account)
    assert tested["ok"] is False
    assert "answered 503" in tested["message"]
    assert [one["message"] for one in tested["aliases"]] == [SUCCESS]
    assert (await config_api.admin.get(f"/accounts/{account['id']}")).json()["authorization_state"] == "authorized"


@pytest.mark.rule(194)
async def test_an_account_whose_application_was_mended_at_the_provider_is_authorized_again_by_its_test(
    config_api: ConfigApi, provider: Provider, clock: Clock
) -> None:
    account = await an_account(config_api, provider)
    right, provider.clients = provider.clients, {"mail-gateway": "changed over there"}
    assert "invalid_client" in (await _tested(config_api, "accounts", account))["message"]
    clock.advance(hours=2)
    await keeper(config_api).sweep()
    for _ in range(2):
        assert "invalid_client" in (await _tested(config_api, "accounts", account))["message"]
    provider.clients = right
    assert (await _tested(config_api, "accounts", account))["message"] == SUCCESS
    assert (await config_api.admin.get(f"/accounts/{account['id']}")).json()["authorization_state"] == "authorized"
    told = [one["type"] for one in (await config_api.admin.get("/events")).json()["items"]]
    assert told.count("account.invalid") == 1


@pytest.mark.rule(191, 192)
async def test_a_token_that_a_server_refuses_is_replaced_once_for_both_sides_of_an_alias(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    alias = await an_alias_in(config_api, sql, await an_account(config_api, provider))
    opening = alias["email_address"]
    async with Worker(config_api, opening) as incoming, Worker(config_api, opening, kind="dispatcher") as outgoing:
        assert (await _tested(config_api, "aliases", alias))["message"] == SUCCESS
        assert provider.token_requests == 1
        incoming.refused = outgoing.refused = set(provider.given)
        assert (await _tested(config_api, "aliases", alias))["message"] == SUCCESS
        assert provider.token_requests == 2
        provider.revoke_all()
        incoming.refused = outgoing.refused = set(provider.given)
        tested = await _tested(config_api, "aliases", alias)
        assert [(one["side"], one["outcome"]) for one in tested["steps"]] == [
            ("incoming", "failed"), ("outgoing", "failed"),
        ]  # fmt: skip
    assert (await config_api.admin.get(f"/aliases/{alias['id']}")).json()["status_reason"] == "authentication_failed"


async def test_aliases_that_nobody_tries_in_time_cost_no_more_than_the_time_of_one(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    for _ in range(10):
        await an_alias_in(config_api, sql, account)
    await Replica(config_api.worker).beat()
    await Replica(config_api.worker, kind="dispatcher").beat()
    state = config_api.app.state
    bench = Bench(Desk(state.sessions, state.changes, patience=0.5), state.renewals)
    tested = await account_testing.of_account(bench, account["id"])
    assert tested.ok is False
    assert [one.ok for one in tested.aliases] == [False] * 10
    assert "as the others took all the time" in tested.aliases[-1].message
    assert "did not answer" in tested.aliases[0].message
