"""Every operation of the API, by a token of one department: on another department's things and on the partition's."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from config_api.access import reach
from tests.config_api.builders import a_department, an_alias
from tests.config_api.mail_in import Mailbox, a_mail, a_mailbox
from tests.config_api.process import ConfigApi

_OPEN = {
    # What any token may ask.
    "GET /me",
    # They leave out what is another department's: test_reach.py.
    "GET /activities",
    "GET /departments",
    "GET /events",
    "GET /audit-log",
    # The partition's, and read by each department that masks by them.
    "GET /masking-patterns",
    "GET /masking-patterns/{pattern_id}",
    "POST /masking-patterns/evaluate",
    # The partition's, and signed in by for the accounts of each department.
    "GET /oauth-applications",
    "GET /oauth-applications/{application_id}",
    "POST /oauth-applications/{application_id}/authorization-requests",
}
_OWNED = {
    "department_id", "alias_id", "account_id", "exception_id", "extension_id", "queue_id", "workflow_id",
    "activity_id", "blocked_id",
}  # fmt: skip
_SPELLINGS = ("{}", "+{}", "{}.0", "0{}", "%20{}")


def _operations(config_api: ConfigApi) -> list[tuple[str, str]]:
    """Method and path below /v1."""
    paths = config_api.app.openapi()["paths"]
    return [
        (method.upper(), path.removeprefix("/v1"))
        for path, methods in paths.items()
        for method in methods
        if path.startswith("/v1/")
    ]


async def _theirs(admin: httpx.AsyncClient, mailbox: Mailbox) -> dict[str, int]:
    """One of everything that a department has; an account needs an identity provider, so nothing has its id."""
    department_id = mailbox.alias["department_id"]
    of = f"/departments/{department_id}"
    blocked = {"name": "a.exe", "content_type": "application/x", "content": {"offset": 0, "size": 4}}
    why = {"extension": "exe", "path": "a.exe", "reason": "its name ends so"}
    mail = a_mail(b"evil")
    mail.changes.update(original=None, attachments=[{**blocked, "state": "quarantined", "blocked": why}])
    activity_id = await mailbox.activity_of(mail)
    extension = {"name": "Programs", "blocked_file_extension": "exe"}
    return {
        "department_id": department_id,
        "alias_id": mailbox.id,
        "account_id": 4711,
        "exception_id": (await admin.get(f"{of}/delivery-exceptions")).json()["items"][0]["id"],
        "extension_id": (await admin.post(f"{of}/blocked-file-extensions", json=extension)).json()["id"],
        "queue_id": (await admin.get(f"{of}/queues")).json()["items"][0]["id"],
        "workflow_id": (await admin.post(f"{of}/workflows", json={"name": "W"})).json()["id"],
        "activity_id": activity_id,
        "blocked_id": (await admin.get(f"{of}/blocked-attachments")).json()["items"][0]["id"],
    }


def _filled(path: str, ids: dict[str, int], spelled: str) -> str:
    def one(found: re.Match[str]) -> str:
        return spelled.format(ids[found[1]]) if found[1] in ids else "1"

    return re.sub(r"\{(\w+)\}", one, path)


@pytest.fixture
async def mailbox(admin: httpx.AsyncClient, worker: httpx.AsyncClient) -> Mailbox:
    return await a_mailbox(admin, worker)


@pytest.fixture
def token(config_api: ConfigApi, admin: httpx.AsyncClient) -> Callable[..., Awaitable[httpx.AsyncClient]]:
    async def minted(**limits: Any) -> httpx.AsyncClient:
        made = await admin.post("/tokens", json={"name": "limited", "kind": "administrator", **limits})
        assert made.status_code == 201, made.text
        return config_api.client(made.json()["token"])

    return minted


async def test_no_operation_opens_another_departments_things_or_the_partitions(
    config_api: ConfigApi, admin: httpx.AsyncClient, mailbox: Mailbox, token: Callable[..., Any]
) -> None:
    limited = await token(department_ids=[await a_department(admin)])
    ids = await _theirs(admin, mailbox)
    before = (await admin.get("/audit-log", params={"order": "newest", "limit": 1})).json()["items"][0]["id"]
    wrong: list[str] = []
    for method, path in _operations(config_api):
        if f"{method} {path}" in _OPEN:
            continue
        owned = _OWNED & set(re.findall(r"\{(\w+)\}", path))
        for spelled in _SPELLINGS if owned else _SPELLINGS[:1]:
            where = _filled(path, ids, spelled)
            body = None if method in ("GET", "DELETE") else {}
            answer = await limited.request(method, where, json=body)
            code = answer.json()["code"] if answer.content else ""
            # The worker side and the partition's are refused as such; of others' things it hears that there are none.
            if (answer.status_code, code) not in ((403, "forbidden"), (403, "action_refused"), (404, "not_found")):
                wrong.append(f"{method} {where}: {answer.status_code} {code}")
            elif owned and answer.status_code == 404 and "departments that this token is for" not in answer.text:
                wrong.append(f"{method} {where}: reached the work")
    assert wrong == []
    assert (await admin.get("/audit-log", params={"order": "newest", "limit": 1})).json()["items"][0]["id"] == before


async def test_each_operation_with_an_action_is_refused_without_it_however_the_id_is_spelled(
    admin: httpx.AsyncClient, mailbox: Mailbox, token: Callable[..., Any]
) -> None:
    limited = await token(actions=[])
    ids = await _theirs(admin, mailbox)
    queues = (await admin.get(f"/departments/{ids['department_id']}/queues")).json()["items"]
    exception = next(queue["id"] for queue in queues if queue["is_exception"])
    moved = await admin.patch(f"/activities/{ids['activity_id']}", json={"queue_id": exception})
    assert moved.status_code == 200, moved.text
    wrong: list[str] = []
    for operation, (action, _) in reach.ACTIONS_NEEDED.items():
        method, path = operation.split()
        for spelled in _SPELLINGS:
            answer = await limited.request(method, _filled(path, ids, spelled), json={})
            if answer.status_code != 403 or action not in answer.json()["detail"]:
                wrong.append(f"{operation} as {spelled}: {answer.status_code}")
    assert wrong == []


async def test_bodies_name_nothing_of_another_department(
    admin: httpx.AsyncClient, mailbox: Mailbox, token: Callable[..., Any]
) -> None:
    """Ids in bodies are of the path's department or refused as ids that are not there."""
    mine = await an_alias(admin)
    of, ids = f"/departments/{mine['department_id']}", await _theirs(admin, mailbox)
    limited = await token(department_ids=[mine["department_id"]])
    rule = {"name": "R", "when": "true", "actions": {"queue_id": ids["queue_id"]}}
    workflow = (await limited.post(f"{of}/workflows", json={"name": "Mine"})).json()["id"]
    refused = [
        await limited.post(f"{of}/workflows", json={"name": "A", "rules": [rule]}),
        await limited.post(f"{of}/workflows", json={"name": "B", "alias_ids": [ids["alias_id"]]}),
        await limited.patch(f"/workflows/{workflow}", json={"rules": [rule]}),
        await limited.post(f"/workflows/{workflow}/evaluate", json={"activity_id": ids["activity_id"]}),
        await limited.post(f"{of}/activities", json={"to": ["a@b.example"], "text": "x", "subject": "x",
                                                     "from_address": mailbox.alias["email_address"]}),
    ]  # fmt: skip
    assert [answer.status_code for answer in refused] == [422] * len(refused), [one.text for one in refused]
    lists = [{"alias_id": mailbox.id}, {"queue_id": ids["queue_id"]}, {"department_id": ids["department_id"]}]
    assert [(await limited.get("/activities", params=one)).json()["items"] for one in lists] == [[], [], []]


async def test_a_taken_address_does_not_tell_what_another_department_calls_it(
    admin: httpx.AsyncClient, mailbox: Mailbox, token: Callable[..., Any]
) -> None:
    mine = await an_alias(admin)
    limited = await token(department_ids=[mine["department_id"]])
    wanted = {"email_address": mailbox.alias["email_address"]}
    refused = await limited.patch(f"/aliases/{mine['id']}", json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (409, "email_address_taken")
    assert mailbox.alias["name"] not in refused.text
    assert "references" not in refused.json()
    told = await admin.patch(f"/aliases/{mine['id']}", json=wanted)
    assert told.json()["references"][0]["id"] == mailbox.id
