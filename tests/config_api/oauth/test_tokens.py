"""Tokens: renewed early and once, kept through outages, and given up for good reason only."""

import asyncio
import hashlib
import json
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest

from config_api.notifications.wording import notice
from tests.config_api.oauth.builders import a_code, an_account, an_alias_in, an_application, keeper
from tests.config_api.oauth.conftest import allowed
from tests.config_api.oauth.provider import Provider, Reply
from tests.config_api.process import Clock, ConfigApi, running
from tests.config_api.replicas import Replica
from tests.config_api.waiting import until
from tests.rig.certificates import Certificates

THROTTLED = Reply(429, b"slow down", {"Retry-After": "120"})
GONE = Reply(503, b"<html>away</html>")


async def _account(service: ConfigApi, account: dict[str, Any]) -> dict[str, Any]:
    return (await service.admin.get(f"/accounts/{account['id']}")).json()


async def _events(service: ConfigApi, kind: str) -> list[dict[str, Any]]:
    feed = (await service.admin.get("/events", params={"limit": 500})).json()["items"]
    return [one for one in feed if one["type"] == kind]


async def _asked(provider: Provider, times: int) -> bool:
    return provider.token_requests >= times


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def _ask(service: ConfigApi, alias_id: int, **changes: Any) -> Any:
    body = {"kind": "dispatcher", "instance": "default", "replica": "one", **changes}
    return await service.worker.post(f"/aliases/{alias_id}/access-tokens", json=body)


async def test_a_token_is_renewed_before_it_ends_and_its_successor_is_stored(
    config_api: ConfigApi, provider: Provider, clock: Clock
) -> None:
    account = await an_account(config_api, provider)
    assert await keeper(config_api).sweep() == 0
    clock.advance(minutes=56)
    assert await keeper(config_api).sweep() == 1
    assert provider.token_requests == 2
    # The rotated refresh token is what counts from now on: the provider refuses the first one.
    clock.advance(minutes=56)
    assert await keeper(config_api).sweep() == 1
    assert (await _account(config_api, account))["authorization_state"] == "authorized"
    assert await _events(config_api, "account.invalid") == []


async def test_an_idle_or_inactive_accounts_grant_is_used_once_a_day(
    config_api: ConfigApi, provider: Provider, clock: Clock
) -> None:
    account = await an_account(config_api, provider)
    await config_api.admin.patch(f"/accounts/{account['id']}", json={"status": "inactive"})
    clock.advance(hours=2)
    assert await keeper(config_api).sweep() == 0
    clock.advance(hours=23)
    assert await keeper(config_api).sweep() == 1
    clock.advance(hours=2)
    assert await keeper(config_api).sweep() == 0


async def test_a_provider_that_does_not_rotate_keeps_its_refresh_token(
    config_api: ConfigApi, provider: Provider, clock: Clock
) -> None:
    await an_account(config_api, provider)
    provider.rotate = False
    for _ in range(3):
        clock.advance(hours=1)
        assert await keeper(config_api).sweep() == 1
    assert len(provider.refresh_tokens) == 1


@pytest.mark.timeout(60)
async def test_three_processes_renew_fifty_accounts_with_fifty_requests(
    config_api: ConfigApi, provider: Provider, clock: Clock, database: str, certificates: Certificates
) -> None:
    application = (await an_application(config_api.admin, provider))["id"]
    first = await an_account(config_api, provider, application)
    for _ in range(49):
        await an_account(config_api, provider, application, department_id=first["department_id"])
    clock.advance(minutes=58)
    before = provider.token_requests
    provider.hold.clear()
    async with AsyncExitStack() as stack:
        services = [config_api]
        for seconds in (119.0, 118.0):
            settings = {**allowed(certificates), "token_check_seconds": seconds}
            services.append(await stack.enter_async_context(running(database, clock, **settings)))
        sweeps = [asyncio.create_task(keeper(service).sweep()) for service in services for _ in range(2)]
        # All three have begun, and wait for the provider or for one another.
        await until(lambda: _asked(provider, before + 3))
        provider.hold.set()
        renewed = await asyncio.gather(*sweeps)
    assert provider.token_requests - before == 50
    assert sum(renewed) >= 50
    listed = await config_api.admin.get(f"/departments/{first['department_id']}/accounts")
    assert {one["authorization_state"] for one in listed.json()["items"]} == {"authorized"}


