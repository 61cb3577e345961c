"""Jobs: one worker of the right instance does each, and whoever asked gets its answer."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from config_api.connections import testing
from config_api.connections.testing import Bench
from config_api.jobs import repository
from config_api.jobs.asking import Desk, TimedOut
from ece_common.contracts.jobs import ConnectionTestRequest
from tests.config_api.builders import an_alias
from tests.config_api.process import ConfigApi
from tests.config_api.replicas import Replica

OK_STEPS = [{"side": "incoming", "step": "auth", "outcome": "ok"}]
FAILED = {"side": "incoming", "step": "auth", "outcome": "failed", "detail": "NO go away"}
INCOMING = {"incoming": True, "outgoing": False}


class Retriever:
    """A replica that beats once and then claims and tells."""

    def __init__(self, worker: httpx.AsyncClient, replica: str = "r1", instance: str = "default") -> None:
        self.worker, self.replica, self.instance = worker, replica, instance

    async def claim(self, wait: float = 10, **fields: Any) -> dict[str, Any] | None:
        body = {"kind": "retriever", "instance": self.instance, "replica": self.replica, "wait": wait, **fields}
        answer = await self.worker.post("/worker-jobs/claims", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["job"]

    async def claim_one(self) -> dict[str, Any]:
        job = await self.claim()
        assert job is not None
        return job

    async def tell(self, job: dict[str, Any], **fields: Any) -> httpx.Response:
        body = {"instance": self.instance, "replica": self.replica, **fields}
        return await self.worker.put(f"/worker-jobs/{job['id']}/result", json=body)


@pytest.fixture
async def retriever(worker: httpx.AsyncClient) -> Retriever:
    await Replica(worker).beat()
    return Retriever(worker)


@pytest.fixture
async def alias(admin: httpx.AsyncClient) -> dict[str, Any]:
    return await an_alias(admin, incoming={"password": "the mailbox's secret"})


def _test(admin: httpx.AsyncClient, alias: dict[str, Any]) -> asyncio.Task[httpx.Response]:
    return asyncio.create_task(admin.post(f"/aliases/{alias['id']}/test-connection", json=INCOMING))


@pytest.mark.rule(191, 195)
async def test_what_the_worker_found_is_what_the_asker_gets(
    admin: httpx.AsyncClient, alias: dict[str, Any], retriever: Retriever, sql: asyncpg.Connection
) -> None:
    asked = _test(admin, alias)
    job = await retriever.claim_one()
    assert job["incoming"]["password"] == "the mailbox's secret"
    stored = await sql.fetch("SELECT worker_jobs::text FROM worker_jobs")
    assert "secret" not in str(stored)
    assert (await retriever.tell(job, steps=OK_STEPS, milliseconds=12)).status_code == 204
    answer = (await asked).json()
    assert (answer["ok"], answer["message"]) == (True, "Connection established successfully")
    assert [one["step"] for one in answer["steps"]] == ["auth"]


@pytest.mark.rule(196)
async def test_a_failed_step_is_the_message(
    admin: httpx.AsyncClient, alias: dict[str, Any], retriever: Retriever
) -> None:
    asked = _test(admin, alias)
    await retriever.tell(await retriever.claim_one(), steps=[FAILED])
    answer = (await asked).json()
    assert (answer["ok"], answer["message"]) == (False, "The incoming server refused the login: NO go away")


async def test_a_job_whose_worker_died_is_done_by_another_one_while_the_asker_waits(
    admin: httpx.AsyncClient, alias: dict[str, Any], retriever: Retriever, sql: asyncpg.Connection
) -> None:
    asked = _test(admin, alias)
    job = await retriever.claim_one()
    second = Retriever(retriever.worker, "r2")
    assert await second.claim(wait=0) is None
    await sql.execute("UPDATE worker_jobs SET claimed_until = clock_timestamp()")
    again = await second.claim_one()
    assert again["id"] == job["id"]
    await second.tell(again, steps=OK_STEPS)
    # The first one was only slow: what it says now changes nothing.
    assert (await retriever.tell(job, steps=[FAILED])).status_code == 204
    assert (await asked).json()["ok"]


async def test_whoever_asks_for_the_same_while_it_is_done_waits_for_the_same_answer(config_api: ConfigApi) -> None:
    alias = await an_alias(config_api.admin)
    async with config_api.app.state.sessions() as session, session.begin():
        instance = await repository.instance_for(session, "retriever", alias["id"])
        assert instance.id is not None
        first = await repository.post(session, "test_incoming", alias["id"], instance.id, 30)
        assert await repository.post(session, "test_incoming", alias["id"], instance.id, 30) == first
        assert await repository.post(session, "test_outgoing", alias["id"], instance.id, 30) != first
        assert await repository.conclude(session, first, "{}")
        assert await repository.post(session, "test_incoming", alias["id"], instance.id, 30) != first


async def test_without_a_live_replica_it_is_said_at_once(admin: httpx.AsyncClient, alias: dict[str, Any]) -> None:
    refused = await admin.post(f"/aliases/{alias['id']}/test-connection")
    assert (refused.status_code, refused.json()["code"]) == (503, "no_live_replica")


async def test_a_worker_that_never_answers_is_waited_for_no_longer_than_promised(
    config_api: ConfigApi, alias: dict[str, Any], retriever: Retriever
) -> None:
    state = config_api.app.state
    desk = Desk(state.sessions, state.changes, patience=0.3)
    with pytest.raises(TimedOut) as told:
        await testing.of_alias(Bench(desk, state.renewals), alias["id"], ConnectionTestRequest(outgoing=False))
    assert "instance 'default'" in told.value.detail
    job = await retriever.claim(wait=0)
    assert job is None, "nobody waits for it any more"


async def test_a_password_that_no_key_opens_is_told_to_the_asker(
    admin: httpx.AsyncClient, alias: dict[str, Any], retriever: Retriever, sql: asyncpg.Connection
) -> None:
    await sql.execute("UPDATE aliases SET incoming_password = 'nonsense'")
    asked = _test(admin, alias)
    assert await retriever.claim(wait=1) is None
    answer = (await asked).json()
    assert answer["ok"] is False
    assert "master key" in answer["message"]


async def test_a_token_bound_to_another_instance_sees_no_job(
    config_api: ConfigApi, alias: dict[str, Any], retriever: Retriever
) -> None:
    admin = config_api.admin
    assert (await admin.post("/retriever-instances", json={"name": "second"})).status_code == 201
    minted = await admin.post("/tokens", json={"name": "t", "kind": "retriever", "instance": "second"})
    stranger = config_api.client(minted.json()["token"])
    asked = _test(admin, alias)
    job = await retriever.claim_one()
    for refused in (
        await stranger.post("/worker-jobs/claims", json={"kind": "retriever", "instance": "default", "replica": "x"}),
        await Retriever(stranger).tell(job, steps=OK_STEPS),
        await stranger.get(f"/worker-jobs/{job['id']}/original"),
    ):
        assert refused.status_code == 403
    await retriever.tell(job, steps=OK_STEPS)
    assert (await asked).json()["ok"]


async def test_neither_side_is_nothing_to_test(admin: httpx.AsyncClient, alias: dict[str, Any]) -> None:
    nothing = {"incoming": False, "outgoing": False}
    refused = await admin.post(f"/aliases/{alias['id']}/test-connection", json=nothing)
    assert refused.status_code == 422
    unknown = await admin.post("/aliases/999/test-connection")
    assert unknown.status_code == 404


async def test_words_of_a_server_that_the_database_cannot_hold_are_told_as_far_as_it_can(
    admin: httpx.AsyncClient, alias: dict[str, Any], retriever: Retriever
) -> None:
    asked = _test(admin, alias)
    job = await retriever.claim_one()
    step = '{"side": "incoming", "step": "greeting", "outcome": "failed", "detail": "* \\u0000 BYE"}'
    body = f'{{"instance": "default", "replica": "r1", "steps": [{step}]}}'
    headers = {"Content-Type": "application/json"}
    told = await retriever.worker.put(f"/worker-jobs/{job['id']}/result", content=body, headers=headers)
    assert told.status_code == 204, told.text
    assert "* \ufffd BYE" in (await asked).json()["message"]
