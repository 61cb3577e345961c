"""Replies and new messages: what they start from, what is refused, and that a repeat writes nothing."""

import asyncio
import base64
from typing import Any

import asyncpg
import httpx
import pytest

from tests.config_api.builders import a_department, an_alias, fields_of
from tests.config_api.mail_in import Mailbox, a_mail
from tests.config_api.outbound.conftest import a_reply, the_delivery
from tests.config_api.process import Clock

HUGE = 2**63 - 1


async def test_a_reply_needs_only_its_text(admin: httpx.AsyncClient, mailbox: Mailbox, mail: int) -> None:
    reply = await a_reply(admin, mail)
    assert reply["from"] == mailbox.alias["email_address"]
    assert reply["to"] == ["anna@customer.test"]
    assert (reply["cc"], reply["bcc"]) == ([], [])
    assert reply["subject"] == "Re: Where is it?"
    assert (reply["in_reply_to"], reply["parent_id"]) == ("<q@customer.test>", mail)
    assert reply["message_id"].endswith("@shop.test>")
    assert (reply["direction"], reply["subtype"], reply["status"]) == ("outbound", "email", "in_progress")
    assert (await admin.get(f"/activities/{reply['id']}")).json() == reply
    delivery = await the_delivery(admin, reply["id"])
    assert (delivery["status"], delivery["attempts"]) == ("queued", 0)
    assert [(one["address"], one["kind"], one["status"]) for one in delivery["recipients"]] == [
        ("anna@customer.test", "to", "queued")
    ]
    assert (await admin.get("/activities", params={"parent_id": mail})).json()["items"][0]["id"] == reply["id"]


