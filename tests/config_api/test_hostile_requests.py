"""What strangers, careless callers and two callers at the same moment get: an answer that says what is wrong."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.config_api.builders import a_department, alias_body, an_alias, fields_of
from tests.config_api.mail_in import a_mail, a_mailbox

_JSON = {"Content-Type": "application/json"}


async def _sent(client: httpx.AsyncClient, method: str, path: str, body: Any) -> httpx.Response:
    """As escaped JSON, which may hold what no UTF-8 text can."""
    return await client.request(method, path, content=json.dumps(body).encode(), headers=_JSON)


@pytest.mark.parametrize("token", [None, "no token of ours"])
async def test_a_body_without_a_valid_token_is_not_even_parsed(
    api: httpx.AsyncClient, admin: httpx.AsyncClient, token: str | None
) -> None:
    headers = {**_JSON, **({"Authorization": f"Bearer {token}"} if token else {})}
    answer = await api.post("/departments", content=b"{" * 1000, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    unread = await admin.post("/departments", content=b'{"name": }', headers=_JSON)
    assert fields_of(unread) == ["body"]
    assert "at character 9" in unread.json()["errors"][0]["problem"]


async def test_ten_thousand_mistakes_are_told_as_a_hundred(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/retriever-instances", json={"name": "x", "alias_ids": [0] * 10_000})
    assert len(fields_of(answer)) == 100


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("instance", "a\x00b"),
        ("instance", "a\ud800"),
        ("instance", ""),
        ("expires_at", "9999-12-31T23:59:59-23:00"),
        ("expires_at", "0001-01-01T00:00:00+23:00"),
        ("expires_at", "2040-01-01T00:00:00"),
    ],
)
async def test_a_token_that_could_not_be_stored_is_refused_by_name(
    admin: httpx.AsyncClient, field: str, value: str
) -> None:
    body = {"name": "east", "kind": "retriever", "instance": "east", field: value}
    assert fields_of(await _sent(admin, "POST", "/tokens", body)) == [field]


@pytest.mark.parametrize("password", ["one\r\nA2 DELETE INBOX", "one\ntwo", "one\x00two", "half \ud800 pair"])
async def test_a_password_that_no_login_can_carry_is_refused(admin: httpx.AsyncClient, password: str) -> None:
    department = await a_department(admin)
    body = alias_body(incoming={"password": password})
    answer = await _sent(admin, "POST", f"/departments/{department}/aliases", body)
    assert fields_of(answer) == ["incoming.password"]
    assert "DELETE" not in answer.text
    answer = await _sent(admin, "PATCH", "/settings", {"default_smtp_password": password})
    assert fields_of(answer) == ["default_smtp_password"]


@pytest.mark.parametrize("path", ["/departments", "/retriever-instances", "/dispatcher-instances"])
async def test_of_many_who_take_a_name_at_once_one_gets_it_and_the_others_hear_why(
    admin: httpx.AsyncClient, path: str
) -> None:
    answers = await asyncio.gather(*(admin.post(path, json={"name": "service"}) for _ in range(8)))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 7
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"name_taken"}


async def test_two_departments_renamed_alike_at_once_never_end_in_an_error_of_ours(admin: httpx.AsyncClient) -> None:
    both = [await a_department(admin), await a_department(admin)]
    for attempt in range(5):
        wanted = {"name": f"same {attempt}"}
        answers = await asyncio.gather(*(admin.patch(f"/departments/{one}", json=wanted) for one in both))
        assert sorted(one.status_code for one in answers) == [200, 409]


async def test_an_activity_moved_to_a_queue_that_is_just_deleted_finds_it_or_does_not(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient
) -> None:
    mailbox = await a_mailbox(admin, worker)
    activity = await mailbox.activity_of(a_mail())
    for attempt in range(8):
        made = await admin.post(f"/departments/{mailbox.alias['department_id']}/queues", json={"name": f"q{attempt}"})
        queue = made.json()["id"]
        moved, deleted = await asyncio.gather(
            admin.patch(f"/activities/{activity}", json={"queue_id": queue}), admin.delete(f"/queues/{queue}")
        )
        assert (moved.status_code, deleted.status_code) in {(200, 409), (422, 204)}


async def test_a_file_type_that_no_header_can_hold_is_refused(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient
) -> None:
    activity = await (await a_mailbox(admin, worker)).activity_of(a_mail())
    file = {"name": "a", "content_type": "tëxt/plain", "content_base64": "aGk="}
    answer = await admin.post(f"/activities/{activity}/replies", json={"text": "t", "attachments": [file]})
    assert fields_of(answer) == ["attachments.0.content_type"]


async def test_everybody_hears_what_their_token_is(api: httpx.AsyncClient, worker: httpx.AsyncClient) -> None:
    assert (await worker.get("/me")).json() == {
        "name": "worker",
        "kind": "worker",
        "instance": None,
        "department_ids": None,
        "actions": None,
    }
    assert (await api.get("/me")).status_code == 401


async def test_the_audit_log_has_a_departments_beginning_and_an_aliass_instance(admin: httpx.AsyncClient) -> None:
    alias = await an_alias(admin, retriever_instance="default")
    params = {"department_id": alias["department_id"]}
    entries = (await admin.get("/audit-log", params=params)).json()["items"]
    assert [one["action"] for one in entries] == ["department.created", "alias.created"]
    assert entries[1]["changes"]["retriever_instance"] == "default"
