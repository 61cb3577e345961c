"""How far a token reaches: its departments, and the guide's actions. Whatever is refused names the action."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from config_api.access import reach
from tests.config_api.builders import a_department, an_alias, fields_of
from tests.config_api.mail_in import Mailbox, a_mail, a_mailbox
from tests.config_api.process import ConfigApi

Token = Callable[..., Awaitable[httpx.AsyncClient]]
PATTERN = {"name": "Card", "java_regular_expression": "4[0-9]{15}"}
EVERY_ACTION = {
    "manage_masking_patterns",
    "delete_system_provided_delivery_exceptions",
    "restore_blocked_attachment",
    "delete_blocked_attachment",
    "pick_from_exception_queue",
}


@pytest.fixture
def token(config_api: ConfigApi, admin: httpx.AsyncClient) -> Token:
    async def minted(**limits: Any) -> httpx.AsyncClient:
        made = await admin.post("/tokens", json={"name": "limited", "kind": "administrator", **limits})
        assert made.status_code == 201, made.text
        return config_api.client(made.json()["token"])

    return minted


@pytest.fixture
async def mailbox(admin: httpx.AsyncClient, worker: httpx.AsyncClient) -> Mailbox:
    return await a_mailbox(admin, worker)


async def _blocked(admin: httpx.AsyncClient, mailbox: Mailbox) -> str:
    described = {"name": "a.exe", "content_type": "application/x", "content": {"offset": 0, "size": 4}}
    why = {"extension": "exe", "path": "a.exe", "reason": "its name ends so"}
    mail = a_mail(b"evil")
    mail.changes.update(original=None, attachments=[{**described, "state": "quarantined", "blocked": why}])
    await mailbox.activity_of(mail)
    listed = await admin.get(f"/departments/{mailbox.alias['department_id']}/blocked-attachments")
    return f"/blocked-attachments/{listed.json()['items'][0]['id']}"


async def _in_exception_queue(admin: httpx.AsyncClient, mailbox: Mailbox) -> str:
    path = f"/activities/{await mailbox.activity_of(a_mail())}"
    queues = (await admin.get(f"/departments/{mailbox.alias['department_id']}/queues")).json()["items"]
    exception = next(queue["id"] for queue in queues if queue["is_exception"])
    moved = await admin.patch(path, json={"queue_id": exception})
    assert moved.status_code == 200, moved.text
    return path


def _refused(answer: httpx.Response, action: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (403, "action_refused"), answer.text
    assert action in answer.json()["detail"]


async def test_a_token_tells_its_own_reach(admin: httpx.AsyncClient, token: Token) -> None:
    department_id = await a_department(admin)
    limited = await token(department_ids=[department_id], actions=["restore_blocked_attachment"])
    me = (await limited.get("/me")).json()
    assert (me["department_ids"], me["actions"]) == ([department_id], ["restore_blocked_attachment"])
    me = (await admin.get("/me")).json()
    assert (me["department_ids"], me["actions"]) == (None, None)


@pytest.mark.rule(34)
async def test_masking_patterns_are_a_partition_administrators(admin: httpx.AsyncClient, token: Token) -> None:
    pattern = (await admin.post("/masking-patterns", json=PATTERN)).json()
    for limits in ({"department_ids": [await a_department(admin)]}, {"actions": []}):
        limited = await token(**limits)
        _refused(await limited.post("/masking-patterns", json={**PATTERN, "name": "B"}), "manage_masking_patterns")
        path = f"/masking-patterns/{pattern['id']}"
        _refused(await limited.patch(path, json={"name": "C"}), "manage_masking_patterns")
        _refused(await limited.delete(path), "manage_masking_patterns")
        assert (await limited.get(path)).json()["name"] == "Card"
    allowed = await token(actions=["manage_masking_patterns"])
    assert (await allowed.post("/masking-patterns", json={**PATTERN, "name": "B"})).status_code == 201


@pytest.mark.rule(233)
async def test_restoring_needs_its_action(admin: httpx.AsyncClient, mailbox: Mailbox, token: Token) -> None:
    path = await _blocked(admin, mailbox)
    limited = await token(actions=sorted(EVERY_ACTION - {"restore_blocked_attachment"}))
    _refused(await limited.post(f"{path}/restore"), "restore_blocked_attachment")
    department_id = mailbox.alias["department_id"]
    allowed = await token(department_ids=[department_id], actions=["restore_blocked_attachment"])
    assert (await allowed.post(f"{path}/restore")).status_code == 200


@pytest.mark.rule(235)
async def test_deleting_a_blocked_attachment_needs_its_action(
    admin: httpx.AsyncClient, mailbox: Mailbox, token: Token
) -> None:
    path = await _blocked(admin, mailbox)
    limited = await token(actions=sorted(EVERY_ACTION - {"delete_blocked_attachment"}))
    _refused(await limited.delete(path), "delete_blocked_attachment")
    assert (await (await token(actions=["delete_blocked_attachment"])).delete(path)).status_code == 204


@pytest.mark.rule(246)
async def test_the_exception_queue_is_picked_from_with_its_action(
    admin: httpx.AsyncClient, mailbox: Mailbox, token: Token
) -> None:
    path = await _in_exception_queue(admin, mailbox)
    ordinary = f"/activities/{await mailbox.activity_of(a_mail())}"
    limited, allowed = await token(actions=[]), await token(actions=["pick_from_exception_queue"])
    wanted = {"assigned_to": "anna"}
    _refused(await limited.post(f"{path}/assign", json=wanted), "pick_from_exception_queue")
    _refused(await limited.patch(path, json={"status": "completed"}), "pick_from_exception_queue")
    assert (await limited.get(path)).status_code == 200
    assert (await limited.post(f"{ordinary}/assign", json=wanted)).status_code == 200
    assert (await allowed.post(f"{path}/assign", json=wanted)).status_code == 200


@pytest.mark.rule(261)
async def test_a_system_provided_exception_is_deleted_by_a_partition_administrator(
    admin: httpx.AsyncClient, token: Token
) -> None:
    department_id = await a_department(admin)
    listed = f"/departments/{department_id}/delivery-exceptions"
    predefined = (await admin.get(listed)).json()["items"][0]
    phrase = {"name": "Cat", "type": "subject", "phrase": "the cat ate it", "failure": "permanent"}
    own = (await admin.post(listed, json=phrase)).json()
    limited = await token(department_ids=[department_id])
    path = f"/delivery-exceptions/{predefined['id']}"
    _refused(await limited.delete(path), "delete_system_provided_delivery_exceptions")
    assert (await limited.delete(f"/delivery-exceptions/{own['id']}")).status_code == 204
    assert (await admin.delete(path)).status_code in (200, 204)


async def test_what_is_another_departments_is_not_there(
    admin: httpx.AsyncClient, mailbox: Mailbox, token: Token
) -> None:
    activity_id = await mailbox.activity_of(a_mail())
    mine = await an_alias(admin)
    limited = await token(department_ids=[mine["department_id"]])
    theirs = mailbox.alias["department_id"]
    for path in (
        f"/aliases/{mailbox.id}",
        f"/aliases/{mailbox.id}/status-transitions",
        f"/departments/{theirs}",
        f"/departments/{theirs}/settings",
        f"/departments/{theirs}/queues",
        f"/departments/{theirs}/blocked-attachments",
        f"/activities/{activity_id}",
        f"/activities/{activity_id}/original",
    ):
        answer = await limited.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert (await limited.patch(f"/aliases/{mailbox.id}", json={"name": "Mine"})).status_code == 404
    assert (await limited.patch(f"/aliases/{mine['id']}", json={"name": "Mine"})).status_code == 200
    assert [one["id"] for one in (await limited.get("/departments")).json()["items"]] == [mine["department_id"]]


async def test_lists_leave_out_what_is_another_departments(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient, mailbox: Mailbox, token: Token
) -> None:
    await mailbox.activity_of(a_mail())
    mine = await a_mailbox(admin, worker)
    activity_id = await mine.activity_of(a_mail())
    department_id = mine.alias["department_id"]
    limited = await token(department_ids=[department_id])
    assert [one["id"] for one in (await limited.get("/activities")).json()["items"]] == [activity_id]
    page = (await limited.get("/events")).json()
    assert {one["department_id"] for one in page["items"]} == {department_id}
    assert (await limited.get("/events", params={"after": page["next_after"]})).json()["items"] == []
    logged = (await limited.get("/audit-log")).json()["items"]
    assert logged
    assert {one["department_id"] for one in logged} == {department_id}


async def test_what_is_the_partitions_is_closed_to_a_departments_token(
    admin: httpx.AsyncClient, token: Token
) -> None:
    department_id = await a_department(admin)
    limited = await token(department_ids=[department_id])
    refused = [
        await limited.patch("/settings", json={"poll_interval_seconds": 5}),
        await limited.post("/departments", json={"name": "Another"}),
        await limited.delete(f"/departments/{department_id}"),
        await limited.get("/tokens"),
        await limited.post("/tokens", json={"name": "wider", "kind": "administrator"}),
        await limited.post("/oauth-applications", json={}),
        await limited.get("/retriever-instances"),
    ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)
    assert {answer.json()["code"] for answer in refused} == {"forbidden"}


async def test_nobody_mints_a_token_that_reaches_further_than_its_own(token: Token) -> None:
    limited = await token(actions=["restore_blocked_attachment"])
    wider: list[dict[str, Any]] = [
        {"name": "w", "kind": "administrator"},
        {"name": "w", "kind": "administrator", "actions": ["delete_blocked_attachment"]},
        {"name": "w", "kind": "retriever", "instance": "default"},
    ]
    for body in wider:
        assert (await limited.post("/tokens", json=body)).status_code == 403
    same = {"name": "s", "kind": "administrator", "actions": ["restore_blocked_attachment"]}
    assert (await limited.post("/tokens", json=same)).status_code == 201


async def test_nobody_revokes_a_token_that_reaches_further_than_its_own(
    admin: httpx.AsyncClient, token: Token
) -> None:
    limited = await token(actions=["restore_blocked_attachment"])
    wider: list[dict[str, Any]] = [
        {"name": "whole", "kind": "administrator"},
        {"name": "other", "kind": "administrator", "actions": ["delete_blocked_attachment"]},
        {"name": "worker", "kind": "retriever", "instance": "default"},
    ]
    for body in wider:
        made = (await admin.post("/tokens", json=body)).json()
        assert (await limited.delete(f"/tokens/{made['id']}")).status_code == 403, body
    narrower = (await admin.post("/tokens", json={"name": "n", "kind": "administrator", "actions": []})).json()
    assert (await limited.delete(f"/tokens/{narrower['id']}")).status_code == 204


async def test_a_token_that_expires_mints_none_that_outlives_it(token: Token) -> None:
    short = await token(expires_at="2030-06-01T00:00:00Z")
    body = {"name": "child", "kind": "administrator"}
    for later in ({}, {"expires_at": "2030-06-02T00:00:00Z"}):
        refused = await short.post("/tokens", json={**body, **later})
        assert refused.status_code == 403
        assert "2030-06-01" in refused.json()["detail"]
    same = await short.post("/tokens", json={**body, "expires_at": "2030-06-01T02:00:00+02:00"})
    assert same.status_code == 201


async def test_a_token_is_for_departments_that_there_are(admin: httpx.AsyncClient) -> None:
    department_id = await a_department(admin)
    body = {"name": "t", "kind": "administrator", "department_ids": [department_id, department_id + 1]}
    assert fields_of(await admin.post("/tokens", json=body)) == ["department_ids.1"]


async def test_what_was_blocked_goes_along_with_a_transferred_activity(
    admin: httpx.AsyncClient, mailbox: Mailbox, token: Token
) -> None:
    path, theirs = await _blocked(admin, mailbox), await a_department(admin)
    before, after = [await token(department_ids=[one]) for one in (mailbox.alias["department_id"], theirs)]
    activity_id = (await before.get(path)).json()["activity_id"]
    moved = await before.post(f"/activities/{activity_id}/transfer", json={"department_id": theirs})
    assert moved.status_code == 200, moved.text
    for call in (
        before.get(path),
        before.get(f"{path}/content"),
        before.post(f"{path}/restore"),
        before.delete(path),
    ):
        assert (await call).status_code == 404
    (one,) = (await after.get(f"/departments/{theirs}/blocked-attachments")).json()["items"]
    assert one["department_id"] == theirs
    assert (await after.post(f"{path}/restore")).status_code == 200


async def test_who_gave_an_activity_away_hears_that_it_went(
    admin: httpx.AsyncClient, mailbox: Mailbox, token: Token
) -> None:
    activity_id, theirs = await mailbox.activity_of(a_mail()), await a_department(admin)
    before = await token(department_ids=[mailbox.alias["department_id"]])
    position = (await before.get("/events")).json()["next_after"]
    await admin.post(f"/activities/{activity_id}/transfer", json={"department_id": theirs})
    await admin.patch(f"/activities/{activity_id}", json={"status": "completed"})
    told = (await before.get("/events", params={"after": position})).json()["items"]
    assert [one["type"] for one in told] == ["activity.transferred"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"actions": ["fly"]}, "actions.0"),
        ({"department_ids": []}, "department_ids"),
        ({"department_ids": [1], "actions": ["manage_masking_patterns"]}, "actions"),
        ({"kind": "retriever", "instance": "default", "actions": []}, "actions"),
        ({"kind": "retriever", "instance": "default", "department_ids": [1]}, "department_ids"),
    ],
)
async def test_limits_that_mean_nothing_are_named(
    admin: httpx.AsyncClient, wrong: dict[str, Any], field: str
) -> None:
    assert fields_of(await admin.post("/tokens", json={"name": "t", "kind": "administrator", **wrong})) == [field]


def test_every_operation_of_the_tables_exists(config_api: ConfigApi) -> None:
    """A path that was renamed would otherwise open what it closed."""
    there = {
        f"{method.upper()} {path.removeprefix('/v1')}"
        for path, methods in config_api.app.openapi()["paths"].items()
        for method in methods
    }
    assert set() < reach.OPERATIONS
    assert sorted(reach.OPERATIONS - there) == []
