"""Leases: one live replica for each alias, epochs that grow, and nobody robbed."""

import asyncio
import re
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest

from config_api.access.callers import Caller
from config_api.instances import leases
from ece_common.errors import Forbidden, StaleEpoch
from tests.config_api.builders import an_alias
from tests.config_api.instances.conftest import Fill
from tests.config_api.process import Clock, ConfigApi, running
from tests.config_api.replicas import Replica
from tests.config_api.waiting import until


async def version(sql: asyncpg.Connection) -> int:
    found: int | None = await sql.fetchval(
        "SELECT assignment_version FROM instances WHERE kind = 'retriever' AND name = 'default'"
    )
    assert found is not None
    return found


async def test_the_only_replica_gets_every_alias_and_a_beat_without_news_changes_nothing(
    worker: httpx.AsyncClient, sql: asyncpg.Connection, fill: Fill
) -> None:
    aliases = await fill(3)
    replica = Replica(worker)
    answer = await replica.beat()
    assert replica.aliases == set(aliases)
    assert answer["lease_seconds"] == 15
    assert 0 < answer["beat_after_seconds"] <= 5
    before, epochs = await version(sql), replica.epochs
    await replica.beat()
    assert (await version(sql), replica.epochs) == (before, epochs)


async def test_two_replicas_that_start_together_share_without_overlap(worker: httpx.AsyncClient, fill: Fill) -> None:
    aliases = await fill(4)
    one, two = Replica(worker, "one"), Replica(worker, "two")
    for _ in range(4):
        await asyncio.gather(one.beat(), two.beat())
        assert not one.aliases & two.aliases
    assert one.aliases | two.aliases == set(aliases)
    assert len(one.aliases) == len(two.aliases) == 2


async def test_what_is_wanted_back_goes_over_only_when_its_holder_let_go(
    worker: httpx.AsyncClient, fill: Fill
) -> None:
    await fill(2)
    one, two = Replica(worker, "one"), Replica(worker, "two")
    await one.beat()
    busy = dict(one.epochs)
    await two.beat()
    assert two.aliases == set()
    assert len(await one.assigned()) == 1

    one.epochs = busy
    await one.beat()
    await two.beat()
    assert two.aliases == set(), "the first still works on it"

    await one.beat()
    await two.beat()
    assert (len(one.aliases), len(two.aliases)) == (1, 1)
    (moved,) = two.aliases
    assert two.epochs[moved] > busy[moved]
    assert (await two.assigned())[moved]["handed_over_at"] is not None


async def test_good_bye_frees_everything_at_once(worker: httpx.AsyncClient, fill: Fill) -> None:
    aliases = await fill(2)
    one, two = Replica(worker, "one"), Replica(worker, "two")
    await one.beat()
    await two.beat()
    farewell = await one.beat(leaving=True)
    assert (farewell["leases"], farewell["lease_expires_at"]) == ([], None)
    await two.beat()
    assert two.aliases == set(aliases)
    await one.beat(leaving=True)
    late = await one.heartbeat()
    assert (late.status_code, late.json()["code"]) == (409, "replica_superseded")
    await two.beat()
    assert two.aliases == set(aliases)


async def handed_over(client: httpx.AsyncClient) -> float:
    metrics = (await client.get("http://config-api/metrics")).text
    found = re.search(r"^ece_config_api_lease_handovers_total (\S+)$", metrics, re.MULTILINE)
    assert found
    return float(found[1])


async def test_prometheus_is_told_how_many_aliases_passed_to_another_replica(
    worker: httpx.AsyncClient, fill: Fill
) -> None:
    await fill(2)
    one, two = Replica(worker, "one"), Replica(worker, "two")
    at_first = await handed_over(worker)
    await one.beat()
    assert await handed_over(worker) == at_first, "nobody held them before"
    await two.beat()
    await one.beat(leaving=True)
    await two.beat()
    assert await handed_over(worker) == at_first + 2


async def test_a_restarted_replica_takes_over_at_once_and_its_former_self_is_refused(
    worker: httpx.AsyncClient, fill: Fill
) -> None:
    (alias,) = await fill(1)
    former = Replica(worker)
    await former.beat()
    restarted = Replica(worker)
    await restarted.beat()
    assert restarted.epochs[alias] > former.epochs[alias]
    late = await former.heartbeat()
    assert (late.status_code, late.json()["code"]) == (409, "replica_superseded")
    stale = await former.report(alias)
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_epoch")


