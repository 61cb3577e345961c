"""Assignments: what a replica is told, when it is told, and what the long poll holds meanwhile."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from tests.config_api.builders import ESMTP, an_alias
from tests.config_api.instances.conftest import Fill
from tests.config_api.process import Clock, ConfigApi, running
from tests.config_api.replicas import Replica
from tests.config_api.waiting import until


@pytest.mark.rule(12, 107, 133)
async def test_a_retriever_is_told_all_it_needs_of_its_own_aliases(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient
) -> None:
    alias = await an_alias(
        admin,
        retriever_instance="default",
        incoming={"server_type": "IMAP", "folder": "Support", "tls": {"minimum_version": "TLSv1.3"}},
        after_retrieval="move",
        move_to="Done",
    )
    await an_alias(admin)
    replica = Replica(worker)
    await replica.beat()
    answer = await replica.ask()
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert (body["instance"], body["replica"], body["lease_seconds"]) == ("default", "one", 15)
    assert body["settings"]["connection_attempts"] == 3
    assert body["aliases"] == [
        {
            "alias_id": alias["id"],
            "department_id": alias["department_id"],
            "email_address": alias["email_address"],
            "epoch": replica.epochs[alias["id"]],
            "mailbox_generation": 1,
            "status": "active",
            "recoverable": False,
            "next_attempt_at": None,
            "failed_attempts": 0,
            "handed_over_at": None,
            "after_retrieval": "move",
            "move_to": "Done",
            "incoming": {
                "server_type": "IMAP",
                "server_name": "mail.shop.test",
                "port": 993,
                "use_ssl": True,
                "user_name": alias["incoming"]["user_name"],
                "password": "incoming secret",
                "account_id": None,
                "access_token": None,
                "access_token_expires_at": None,
                "folder": "Support",
                "tls": {"ca_bundle": None, "minimum_version": "TLSv1.3"},
            },
        }
    ]


@pytest.mark.rule(119, 135)
async def test_an_alias_set_inactive_by_an_administrator_is_kept_and_not_retrieved(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient, fill: Fill
) -> None:
    (alias,) = await fill(1)
    replica = Replica(worker)
    await replica.beat()
    await admin.patch(f"/aliases/{alias}", json={"status": "inactive"})
    told = (await replica.assigned())[alias]
    assert (told["status"], told["recoverable"]) == ("inactive", False)


@pytest.mark.rule(134, 136)
async def test_a_dispatcher_is_told_whose_mail_it_claims_active_or_not_without_passwords(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient
) -> None:
    alias = await an_alias(admin, outgoing=ESMTP, status="inactive")
    await admin.post("/dispatcher-instances", json={"name": "blue", "alias_ids": [alias["id"]]})
    answer = await Replica(worker, instance="blue", kind="dispatcher").ask()
    assert (answer.json()["alias_ids"], answer.json()["serves_unassigned"]) == ([alias["id"]], False)
    assert "secret" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    fallback = (await Replica(worker, kind="dispatcher").ask()).json()
    assert (fallback["alias_ids"], fallback["serves_unassigned"]) == ([], True)


async def test_an_assignment_that_is_known_is_not_sent_again(worker: httpx.AsyncClient, fill: Fill) -> None:
    await fill(1)
    replica = Replica(worker)
    await replica.beat()
    etag = (await replica.ask()).headers["ETag"]
    again = await replica.ask(etag=etag)
    assert (again.status_code, again.content) == (304, b"")
    assert (await replica.ask(etag=f"W/{etag}")).status_code == 304
    assert (await replica.ask(etag='"another"')).status_code == 200


CHANGES: dict[str, dict[str, Any]] = {
    "a password": {"incoming": {"password": "new"}},
    "a status": {"status": "inactive"},
    "a folder": {"incoming": {"server_type": "IMAP", "folder": "Other", "password": "again"}},
}


@pytest.mark.rule(108, 118)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_a_change_to_an_alias_ends_the_long_poll_without_a_restart(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient, fill: Fill, change: dict[str, Any]
) -> None:
    (alias,) = await fill(1)
    replica = Replica(worker)
    await replica.beat()
    etag = (await replica.ask()).headers["ETag"]
    poll = asyncio.create_task(replica.ask(etag=etag, wait=30))
    assert (await admin.patch(f"/aliases/{alias}", json=change)).status_code == 200
    answer = await asyncio.wait_for(poll, 10)
    assert answer.status_code == 200
    assert answer.headers["ETag"] != etag


async def test_settings_and_aliases_of_the_instance_end_the_long_poll(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient, fill: Fill
) -> None:
    aliases = await fill(1)
    replica = Replica(worker)
    await replica.beat()
    etag = (await replica.ask()).headers["ETag"]
    poll = asyncio.create_task(replica.ask(etag=etag, wait=30))
    await admin.patch("/settings", json={"connection_attempts": 7})
    answer = await asyncio.wait_for(poll, 10)
    assert answer.json()["settings"]["connection_attempts"] == 7

    dispatcher = Replica(worker, kind="dispatcher")
    etag = (await dispatcher.ask()).headers["ETag"]
    poll = asyncio.create_task(dispatcher.ask(etag=etag, wait=30))
    await admin.patch("/dispatcher-instances/2", json={"alias_ids": aliases})
    assert (await asyncio.wait_for(poll, 10)).json()["alias_ids"] == aliases


async def test_any_process_answers_for_a_change_made_at_another(
    config_api: ConfigApi, database: str, fill: Fill
) -> None:
    (alias,) = await fill(1)
    async with running(database, Clock()) as other:
        replica = Replica(other.worker)
        await replica.beat()
        etag = (await replica.ask()).headers["ETag"]
        poll = asyncio.create_task(replica.ask(etag=etag, wait=30))
        await config_api.admin.patch(f"/aliases/{alias}", json={"incoming": {"password": "new"}})
        answer = await asyncio.wait_for(poll, 10)
        assert answer.json()["aliases"][0]["incoming"]["password"] == "new"


async def test_many_long_polls_hold_no_database_connection(
    config_api: ConfigApi, sql: asyncpg.Connection, fill: Fill
) -> None:
    await fill(1)
    replica = Replica(config_api.worker)
    await replica.beat()
    etag = (await replica.ask()).headers["ETag"]
    polls = [asyncio.create_task(replica.ask(etag=etag, wait=30)) for _ in range(50)]

    async def all_wait() -> bool:
        waiters = config_api.app.state.changes._waiters
        return len(waiters.get("instance/1", ())) == 50

    async def nothing_is_open() -> bool:
        busy = await sql.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND state <> 'idle' AND pid <> pg_backend_pid()"
        )
        return busy == 0

    await until(all_wait)
    await until(nothing_is_open)
    assert (await config_api.admin.get("/departments")).status_code == 200
    config_api.app.state.changes.close()
    answers = await asyncio.wait_for(asyncio.gather(*polls), 10)
    assert {answer.status_code for answer in answers} == {304}


async def test_a_superseded_or_unknown_replica_is_assigned_nothing(worker: httpx.AsyncClient, fill: Fill) -> None:
    await fill(1)
    assert await Replica(worker, "never-seen").assigned() == {}


@pytest.mark.parametrize("query", [{"wait": 61}, {"wait": -1}, {"wait": "nan"}, {"wait": "long"}])
@pytest.mark.asyncio(loop_scope="session")
async def test_a_wait_out_of_range_is_refused(shared: ConfigApi, query: dict[str, Any]) -> None:
    refused = await shared.worker.get(f"{Replica(shared.worker).path}/assignments", params=query)
    assert refused.status_code == 422


@pytest.mark.parametrize(
    "path", ["/retriever-instances/a b/replicas/one", "/retriever-instances/default/replicas/%00"]
)
@pytest.mark.asyncio(loop_scope="session")
async def test_names_that_cannot_be_are_refused(shared: ConfigApi, path: str) -> None:
    assert (await shared.worker.get(f"{path}/assignments")).status_code == 422
