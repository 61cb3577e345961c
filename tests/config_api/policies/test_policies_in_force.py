"""A department's policies reach the retriever with its assignment, changed ones at once and without a restart."""

from typing import Any

import httpx
import pytest

from tests.config_api.builders import an_alias
from tests.config_api.replicas import Replica


@pytest.fixture
async def replica(worker: httpx.AsyncClient) -> Replica:
    replica = Replica(worker)
    await replica.beat()
    return replica


async def _policies(replica: Replica, etag: str | None = None) -> tuple[dict[str, Any], str]:
    answer = await replica.ask(etag=etag, wait=10 if etag else 0)
    assert answer.status_code == 200, answer.text
    return answer.json()["policies"], answer.headers["ETag"]


@pytest.mark.rule(14, 15, 207, 214, 216, 260, 264)
async def test_what_an_administrator_changes_is_in_the_next_assignment(
    admin: httpx.AsyncClient, replica: Replica
) -> None:
    alias = await an_alias(admin, retriever_instance="default")
    department = str(alias["department_id"])
    await replica.beat()
    before, etag = await _policies(replica)
    assert len(before[department]["delivery_exceptions"]) == 127
    assert before[department]["blocking"]["blocked_file_extensions"] == []

    blocked = {"name": "Programs", "blocked_file_extension": ".exe"}
    made = await admin.post(f"/departments/{department}/blocked-file-extensions", json=blocked)
    settings = {"action_on_blocked_attachments": "delete", "email_for_scan": "both_inbound_and_outbound_emails"}
    assert (await admin.patch(f"/departments/{department}/settings", json=settings)).status_code == 200
    after, etag = await _policies(replica, etag)
    blocking = after[department]["blocking"]
    assert blocking["blocked_file_extensions"] == [".exe"]
    assert {name: blocking[name] for name in settings} == settings
    assert after[department]["version"] != before[department]["version"]

    assert (await admin.delete(f"/blocked-file-extensions/{made.json()['id']}")).status_code == 204
    reset = dict.fromkeys(settings)
    assert (await admin.patch(f"/departments/{department}/settings", json=reset)).status_code == 200
    again, _ = await _policies(replica, etag)
    assert again == before, "equal policies have equal versions"


@pytest.mark.rule(211, 254)
async def test_each_department_has_its_own(admin: httpx.AsyncClient, replica: Replica) -> None:
    one, other = [await an_alias(admin, retriever_instance="default") for _ in range(2)]
    await replica.beat()
    phrase = {"name": "x", "type": "subject", "phrase": "our own", "failure": "permanent"}
    await admin.post(f"/departments/{one['department_id']}/delivery-exceptions", json=phrase)
    policies, _ = await _policies(replica)
    found = {
        id_: [phrase["phrase"] for phrase in department["delivery_exceptions"]]
        for id_, department in policies.items()
    }
    assert "our own" in found[str(one["department_id"])]
    assert "our own" not in found[str(other["department_id"])]


@pytest.mark.rule(208)
async def test_the_partitions_lists_go_along(admin: httpx.AsyncClient, replica: Replica) -> None:
    alias = await an_alias(admin, retriever_instance="default")
    await replica.beat()
    lists = {"attachments_allowed": [".pdf"], "attachments_blocked": [".exe"]}
    assert (await admin.patch("/settings", json=lists)).status_code == 200
    policies, _ = await _policies(replica)
    blocking = policies[str(alias["department_id"])]["blocking"]
    assert [name.lstrip(".") for name in blocking["attachments_allowed"]] == ["pdf"]
    assert [name.lstrip(".") for name in blocking["attachments_blocked"]] == ["exe"]
