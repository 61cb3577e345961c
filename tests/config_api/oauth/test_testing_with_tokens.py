"""A worker that tests a connection gets another token for its job; an account that gives none makes no job."""

import asyncio
import hashlib
from typing import Any

import asyncpg
import httpx
import pytest

from tests.config_api.builders import an_alias
from tests.config_api.oauth.builders import an_account, an_alias_in
from tests.config_api.oauth.provider import Provider
from tests.config_api.process import ConfigApi
from tests.config_api.replicas import Replica

ME = {"kind": "retriever", "instance": "default", "replica": "one"}
INCOMING = {"incoming": True, "outgoing": False}


async def _claimed(service: ConfigApi) -> dict[str, Any]:
    job = (await service.worker.post("/worker-jobs/claims", json={**ME, "wait": 5})).json()["job"]
    assert job is not None
    return job


async def _another(service: ConfigApi, job: dict[str, Any], token: str) -> httpx.Response:
    refused = hashlib.sha256(token.encode()).hexdigest()
    return await service.worker.post(f"/worker-jobs/{job['id']}/access-tokens", json={**ME, "refused": refused})


async def _told(service: ConfigApi, job: dict[str, Any]) -> None:
    steps = [{"side": "incoming", "step": "auth", "outcome": "ok"}]
    await service.worker.put(
        f"/worker-jobs/{job['id']}/result", json={"instance": "default", "replica": "one", "steps": steps}
    )


@pytest.mark.rule(191)
async def test_whoever_tests_an_alias_gets_another_token_as_long_as_somebody_waits(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    alias = await an_alias_in(config_api, sql, await an_account(config_api, provider))
    # No lease is needed for a test: whichever replica of the instance has the job may ask.
    await Replica(config_api.worker).beat()
    path = f"/aliases/{alias['id']}/test-connection"
    asked = asyncio.create_task(config_api.admin.post(path, json=INCOMING))
    job = await _claimed(config_api)
    first = job["incoming"]["access_token"]
    fresh = await _another(config_api, job, first)
    assert fresh.status_code == 200, fresh.text
    assert fresh.headers["cache-control"] == "no-store"
    assert fresh.json()["access_token"] not in (first, None)
    provider.revoke_all()
    lost = await _another(config_api, job, fresh.json()["access_token"])
    assert (lost.status_code, lost.json()["code"]) == (409, "account_invalid")
    await _told(config_api, job)
    assert (await asked).json()["ok"]
    assert (await _another(config_api, job, first)).status_code == 404


@pytest.mark.rule(189)
async def test_an_alias_that_is_tried_for_an_account_is_tried_with_that_accounts_tokens(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias(config_api.admin, account["department_id"])
    await Replica(config_api.worker).beat()
    path = f"/accounts/{account['id']}/aliases/add-existing"
    asked = asyncio.create_task(config_api.admin.post(path, json={"alias_ids": [alias["id"]]}))
    job = await _claimed(config_api)
    fresh = await _another(config_api, job, job["incoming"]["access_token"])
    assert fresh.json()["access_token"] in provider.given
    await _told(config_api, job)
    assert (await asked).json()["results"][0]["outcome"] == "added"


async def test_a_job_about_no_account_has_no_tokens(config_api: ConfigApi) -> None:
    alias = await an_alias(config_api.admin)
    await Replica(config_api.worker).beat()
    asked = asyncio.create_task(config_api.admin.post(f"/aliases/{alias['id']}/test-connection", json=INCOMING))
    job = await _claimed(config_api)
    refused = await _another(config_api, job, "x")
    assert (refused.status_code, refused.json()["code"]) == (409, "alias_without_account")
    await _told(config_api, job)
    await asked


@pytest.mark.rule(192, 196)
async def test_an_alias_of_an_account_that_gives_no_token_is_not_tried_with_an_empty_password(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias_in(config_api, sql, account)
    await config_api.admin.patch(f"/accounts/{account['id']}", json={"status": "inactive"})
    await Replica(config_api.worker).beat()
    path = f"/aliases/{alias['id']}/test-connection"
    asked = asyncio.create_task(config_api.admin.post(path, json=INCOMING))
    claim = await config_api.worker.post("/worker-jobs/claims", json={**ME, "wait": 0.5})
    assert claim.json()["job"] is None
    answer = (await asked).json()
    assert answer["message"] == (
        "The incoming server could not be tried: the account is inactive: set it active first"
    )