async def test_a_silent_replica_is_replaced_within_the_lease_time(short: ConfigApi, fill: Fill) -> None:
    aliases = await fill(4)
    one, two = Replica(short.worker, "one"), Replica(short.worker, "two")
    for _ in range(3):
        await one.beat()
        await two.beat()
    silent = dict(one.epochs)
    assert len(silent) == 2

    async def has_all() -> bool:
        pause = (await two.beat())["beat_after_seconds"]
        assert pause <= 1 / 3
        return two.aliases == set(aliases)

    await until(has_all, every=0.1)
    assert all(two.epochs[alias] > epoch for alias, epoch in silent.items())
    stale = await one.report(next(iter(silent)))
    assert stale.json()["code"] == "stale_epoch"


async def everyone_is_silent_for_a_lease(sql: asyncpg.Connection) -> None:
    async def expired() -> bool:
        return bool(await sql.fetchval("SELECT bool_and(expires_at < clock_timestamp()) FROM replicas"))

    await until(expired)


async def test_after_an_outage_of_ours_nobody_is_robbed(
    short: ConfigApi, sql: asyncpg.Connection, fill: Fill
) -> None:
    await fill(4)
    one, two = Replica(short.worker, "one"), Replica(short.worker, "two")
    for _ in range(3):
        await one.beat()
        await two.beat()
    before = {**one.epochs, **two.epochs}
    await everyone_is_silent_for_a_lease(sql)
    await two.beat()
    await one.beat()
    await two.beat()
    assert {**one.epochs, **two.epochs} == before


async def test_after_an_outage_what_was_free_is_given_out_and_what_stays_silent_a_lease_later(
    short: ConfigApi, sql: asyncpg.Connection, fill: Fill
) -> None:
    taken = await fill(1)
    one, two = Replica(short.worker, "one"), Replica(short.worker, "two")
    await one.beat()
    await everyone_is_silent_for_a_lease(sql)
    fresh = await fill(1)
    await two.beat()
    assert two.aliases == set(fresh)

    async def has_all() -> bool:
        await two.beat()
        return two.aliases == {*taken, *fresh}

    await until(has_all, every=0.1)
    waited = await sql.fetchval("SELECT no_handover_until <= clock_timestamp() FROM instances WHERE id = 1")
    assert waited is True


async def test_processes_agree_on_leases_whatever_their_clocks_say(
    config_api: ConfigApi, database: str, fill: Fill
) -> None:
    await fill(2)
    async with running(database, Clock(datetime(2050, 1, 1, tzinfo=UTC))) as ahead:
        one, two = Replica(config_api.worker, "one"), Replica(ahead.worker, "two")
        for _ in range(3):
            await one.beat()
            await two.beat()
        assert len(one.aliases) == len(two.aliases) == 1


async def test_an_alias_taken_out_of_an_instance_moves_when_its_holder_let_go(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient, fill: Fill
) -> None:
    (alias,) = await fill(1)
    await admin.post("/retriever-instances", json={"name": "blue"})
    one, other = Replica(worker), Replica(worker, instance="blue")
    await one.beat()
    busy = dict(one.epochs)
    await admin.patch("/retriever-instances/1", json={"alias_ids": []})
    blue = (await admin.get("/retriever-instances", params={"name": "blue"})).json()["items"][0]["id"]
    await admin.patch(f"/retriever-instances/{blue}", json={"alias_ids": [alias]})
    await other.beat()
    assert other.aliases == set()
    assert await one.assigned() == {}

    await one.beat()
    await one.beat()
    await other.beat()
    assert other.epochs[alias] > busy[alias]


@pytest.mark.rule(110)
async def test_for_a_deleted_alias_nothing_more_is_taken_in(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient, fill: Fill
) -> None:
    (alias,) = await fill(1)
    replica = Replica(worker)
    await replica.beat()
    await admin.patch("/retriever-instances/1", json={"alias_ids": []})
    assert (await admin.delete(f"/aliases/{alias}")).status_code == 204
    assert await replica.assigned() == {}
    assert (await replica.report(alias)).status_code == 404
    assert (await replica.beat())["leases"] == []