async def test_many_workers_that_ask_at_once_cause_one_request(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection, clock: Clock
) -> None:
    alias = await an_alias_in(config_api, sql, await an_account(config_api, provider))
    clock.advance(minutes=58)
    answers = await asyncio.gather(*(_ask(config_api, alias["id"]) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["access_token"] for answer in answers}) == 1
    assert provider.token_requests == 2


async def test_a_refused_token_is_replaced_once_and_others_get_the_new_one(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    alias = await an_alias_in(config_api, sql, await an_account(config_api, provider))
    first = (await _ask(config_api, alias["id"])).json()["access_token"]
    assert provider.token_requests == 1
    second = (await _ask(config_api, alias["id"], refused=_digest(first))).json()["access_token"]
    assert second != first
    third = (await _ask(config_api, alias["id"], refused=_digest(first))).json()["access_token"]
    assert (third, provider.token_requests) == (second, 2)


async def test_revocation_is_asked_about_twice_and_stops_the_account_and_its_aliases_at_once(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection, clock: Clock
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias_in(config_api, sql, account)
    by_hand = await an_alias_in(config_api, sql, account, status="inactive")
    provider.revoke_all()
    clock.advance(minutes=58)
    before = provider.token_requests
    assert await keeper(config_api).sweep() == 0
    assert provider.token_requests == before + 2
    read = await _account(config_api, account)
    assert (read["authorization_state"], read["authorization_reason"]) == ("invalid", "invalid_grant")
    assert "AADSTS50173" in read["authorization_detail"]
    assert "sign in again" in read["authorization_detail"]
    stopped = (await config_api.admin.get(f"/aliases/{alias['id']}")).json()
    assert (stopped["status"], stopped["status_changed_by"]) == ("inactive", "system")
    assert (stopped["status_reason"], stopped["retry_at"]) == ("authentication_failed", None)
    kept = (await config_api.admin.get(f"/aliases/{by_hand['id']}")).json()
    assert kept["status_changed_by"] == "administrator"
    history = (await config_api.admin.get(f"/aliases/{alias['id']}/status-transitions")).json()["items"]
    assert [(one["to"], one["reason"]) for one in history] == [("inactive", "authentication_failed")]
    [event] = await _events(config_api, "account.invalid")
    told = notice(event["type"], event["subject"], event["data"])
    assert told is not None
    assert "AADSTS50173" in told.text
    assert event["subject"] == f"account/{account['id']}"
    assert event["data"]["reason"] == "invalid_grant"
    refused = await _ask(config_api, alias["id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "account_invalid")
    # Nobody asks the provider any more.
    clock.advance(days=2)
    await keeper(config_api).sweep()
    assert provider.token_requests == before + 2


async def test_a_lapsed_account_works_again_with_a_new_code(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection, clock: Clock
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias_in(config_api, sql, account)
    provider.revoke_all()
    clock.advance(hours=1)
    await keeper(config_api).sweep()
    code = await a_code(config_api, provider, account["oauth_application_id"])
    patched = await config_api.admin.patch(f"/accounts/{account['id']}", json={"authorization_code": code})
    assert patched.json()["authorization_state"] == "authorized"
    assert patched.json()["authorization_reason"] is None
    # The alias waits for its administrator, as R132 has it.
    assert (await config_api.admin.get(f"/aliases/{alias['id']}")).json()["status"] == "inactive"
    assert (await _ask(config_api, alias["id"])).status_code == 200


async def test_one_refusal_that_was_a_mistake_does_no_harm(
    config_api: ConfigApi, provider: Provider, clock: Clock
) -> None:
    account = await an_account(config_api, provider)
    provider.refusals.append(Reply(400, b'{"error": "invalid_grant"}'))
    clock.advance(hours=1)
    assert await keeper(config_api).sweep() == 1
    assert (await _account(config_api, account))["authorization_state"] == "authorized"


@pytest.mark.parametrize(
    "trouble",
    [
        THROTTLED,
        GONE,
        Reply(200, b"<html>a captive portal</html>"),
        Reply(302, b"", {"Location": "https://localhost/elsewhere"}),
        Reply(400, b'{"error": "temporarily_unavailable"}'),
    ],
)
async def test_trouble_that_passes_never_stops_an_account(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection, clock: Clock, trouble: Reply
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias_in(config_api, sql, account)
    provider.outage = trouble
    clock.advance(minutes=57)
    assert await keeper(config_api).sweep() == 0
    # What is there opens the mailbox still.
    assert (await _ask(config_api, alias["id"])).status_code == 200
    for _ in range(5):
        clock.advance(minutes=20)
        await keeper(config_api).sweep()
    read = await _account(config_api, account)
    assert read["authorization_state"] == "authorized"
    assert (await config_api.admin.get(f"/aliases/{alias['id']}")).json()["status"] == "active"
    away = await _ask(config_api, alias["id"])
    assert (away.status_code, away.json()["code"]) == (503, "identity_provider_unavailable")
    provider.outage = None
    clock.advance(minutes=20)
    assert await keeper(config_api).sweep() == 1
    assert (await _ask(config_api, alias["id"])).status_code == 200


async def test_a_throttling_provider_is_left_alone_as_long_as_it_asks(
    config_api: ConfigApi, provider: Provider, clock: Clock
) -> None:
    await an_account(config_api, provider)
    provider.outage = THROTTLED
    clock.advance(minutes=57)
    before = provider.token_requests
    for _ in range(5):
        clock.advance(seconds=20)
        await keeper(config_api).sweep()
    assert provider.token_requests == before + 1
    clock.advance(seconds=60)
    await keeper(config_api).sweep()
    assert provider.token_requests == before + 2


async def test_a_provider_that_is_down_is_trouble_that_passes(
    config_api: ConfigApi, provider: Provider, clock: Clock
) -> None:
    account = await an_account(config_api, provider)
    provider.close()
    clock.advance(hours=1)
    assert await keeper(config_api).sweep() == 0
    assert (await _account(config_api, account))["authorization_state"] == "authorized"


_HOLDERS = """
    SELECT pid FROM pg_locks JOIN pg_database ON oid = database
    WHERE datname = current_database() AND locktype = 'advisory' AND granted = $1
"""


async def test_a_rotated_token_outlives_the_database_connection_that_it_was_fetched_with(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection, clock: Clock
) -> None:
    account = await an_account(config_api, provider)
    clock.advance(minutes=57)
    provider.hold.clear()
    before = provider.token_requests
    sweep = asyncio.create_task(keeper(config_api).sweep())
    await until(lambda: _asked(provider, before + 1))
    await sql.fetch(f"SELECT pg_terminate_backend(pid) FROM ({_HOLDERS}) AS holders", True)
    provider.hold.set()
    assert await sweep == 1
    # The first refresh token is refused by now: what is used next is the one that came meanwhile.
    clock.advance(minutes=57)
    assert await keeper(config_api).sweep() == 1
    assert provider.token_requests == before + 2
    assert (await _account(config_api, account))["authorization_state"] == "authorized"


async def test_a_process_that_dies_while_it_renews_holds_nobody_up(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection, database: str, clock: Clock
) -> None:
    account = await an_account(config_api, provider)
    dying = await asyncpg.connect(database)
    await dying.execute("SELECT pg_advisory_lock(hashtextextended('ece account', $1))", account["id"])
    clock.advance(minutes=57)
    sweep = asyncio.create_task(keeper(config_api).sweep())

    async def waits() -> bool:
        return bool(await sql.fetch(_HOLDERS, False))

    await until(waits)
    assert provider.token_requests == 1
    dying.terminate()
    assert await sweep == 1


@pytest.mark.rule(194)
async def test_a_secret_that_the_provider_refuses_lets_tokens_live_to_their_end_and_then_stops_the_account(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection, clock: Clock
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias_in(config_api, sql, account)
    provider.clients = {"mail-gateway": "changed over there"}
    clock.advance(minutes=57)
    await keeper(config_api).sweep()
    read = await _account(config_api, account)
    assert (read["authorization_state"], read["authorization_reason"]) == ("authorized", "invalid_client")
    assert len(await _events(config_api, "account.renewal_refused")) == 1
    clock.advance(minutes=6)
    await keeper(config_api).sweep()
    assert (await _account(config_api, account))["authorization_state"] == "invalid"
    [event] = await _events(config_api, "account.invalid")
    told = notice(event["type"], event["subject"], event["data"])
    assert told is not None
    assert "Nobody has to sign in again" in told.text
    # The grant was kept: a new secret is all that is needed.
    path = f"/oauth-applications/{account['oauth_application_id']}"
    await config_api.admin.patch(path, json={"client_secret": "changed over there"})
    assert await keeper(config_api).sweep() == 1
    assert (await _account(config_api, account))["authorization_state"] == "authorized"
    assert (await _ask(config_api, alias["id"])).status_code == 200


async def test_an_account_deleted_while_its_tokens_are_renewed_stays_deleted(
    config_api: ConfigApi, provider: Provider, clock: Clock, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    clock.advance(hours=1)
    provider.hold.clear()
    before = provider.token_requests
    sweep = asyncio.create_task(keeper(config_api).sweep())
    await until(lambda: _asked(provider, before + 1))
    deletion = asyncio.create_task(config_api.admin.delete(f"/accounts/{account['id']}"))
    provider.hold.set()
    await sweep
    assert (await deletion).status_code == 204
    assert await sql.fetchval("SELECT count(*) FROM accounts") == 0


async def test_only_an_instance_that_works_on_the_alias_gets_its_token(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    alias = await an_alias_in(config_api, sql, await an_account(config_api, provider), retriever_instance=None)
    other = await config_api.admin.post("/retriever-instances", json={"name": "north", "alias_ids": [alias["id"]]})
    assert other.status_code == 201
    assert (await _ask(config_api, alias["id"], kind="retriever")).status_code == 403
    assert (await _ask(config_api, alias["id"], kind="retriever", instance="north")).status_code == 200
    assert (await _ask(config_api, alias["id"], kind="dispatcher", instance="south")).status_code == 403
    await config_api.admin.post("/dispatcher-instances", json={"name": "south", "alias_ids": [alias["id"]]})
    assert (await _ask(config_api, alias["id"], kind="dispatcher", instance="south")).status_code == 200
    assert (await _ask(config_api, alias["id"], kind="dispatcher")).status_code == 403
    assert (await _ask(config_api, 999)).status_code == 404
    minted = await config_api.admin.post("/tokens", json={"name": "north", "kind": "retriever", "instance": "north"})
    bound = config_api.client(minted.json()["token"])
    body = {"kind": "dispatcher", "instance": "south", "replica": "one"}
    assert (await bound.post(f"/aliases/{alias['id']}/access-tokens", json=body)).status_code == 403
    assert (await config_api.admin.post(f"/aliases/{alias['id']}/access-tokens", json=body)).status_code == 403
    await bound.aclose()


@pytest.mark.rule(137, 138)
async def test_a_retriever_gets_the_token_of_now_and_hears_of_the_next(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection, clock: Clock
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias_in(config_api, sql, account)
    await config_api.admin.post("/retriever-instances", json={"name": "north", "alias_ids": [alias["id"]]})
    replica = Replica(config_api.worker, instance="north")
    await replica.beat()
    before = await replica.ask()
    [assigned] = before.json()["aliases"]
    incoming = assigned["incoming"]
    assert (incoming["server_type"], incoming["server_name"], incoming["port"]) == ("IMAP", "imap.shop.test", 993)
    assert (incoming["user_name"], incoming["password"]) == (alias["email_address"], "")
    assert incoming["access_token"] in provider.given
    assert incoming["account_id"] == account["id"]
    clock.advance(minutes=57)
    await keeper(config_api).sweep()
    after = await replica.ask(etag=before.headers["etag"])
    assert after.status_code == 200
    assert after.json()["aliases"][0]["incoming"]["access_token"] == provider.given[-2]
    await config_api.admin.patch(f"/accounts/{account['id']}", json={"status": "inactive"})
    resting = await replica.ask(etag=after.headers["etag"])
    [assigned] = resting.json()["aliases"]
    assert (assigned["status"], assigned["recoverable"]) == ("inactive", False)
    assert assigned["incoming"]["access_token"] is None
    assert (await _ask(config_api, alias["id"])).json()["code"] == "account_inactive"


@pytest.mark.rule(137, 138)
async def test_a_dispatcher_gets_the_token_with_the_message_by_a_route_that_renewals_do_not_change(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection, clock: Clock
) -> None:
    account = await an_account(config_api, provider)
    await an_alias_in(config_api, sql, account, default_alias=True)

    async def claimed() -> dict[str, Any]:
        message = {"to": ["anna@customer.test"], "subject": "Hello", "text": "Hello."}
        path = f"/departments/{account['department_id']}/activities"
        assert (await config_api.admin.post(path, json=message)).status_code == 201
        answer = await config_api.worker.post("/outbound-claims", json={"instance": "default", "replica": "one"})
        assert answer.status_code == 200, answer.text
        return answer.json()["routes"]

    [(key, access)] = (await claimed()).items()
    assert (access["server_type"], access["server_name"], access["port"]) == ("ESMTP", "smtp.shop.test", 587)
    assert access["password"] is None
    assert access["access_token"] in provider.given
    assert access["use_ssl"] is True
    clock.advance(minutes=57)
    await keeper(config_api).sweep()
    [(again, renewed)] = (await claimed()).items()
    assert again == key
    assert renewed["access_token"] != access["access_token"]
    await config_api.admin.patch(f"/accounts/{account['id']}", json={"status": "inactive"})
    assert await claimed() == {}
    [event] = await _events(config_api, "alias.outbound_trouble")
    assert event["data"]["reason"] == "account_inactive"


async def test_nothing_secret_is_told_anywhere(
    config_api: ConfigApi,
    provider: Provider,
    sql: asyncpg.Connection,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A story with every kind of trouble; then every text of the database, every log line and answer is searched."""
    caplog.set_level("DEBUG")
    answers: list[str] = []
    account = await an_account(config_api, provider)
    alias = await an_alias_in(config_api, sql, account)
    code = await a_code(config_api, provider, account["oauth_application_id"])
    provider.codes[code].used = True
    answers.append(
        (await config_api.admin.patch(f"/accounts/{account['id']}", json={"authorization_code": code})).text
    )
    verified = await config_api.admin.post(f"/oauth-applications/{account['oauth_application_id']}/verify")
    answers.append(verified.text)
    [refresh_token] = provider.refresh_tokens
    echo = json.dumps({"error": "invalid_grant", "error_description": f"{refresh_token} is no good"}).encode()
    provider.refusals += [Reply(400, echo), Reply(400, echo)]
    clock.advance(hours=1)
    await keeper(config_api).sweep()
    answers.append((await _ask(config_api, alias["id"])).text)
    paths = ("/events", "/audit-log", f"/accounts/{account['id']}", "/oauth-applications")
    answers += [(await config_api.admin.get(path)).text for path in paths]
    secrets = [*provider.clients.values(), *provider.given]
    dump = "\n".join(await _texts(sql))
    captured = capfd.readouterr()
    # httpx is the test's own client, which says what it asks for.
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name != "httpx")
    assert "is no good" in "".join(answers)
    for place in (*answers, dump, logged, captured.out, captured.err):
        assert [secret for secret in secrets if secret in place] == []


async def _texts(sql: asyncpg.Connection) -> list[str]:
    tables = await sql.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    queries = [f'SELECT to_jsonb(t)::text AS row FROM "{table["tablename"]}" t' for table in tables]
    return [row["row"] for query in queries for row in await sql.fetch(query)]


async def test_a_server_that_repeats_the_token_does_not_tell_it_further(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    alias = await an_alias_in(config_api, sql, await an_account(config_api, provider))
    await config_api.admin.post("/retriever-instances", json={"name": "north", "alias_ids": [alias["id"]]})
    await config_api.admin.patch("/settings", json={"connection_attempts": 1})
    replica = Replica(config_api.worker, instance="north")
    await replica.beat()
    token = (await replica.assigned())[alias["id"]]["incoming"]["access_token"]
    await replica.report(alias["id"], detail=f"NO {token} is not welcome", reason="authentication_failed")
    history = await config_api.admin.get(f"/aliases/{alias['id']}/status-transitions")
    assert history.json()["items"][0]["detail"] == "NO *** is not welcome"


async def test_an_application_that_lost_its_own_access_gets_it_back_with_a_new_secret(
    config_api: ConfigApi, provider: Provider, clock: Clock
) -> None:
    account = await an_account(config_api, provider, code=False, authentication_flow="client_credentials")
    provider.clients = {"mail-gateway": "changed over there"}
    clock.advance(hours=2)
    await keeper(config_api).sweep()
    assert (await _account(config_api, account))["authorization_state"] == "invalid"
    path = f"/oauth-applications/{account['oauth_application_id']}"
    await config_api.admin.patch(path, json={"client_secret": "changed over there"})
    assert await keeper(config_api).sweep() == 1
    assert (await _account(config_api, account))["authorization_state"] == "authorized"