@pytest.mark.rule(71, 72)
async def test_from_is_the_redirection_address_the_mail_came_in_by_and_can_be_changed(
    admin: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    own = mailbox.alias["email_address"]
    reached: list[dict[str, Any]] = [
        {"to": ["help@SHOP.test"]},
        {"cc": ["help@shop.test"]},
        {"delivered_to": ["HELP@shop.test"]},
    ]
    for fields in reached:
        activity = await mailbox.activity_of(a_mail(**fields))
        assert (await a_reply(admin, activity))["from"] == "Help@shop.test"
    activity = await mailbox.activity_of(a_mail(delivered_to=["help@shop.test"]))
    assert (await a_reply(admin, activity, from_address=own.upper()))["from"] == own
    assert (await a_reply(admin, activity, from_address="help@shop.test"))["from"] == "Help@shop.test"
    path = f"/activities/{activity}/replies"
    assert fields_of(await admin.post(path, json={"text": "x", "from_address": "ceo@shop.test"})) == ["from_address"]


async def test_reply_to_is_answered_and_an_agent_may_choose_others(
    admin: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    activity = await mailbox.activity_of(a_mail(reply_to=["desk@customer.test", "not an address"]))
    assert (await a_reply(admin, activity))["to"] == ["desk@customer.test"]
    chosen = await a_reply(
        admin, activity, to=["a@c.test"], cc=["b@c.test", "a@C.test"], bcc=["c@c.test"], subject="Other"
    )
    assert (chosen["to"], chosen["bcc"], chosen["subject"]) == (["a@c.test"], ["c@c.test"], "Other")
    kinds = [(one["address"], one["kind"]) for one in (await the_delivery(admin, chosen["id"]))["recipients"]]
    assert kinds == [("a@c.test", "to"), ("b@c.test", "cc"), ("c@c.test", "bcc")]


async def test_a_reply_to_our_own_message_goes_where_that_went(admin: httpx.AsyncClient, mail: int) -> None:
    first = await a_reply(admin, mail, to=["ben@customer.test"])
    second = await a_reply(admin, first["id"])
    assert second["to"] == ["ben@customer.test"]
    assert second["in_reply_to"] == first["message_id"]
    assert second["subject"] == "Re: Where is it?"


async def test_a_mail_without_a_sender_cannot_be_answered_without_naming_somebody(
    admin: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    activity = await mailbox.activity_of(a_mail(from_=None))
    path = f"/activities/{activity}/replies"
    assert fields_of(await admin.post(path, json={"text": "x"})) == ["to"]
    assert (await admin.post(path, json={"text": "x", "to": ["a@c.test"]})).status_code == 201


async def test_bad_replies_are_refused_by_name(admin: httpx.AsyncClient, mail: int, sql: asyncpg.Connection) -> None:
    path = f"/activities/{mail}/replies"
    for body, field in (
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": "nul \x00"}, "text"),
        ({"text": "x", "to": ["a@c.test\r\nBcc: b@c.test"]}, "to.0"),
        ({"text": "x", "to": ["a@c.test, b@c.test"]}, "to.0"),
        ({"text": "x", "cc": ["nodomain"]}, "cc.0"),
        ({"text": "x", "bcc": ["a@"]}, "bcc.0"),
        ({"text": "x", "subject": "a\nBcc: b@c.test"}, "subject"),
        ({"text": "x", "from_address": "a@c.test\n"}, "from_address"),
        ({"text": "x", "priority": 1}, "priority"),
        ({"text": "x", "to": []}, "to"),
        ({"text": "x", "to": [f"{n}@c.test" for n in range(400)], "cc": [f"c{n}@c.test" for n in range(101)]}, "to"),
        ({"text": "x", "attachments": [{"name": "a\r\nb", "content_base64": ""}]}, "attachments.0.name"),
        ({"text": "x", "attachments": [{"name": "a", "content_base64": "%"}]}, "attachments.0.content_base64"),
    ):
        assert fields_of(await admin.post(path, json=body)) == [field], body
    half = await admin.post(path, content=b'{"text": "half \\ud83d"}', headers={"Content-Type": "application/json"})
    assert fields_of(half) == ["text"]
    assert (await admin.post(f"/activities/{HUGE}/replies", json={"text": "x"})).status_code == 404
    assert await sql.fetchval("SELECT count(*) FROM deliveries") == 0


async def test_files_go_along(admin: httpx.AsyncClient, mail: int) -> None:
    content = base64.b64encode(b"%PDF").decode()
    files = [{"name": "a.pdf", "content_type": "application/pdf", "content_base64": content}]
    reply = await a_reply(admin, mail, attachments=files)
    assert [(one["n"], one["name"], one["size"]) for one in reply["attachments"]] == [(1, "a.pdf", 4)]
    assert (await admin.get(f"/activities/{reply['id']}/attachments/1/content")).content == b"%PDF"


async def test_an_automatic_answer_to_a_machine_is_refused(admin: httpx.AsyncClient, mailbox: Mailbox) -> None:
    human = await mailbox.activity_of(a_mail())
    assert (await a_reply(admin, human, automatic=True))["status"] == "in_progress"
    machine = await mailbox.activity_of(a_mail(auto_submitted="auto-generated"))
    refused = await admin.post(f"/activities/{machine}/replies", json={"text": "x", "automatic": True})
    assert (refused.status_code, refused.json()["code"]) == (409, "mail_loop")
    assert (await a_reply(admin, machine))["to"] == ["anna@customer.test"]


@pytest.mark.rule(64)
async def test_a_new_message_is_from_the_default_alias_unless_another_is_chosen(admin: httpx.AsyncClient) -> None:
    department = await a_department(admin)
    path = f"/departments/{department}/activities"
    body = {"to": ["a@c.test"], "subject": "News", "html": "<p>News</p>"}
    none = await admin.post(path, json=body)
    assert (none.status_code, none.json()["code"]) == (409, "no_default_alias")
    default = await an_alias(admin, department, default_alias=True)
    other = await an_alias(admin, department, redirection_email_addresses=["other@shop.test"])
    foreign = await an_alias(admin)
    made = await admin.post(path, json=body)
    assert made.status_code == 201
    assert (made.json()["from"], made.json()["alias_id"]) == (default["email_address"], default["id"])
    for address in (other["email_address"], "OTHER@shop.test"):
        chosen = (await admin.post(path, json={**body, "from_address": address})).json()
        assert chosen["alias_id"] == other["id"]
    refused = await admin.post(path, json={**body, "from_address": foreign["email_address"]})
    assert fields_of(refused) == ["from_address"]
    assert fields_of(await admin.post(path, json={**body, "to": []})) == ["to"]
    assert fields_of(await admin.post(path, json={**body, "html": None})) == ["text"]
    assert (await admin.post(f"/departments/{HUGE}/activities", json=body)).status_code == 404


async def test_a_post_that_is_repeated_with_its_key_is_done_once(
    admin: httpx.AsyncClient, mail: int, sql: asyncpg.Connection, clock: Clock
) -> None:
    path, key = f"/activities/{mail}/replies", {"Idempotency-Key": "k1"}
    first = await admin.post(path, json={"text": "x"}, headers=key)
    again = await admin.post(path, json={"text": "x"}, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert fields_of(await admin.post(path, json={"text": "y"}, headers=key)) == ["header.Idempotency-Key"]
    other_path = await admin.post(f"/activities/{first.json()['id']}/replies", json={"text": "x"}, headers=key)
    assert other_path.json()["id"] != first.json()["id"]
    assert await sql.fetchval("SELECT count(*) FROM deliveries") == 2
    clock.advance(hours=25)
    later = await admin.post(path, json={"text": "y"}, headers=key)
    assert later.status_code == 201
    assert later.json()["id"] not in (first.json()["id"], other_path.json()["id"])


async def test_a_refused_post_does_not_use_its_key_up(admin: httpx.AsyncClient, mail: int) -> None:
    path, key = f"/activities/{mail}/replies", {"Idempotency-Key": "k1"}
    assert (await admin.post(path, json={"text": "x", "to": []}, headers=key)).status_code == 422
    assert (await admin.post(path, json={"text": "x"}, headers=key)).status_code == 201


async def test_the_same_key_at_once_is_done_once(
    admin: httpx.AsyncClient, mail: int, sql: asyncpg.Connection
) -> None:
    path, key = f"/activities/{mail}/replies", {"Idempotency-Key": "k1"}
    answers = await asyncio.gather(*(admin.post(path, json={"text": "x"}, headers=key) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await sql.fetchval("SELECT count(*) FROM deliveries") == 1