async def test_a_dispatcher_beats_without_leases(worker: httpx.AsyncClient, fill: Fill) -> None:
    await fill(1)
    assert (await Replica(worker, kind="dispatcher").beat())["leases"] == []


async def test_an_instance_that_is_not_there_takes_no_beat(worker: httpx.AsyncClient) -> None:
    assert (await Replica(worker, instance="nowhere").heartbeat()).status_code == 404
    assert (await Replica(worker, instance="nowhere").ask()).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"incarnation": "short"}, "incarnation"),
        ({"incarnation": "with\x00nul-in-it"}, "incarnation"),
        ({"incarnation": "incarnation", "holding": [{"alias_id": 2**63, "epoch": 1}]}, "holding.0.alias_id"),
        ({"incarnation": "incarnation", "holding": [{"alias_id": 1, "epoch": -1}]}, "holding.0.epoch"),
        ({"incarnation": "incarnation", "counters": {"mails": "many"}}, "counters.mails"),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_a_malformed_beat_is_refused_by_name(shared: ConfigApi, body: dict[str, object], field: str) -> None:
    refused = await shared.worker.put(f"{Replica(shared.worker).path}/heartbeat", json=body)
    assert [one["field"] for one in refused.json()["errors"]] == [field]


async def test_a_hand_over_waits_for_what_is_being_written_under_the_lease(
    config_api: ConfigApi, sql: asyncpg.Connection, fill: Fill
) -> None:
    (alias,) = await fill(1)
    one, two = Replica(config_api.worker, "one"), Replica(config_api.worker, "two")
    await one.beat()
    epoch = one.epochs[alias]
    sessions, worker = config_api.app.state.sessions, Caller("worker", None)

    async def waits_for_the_lock() -> bool:
        waiting = await sql.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple'))"
        )
        return waiting is True

    async with sessions() as session, session.begin():
        lease = await leases.require(session, worker, alias, epoch)
        assert lease.replica == "one"
        leaving = asyncio.create_task(one.beat(leaving=True))
        await until(waits_for_the_lock)
        assert not leaving.done()
    await leaving
    await two.beat()
    assert two.epochs[alias] > epoch


async def test_the_epoch_decides_and_a_former_holder_may_only_settle(
    config_api: ConfigApi, admin: httpx.AsyncClient, fill: Fill
) -> None:
    (alias,) = await fill(1)
    never_leased = (await an_alias(admin))["id"]
    replica = Replica(config_api.worker)
    await replica.beat()
    restarted = Replica(config_api.worker)
    await restarted.beat()
    old, new = replica.epochs[alias], restarted.epochs[alias]
    worker = Caller("worker", None)
    async with config_api.app.state.sessions() as session:
        assert (await leases.require(session, worker, alias, new)).epoch == new
        for epoch in (old, new + 1):
            with pytest.raises(StaleEpoch):
                await leases.require(session, worker, alias, epoch)
        assert (await leases.require_settling(session, worker, alias, old)).epoch == new
        with pytest.raises(StaleEpoch):
            await leases.require_settling(session, worker, alias, new + 1)
        with pytest.raises(StaleEpoch):
            await leases.require(session, worker, never_leased, 1)
        for stranger in (Caller("token/1", "retriever", "blue"), Caller("token/2", "dispatcher")):
            with pytest.raises(Forbidden):
                await leases.require(session, stranger, alias, new)


async def test_a_token_opens_its_own_instance_and_no_other(
    config_api: ConfigApi, admin: httpx.AsyncClient, fill: Fill
) -> None:
    (alias,) = await fill(1)
    await admin.post("/retriever-instances", json={"name": "blue"})
    own = Replica(config_api.worker)
    await own.beat()
    minted = await admin.post("/tokens", json={"name": "blue", "kind": "retriever", "instance": "blue"})
    async with config_api.client(minted.json()["token"]) as blue:
        stranger = Replica(blue, epochs=dict(own.epochs))
        for answer in (await stranger.heartbeat(), await stranger.ask(), await stranger.report(alias)):
            assert answer.status_code == 403
        assert (await Replica(blue, instance="blue").heartbeat()).status_code == 200
        assert (await Replica(blue, instance="blue", kind="dispatcher").ask()).status_code == 403
    assert (await Replica(admin).heartbeat()).status_code == 403
