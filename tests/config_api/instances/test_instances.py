"""Instances over REST: which aliases they have, and what keeps them from being deleted."""

import httpx
import pytest

from tests.config_api.builders import a_department, an_alias, fields_of
from tests.config_api.process import ConfigApi
from tests.config_api.replicas import Replica

KINDS = pytest.mark.parametrize("kind", ["retriever", "dispatcher"])
HUGE = 2**63 - 1


@KINDS
async def test_an_installation_starts_with_a_default_instance_of_each_kind(
    admin: httpx.AsyncClient, kind: str
) -> None:
    items = (await admin.get(f"/{kind}-instances")).json()["items"]
    assert [(item["name"], item["kind"], item["alias_ids"]) for item in items] == [("default", kind, [])]


@KINDS
async def test_an_instance_is_made_changed_and_deleted(admin: httpx.AsyncClient, kind: str) -> None:
    alias_id = (await an_alias(admin))["id"]
    made = await admin.post(f"/{kind}-instances", json={"name": "blue", "alias_ids": [alias_id, alias_id]})
    assert (made.status_code, made.json()["alias_ids"]) == (201, [alias_id])
    path = f"/{kind}-instances/{made.json()['id']}"

    changed = await admin.patch(path, json={"name": "green", "description": "Second"})
    assert (changed.json()["name"], changed.json()["alias_ids"]) == ("green", [alias_id])
    assert (await admin.get(path)).json() == changed.json()

    used = await admin.delete(path)
    assert (used.status_code, used.json()["code"]) == (409, "still_referenced")
    assert [(one["type"], one["id"]) for one in used.json()["references"]] == [("alias", alias_id)]

    assert (await admin.patch(path, json={"alias_ids": []})).json()["alias_ids"] == []
    assert (await admin.delete(path)).status_code == 204
    assert (await admin.get(path)).status_code == 404


async def test_an_alias_is_in_one_retriever_instance_at_most(admin: httpx.AsyncClient) -> None:
    alias = await an_alias(admin, retriever_instance="default")
    refused = await admin.post("/retriever-instances", json={"name": "blue", "alias_ids": [alias["id"]]})
    assert (refused.status_code, refused.json()["code"]) == (409, "alias_in_other_instance")
    assert [one["name"] for one in refused.json()["references"]] == ["default"]

    for name in ("one", "two"):
        many = await admin.post("/dispatcher-instances", json={"name": name, "alias_ids": [alias["id"]]})
        assert many.status_code == 201


@KINDS
async def test_an_alias_that_is_not_there_is_named(admin: httpx.AsyncClient, kind: str) -> None:
    body = {"name": "blue", "alias_ids": [(await an_alias(admin))["id"], HUGE]}
    assert fields_of(await admin.post(f"/{kind}-instances", json=body)) == ["alias_ids.1"]


@KINDS
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "two words"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "x", "alias_ids": [0]}, "alias_ids.0"),
        ({"name": "x", "alias_ids": [2**63]}, "alias_ids.0"),
        ({"name": "x", "alias_ids": "all"}, "alias_ids"),
        ({"name": "x", "description": "a\x00b"}, "description"),
        ({"name": "x", "replicas": []}, "replicas"),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_what_is_wrong_is_named(shared: ConfigApi, kind: str, body: dict[str, object], field: str) -> None:
    assert fields_of(await shared.admin.post(f"/{kind}-instances", json=body)) == [field]


@KINDS
async def test_two_instances_of_a_kind_cannot_have_one_name(admin: httpx.AsyncClient, kind: str) -> None:
    refused = await admin.post(f"/{kind}-instances", json={"name": "default"})
    assert (refused.status_code, refused.json()["code"]) == (409, "name_taken")


async def test_an_id_of_the_other_kind_is_not_found(admin: httpx.AsyncClient) -> None:
    dispatcher = (await admin.get("/dispatcher-instances")).json()["items"][0]["id"]
    assert (await admin.get(f"/retriever-instances/{dispatcher}")).status_code == 404
    assert (await admin.get(f"/retriever-instances/{HUGE}")).status_code == 404
    assert (await admin.get(f"/retriever-instances/{HUGE + 1}")).status_code == 422


async def test_the_dispatcher_instance_that_serves_the_rest_stays(admin: httpx.AsyncClient) -> None:
    path = f"/dispatcher-instances/{(await admin.get('/dispatcher-instances')).json()['items'][0]['id']}"
    for refused in (await admin.delete(path), await admin.patch(path, json={"name": "other"})):
        assert (refused.status_code, refused.json()["code"]) == (409, "default_instance")


async def test_an_instance_with_live_replicas_is_not_deleted(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient
) -> None:
    made = (await admin.post("/retriever-instances", json={"name": "blue"})).json()
    replica = Replica(worker, instance="blue")
    await replica.beat(counters={"mails": 7})
    path = f"/retriever-instances/{made['id']}"
    shown = (await admin.get(path)).json()["replicas"][0]
    assert (shown["name"], shown["live"], shown["counters"]) == ("one", True, {"mails": 7})

    refused = await admin.delete(path)
    assert [(one["type"], one["name"]) for one in refused.json()["references"]] == [("replica", "one")]
    await replica.beat(leaving=True)
    assert (await admin.delete(path)).status_code == 204


async def test_a_change_to_what_someone_else_changed_meanwhile_is_refused(admin: httpx.AsyncClient) -> None:
    made = await admin.post("/retriever-instances", json={"name": "blue"})
    path, seen = f"/retriever-instances/{made.json()['id']}", {"If-Match": made.headers["ETag"]}
    assert (await admin.patch(path, json={"description": "x"}, headers=seen)).status_code == 200
    assert (await admin.patch(path, json={"description": "y"}, headers=seen)).status_code == 412
    assert (await admin.delete(path, headers=seen)).status_code == 412


async def test_instances_are_listed_page_by_page(admin: httpx.AsyncClient) -> None:
    await admin.post("/retriever-instances", json={"name": "blue"})
    first = (await admin.get("/retriever-instances", params={"limit": 1})).json()
    rest = (await admin.get("/retriever-instances", params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert [item["name"] for item in (*first["items"], *rest["items"])] == ["default", "blue"]
    assert rest["next_cursor"] is None
    named = (await admin.get("/retriever-instances", params={"name": "blue"})).json()["items"]
    assert [item["name"] for item in named] == ["blue"]


async def test_deleting_a_department_with_aliases_is_refused_by_name(admin: httpx.AsyncClient) -> None:
    department = await a_department(admin)
    alias = await an_alias(admin, department)
    refused = await admin.delete(f"/departments/{department}")
    assert refused.status_code == 409
    assert {"type": "alias", "id": alias["id"], "name": alias["name"]} in refused.json()["references"]
    await admin.delete(f"/aliases/{alias['id']}")
    assert (await admin.delete(f"/departments/{department}")).status_code == 204
