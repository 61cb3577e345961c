"""The outbound queue over REST: who may claim what, what reports change, and what a person may do about it."""

import asyncio
import base64

import asyncpg
import httpx
import pytest

from tests.config_api.builders import ESMTP, an_alias, fields_of
from tests.config_api.mail_in import Mailbox, a_mail
from tests.config_api.outbound.conftest import (
    Dispatcher,
    a_reply,
    events_of,
    judged,
    outcome,
    the_delivery,
)
from tests.config_api.process import Clock, running

HUGE = 2**63 - 1


@pytest.mark.rule(40)
async def test_a_claim_says_all_that_is_needed_to_send(
    admin: httpx.AsyncClient, mailbox: Mailbox, mail: int, dispatcher: Dispatcher
) -> None:
    await admin.patch(f"/aliases/{mailbox.id}", json={"outgoing": ESMTP})
    files = [{"name": "a.pdf", "content_base64": base64.b64encode(b"%PDF").decode()}]
    reply = await a_reply(admin, mail, cc=["ben@c.test"], bcc=["cleo@c.test"], attachments=files)
    answer = await dispatcher.ask()
    (claimed,) = answer["claims"]
    assert claimed["activity_id"] == reply["id"]
    assert claimed["from"] == claimed["envelope_from"] == mailbox.alias["email_address"]
    assert (claimed["to"], claimed["cc"]) == (["anna@customer.test"], ["ben@c.test"])
    assert [(one["address"], one["kind"]) for one in claimed["recipients"]] == [
        ("anna@customer.test", "to"), ("ben@c.test", "cc"), ("cleo@c.test", "bcc")
    ]  # fmt: skip
    assert (claimed["message_id"], claimed["in_reply_to"]) == (reply["message_id"], "<q@customer.test>")
    assert claimed["references"] == ["<q@customer.test>"]
    assert (claimed["text"], claimed["attempts"], claimed["automatic"]) == ("On its way.", 0, False)
    assert claimed["return_tag"].startswith(f"{reply['id']}-")
    route = answer["routes"][claimed["route"]]
    assert (route["server_type"], route["server_name"], route["port"]) == ("ESMTP", "smtp.shop.test", 25)
    assert (route["user_name"], route["password"]) == ("support", "outgoing secret")
    path = f"/outbound-claims/{claimed['claim_id']}/attachments"
    assert (await dispatcher.worker.get(f"{path}/1")).content == b"%PDF"
    assert (await dispatcher.worker.get(f"{path}/2")).status_code == 404
    assert (await dispatcher.worker.get("/outbound-claims/x/attachments/1")).status_code == 404
    assert await dispatcher.claim() == []


async def test_a_message_is_marked_sent_and_concluded(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher
) -> None:
    reply = await a_reply(admin, mail)
    claimed = await dispatcher.claim_one()
    assert await dispatcher.report(outcome(claimed, "sending")) == [("accepted", None)]
    assert (await the_delivery(admin, reply["id"]))["status"] == "sending"
    assert await dispatcher.report(judged(claimed, "sent")) == [("accepted", None)]
    delivery = await the_delivery(admin, reply["id"])
    assert (delivery["status"], delivery["attempts"], delivery["next_attempt_at"]) == ("sent", 1, None)
    (recipient,) = delivery["recipients"]
    assert (recipient["status"], recipient["smtp_code"], recipient["smtp_reply"]) == ("sent", 250, "sent it")
    assert (await admin.get(f"/activities/{reply['id']}")).json()["status"] == "completed"
    assert [one["type"] for one in await events_of(admin, "delivery.")] == ["delivery.sent"]
    assert await dispatcher.report(judged(claimed, "sent")) == [("accepted", None)]
    assert len(await events_of(admin, "delivery.")) == 1


async def test_two_dispatchers_over_two_processes_never_share_a_message(
    admin: httpx.AsyncClient, mail: int, database: str, clock: Clock, dispatcher: Dispatcher
) -> None:
    replies = {(await a_reply(admin, mail))["id"] for _ in range(30)}
    async with running(database, clock) as other:
        claimants = [Dispatcher(one, replica=f"d{n}") for n, one in enumerate([dispatcher.worker, other.worker] * 3)]
        rounds = [await asyncio.gather(*(one.claim(limit=4) for one in claimants)) for _ in range(3)]
    claimed = [one["activity_id"] for answers in rounds for claims in answers for one in claims]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == replies


async def test_a_claim_that_ran_out_is_claimed_again_and_the_first_one_may_not_send(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher, clock: Clock
) -> None:
    await a_reply(admin, mail)
    first = await dispatcher.claim_one()
    clock.advance(seconds=119)
    assert await dispatcher.claim() == []
    clock.advance(seconds=2)
    second = await dispatcher.claim_one()
    assert second["claim_id"] != first["claim_id"]
    assert second["message_id"] == first["message_id"]
    results = await dispatcher.report(outcome(first, "sending"), outcome(second, "sending"))
    assert results == [("refused", "claim_lost"), ("accepted", None)]


async def test_a_dispatcher_that_dies_while_sending_leaves_it_uncertain_until_somebody_decides(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher, clock: Clock
) -> None:
    reply = await a_reply(admin, mail)
    claimed = await dispatcher.claim_one()
    await dispatcher.report(outcome(claimed, "sending"))
    clock.advance(seconds=121)
    assert await dispatcher.claim() == []
    delivery = await the_delivery(admin, reply["id"])
    assert (delivery["status"], delivery["recipients"][0]["status"]) == ("uncertain", "uncertain")
    assert [one["type"] for one in await events_of(admin, "delivery.")] == ["delivery.uncertain"]
    assert (await admin.get(f"/activities/{reply['id']}")).json()["status"] == "in_progress"

    assert await dispatcher.report(judged(claimed, "sent")) == [("accepted", None)]
    assert (await the_delivery(admin, reply["id"]))["status"] == "sent"


async def test_an_uncertain_message_is_sent_again_when_the_setting_or_a_person_says_so(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher, clock: Clock
) -> None:
    held = await a_reply(admin, mail)
    await dispatcher.report(outcome(await dispatcher.claim_one(), "uncertain"))
    retried = await admin.post(f"/activities/{held['id']}/delivery/retry")
    assert (retried.json()["status"], retried.json()["recipients"][0]["status"]) == ("queued", "queued")
    again = await dispatcher.claim_one()
    assert (again["activity_id"], again["attempts"]) == (held["id"], 1)
    await dispatcher.report(judged(again, "sent"))

    await admin.patch("/settings", json={"uncertain_delivery": "resend"})
    await a_reply(admin, mail)
    await dispatcher.report(outcome(await dispatcher.claim_one(), "uncertain"))
    assert await dispatcher.claim() == []
    clock.advance(seconds=75)
    assert (await dispatcher.claim_one())["attempts"] == 1


async def test_deferred_recipients_alone_are_tried_again_and_given_up_after_five_days(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher, clock: Clock
) -> None:
    reply = await a_reply(admin, mail, cc=["ben@c.test"])
    await dispatcher.report(judged(await dispatcher.claim_one(), "sent", "deferred"))
    delivery = await the_delivery(admin, reply["id"])
    assert (delivery["status"], delivery["last_error"]) == ("queued", "deferred it")
    assert delivery["next_attempt_at"] > clock().isoformat()
    assert await dispatcher.claim() == []
    clock.advance(days=5)
    again = await dispatcher.claim_one()
    assert [one["address"] for one in again["recipients"]] == ["ben@c.test"]
    assert again["to"] == ["anna@customer.test"]
    await dispatcher.report(judged(again, "deferred"))
    delivery = await the_delivery(admin, reply["id"])
    assert [one["status"] for one in delivery["recipients"]] == ["sent", "failed"]
    assert delivery["status"] == "failed"
    assert (await events_of(admin, "delivery.failed"))[0]["data"]["activity_id"] == reply["id"]
    retried = (await admin.post(f"/activities/{reply['id']}/delivery/retry")).json()
    assert [one["status"] for one in retried["recipients"]] == ["sent", "queued"]
    assert (await admin.get(f"/activities/{reply['id']}")).json()["status"] == "in_progress"


async def test_a_trouble_of_the_alias_is_told_once_and_when_it_is_over(
    admin: httpx.AsyncClient, mail: int, mailbox: Mailbox, dispatcher: Dispatcher, clock: Clock
) -> None:
    ids = [(await a_reply(admin, mail))["id"] for _ in range(2)]
    refused = {"reason": "authentication_failed", "detail": "535 no", "retry_after_seconds": 5}
    for _ in range(2):
        await dispatcher.report(*(outcome(one, "waiting", **refused) for one in await dispatcher.claim()))
        clock.advance(seconds=6)
    claimed = await dispatcher.claim()
    assert [(one["activity_id"], one["attempts"]) for one in claimed] == [(id_, 0) for id_ in ids]
    await dispatcher.report(outcome(claimed[0], "waiting", reason="tls_refused"), judged(claimed[1], "sent"))
    told = [(one["type"], one["data"]["reason"]) for one in await events_of(admin, "alias.outbound")]
    assert told == [
        ("alias.outbound_trouble", "authentication_failed"),
        ("alias.outbound_recovered", "authentication_failed"),
    ]
    assert {one["subject"] for one in await events_of(admin, "alias.outbound")} == {f"alias/{mailbox.id}"}


@pytest.mark.rule(57, 58, 59, 60, 61, 62)
async def test_send_mail_to_and_automatic_bcc_are_those_of_the_moment_of_the_claim(
    admin: httpx.AsyncClient, mail: int, mailbox: Mailbox, dispatcher: Dispatcher
) -> None:
    alias = f"/aliases/{mailbox.id}"
    reply = await a_reply(admin, mail, bcc=["cleo@c.test"])
    await admin.patch(alias, json={"send_mail_to": "check@shop.test", "automatic_bcc": "copy@shop.test"})
    overridden = await dispatcher.claim_one()
    assert [(one["address"], one["kind"]) for one in overridden["recipients"]] == [
        ("check@shop.test", "send_mail_to")
    ]
    assert (overridden["to"], overridden["cc"]) == (["check@shop.test"], [])
    await dispatcher.report(outcome(overridden, "released"))
    await admin.patch(alias, json={"send_mail_to": None})
    normal = await dispatcher.claim_one()
    assert [(one["address"], one["kind"]) for one in normal["recipients"]] == [
        ("anna@customer.test", "to"), ("cleo@c.test", "bcc"), ("copy@shop.test", "automatic_bcc")
    ]  # fmt: skip
    assert normal["to"] == ["anna@customer.test"]
    await dispatcher.report(judged(normal, "sent"))
    delivery = await the_delivery(admin, reply["id"])
    assert delivery["status"] == "sent"
    assert {one["kind"]: one["status"] for one in delivery["recipients"]} == {
        "to": "sent", "bcc": "sent", "send_mail_to": "cancelled", "automatic_bcc": "sent"
    }  # fmt: skip


async def test_an_automatic_answer_has_no_envelope_sender(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher
) -> None:
    await a_reply(admin, mail, automatic=True)
    claimed = await dispatcher.claim_one()
    assert (claimed["envelope_from"], claimed["automatic"]) == ("", True)


@pytest.mark.rule(136)
async def test_mail_of_an_inactive_alias_still_goes_out(
    admin: httpx.AsyncClient, mail: int, mailbox: Mailbox, dispatcher: Dispatcher
) -> None:
    await a_reply(admin, mail)
    assert (await admin.patch(f"/aliases/{mailbox.id}", json={"status": "inactive"})).status_code == 200
    assert await dispatcher.claim_one()


@pytest.mark.rule(114, 115, 116)
async def test_a_deleted_aliass_reply_goes_by_the_default_settings_or_fails_and_says_why(
    admin: httpx.AsyncClient, mail: int, mailbox: Mailbox, dispatcher: Dispatcher
) -> None:
    (instance,) = (await admin.get("/retriever-instances")).json()["items"]
    await admin.patch(f"/retriever-instances/{instance['id']}", json={"alias_ids": []})
    assert (await admin.delete(f"/aliases/{mailbox.id}")).status_code == 204
    unsent = await a_reply(admin, mail)
    assert await dispatcher.claim() == []
    delivery = await the_delivery(admin, unsent["id"])
    assert (delivery["status"], delivery["recipients"][0]["status"]) == ("failed", "failed")
    assert "default SMTP" in delivery["last_error"]
    assert [one["type"] for one in await events_of(admin, "delivery.")] == ["delivery.failed"]

    settings = {
        "default_smtp_server": "relay.shop.test",
        "default_smtp_protocol": "ESMTP",
        "default_smtp_port": 2525,
        "smtp_flag": "when_authorization_fails",
        "default_smtp_user_name": "relay",
        "default_smtp_password": "relay secret",
    }
    assert (await admin.patch("/settings", json=settings)).status_code == 200
    await admin.post(f"/activities/{unsent['id']}/delivery/retry")
    answer = await dispatcher.ask()
    (claimed,) = answer["claims"]
    assert claimed["from"] == mailbox.alias["email_address"]
    route = answer["routes"][claimed["route"]]
    assert (route["server_name"], route["server_type"], route["port"]) == ("relay.shop.test", "ESMTP", 2525)
    assert (route["user_name"], route["password"]) == ("relay", "relay secret")
    assert route["use_smtp"] == "when_authorization_fails"
    await dispatcher.report(outcome(claimed, "released"))
    assert await dispatcher.claim(paused_routes=[claimed["route"]]) == []


async def test_a_dispatcher_claims_for_its_own_aliases_and_default_for_the_rest(
    admin: httpx.AsyncClient, mail: int, mailbox: Mailbox, dispatcher: Dispatcher, worker: httpx.AsyncClient
) -> None:
    made = await admin.post("/dispatcher-instances", json={"name": "east", "alias_ids": [mailbox.id]})
    assert made.status_code == 201
    other = await an_alias(admin, mailbox.alias["department_id"], default_alias=True)
    mine = await a_reply(admin, mail)
    body = {"to": ["a@c.test"], "subject": "s", "text": "t"}
    rest = (await admin.post(f"/departments/{mailbox.alias['department_id']}/activities", json=body)).json()
    assert rest["alias_id"] == other["id"]
    assert [one["activity_id"] for one in await dispatcher.claim()] == [rest["id"]]
    assert [one["activity_id"] for one in await Dispatcher(worker, "east").claim()] == [mine["id"]]
    unknown = await worker.post("/outbound-claims", json={"instance": "west", "replica": "d1"})
    assert unknown.status_code == 404
    token = (await admin.post("/tokens", json={"name": "t", "kind": "dispatcher", "instance": "east"})).json()[
        "token"
    ]
    foreign = await worker.post(
        "/outbound-claims",
        json={"instance": "default", "replica": "d1"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert foreign.status_code == 403


async def test_a_paused_route_is_left_out_until_the_access_changes(
    admin: httpx.AsyncClient, mail: int, mailbox: Mailbox, dispatcher: Dispatcher
) -> None:
    await a_reply(admin, mail)
    claimed = await dispatcher.claim_one()
    await dispatcher.report(outcome(claimed, "released"))
    paused = [claimed["route"], "alias-999-ab", "nonsense"]
    assert await dispatcher.claim(paused_routes=paused) == []
    await admin.patch(f"/aliases/{mailbox.id}", json={"outgoing": {"server_name": "other.shop.test"}})
    (again,) = await dispatcher.claim(paused_routes=paused)
    assert again["route"] != claimed["route"]


async def test_a_waiting_claim_answers_as_soon_as_there_is_work_and_holds_no_connection(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher
) -> None:
    polls = [asyncio.create_task(Dispatcher(dispatcher.worker, replica=f"w{n}").claim(wait=20)) for n in range(15)]
    # More polls than the pool has connections: a request that needs one still gets through.
    reply = await a_reply(admin, mail)
    done, _ = await asyncio.wait(polls, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    assert [one["activity_id"] for task in done for one in task.result()] == [reply["id"]]
    for poll in polls:
        poll.cancel()
    await asyncio.gather(*polls, return_exceptions=True)


async def test_cancelling_stops_what_is_not_under_way(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher
) -> None:
    reply = await a_reply(admin, mail)
    path = f"/activities/{reply['id']}/delivery"
    claimed = await dispatcher.claim_one()
    cancelled = await admin.post(f"{path}/cancel")
    assert (cancelled.json()["status"], cancelled.json()["recipients"][0]["status"]) == ("cancelled", "cancelled")
    assert await dispatcher.report(outcome(claimed, "sending")) == [("refused", "claim_lost")]
    assert (await admin.get(f"/activities/{reply['id']}")).json()["status"] == "completed"
    for action in ("cancel", "retry"):
        refused = await admin.post(f"{path}/{action}")
        assert (refused.status_code, refused.json()["code"]) == (409, "delivery_not_open")

    other = await a_reply(admin, mail)
    claimed = await dispatcher.claim_one()
    await dispatcher.report(outcome(claimed, "sending"))
    for action in ("cancel", "retry"):
        assert (await admin.post(f"/activities/{other['id']}/delivery/{action}")).status_code == 409
    for action in ("", "/cancel", "/retry"):
        method = "POST" if action else "GET"
        for id_ in (mail, HUGE):
            assert (await admin.request(method, f"/activities/{id_}/delivery{action}")).status_code == 404
    assert (await admin.patch(f"/activities/{other['id']}", json={"status": "completed"})).status_code == 409


async def test_reports_that_prove_no_claim_are_refused_and_the_others_taken(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher
) -> None:
    first, second = await a_reply(admin, mail), await a_reply(admin, mail)
    one, two = await dispatcher.claim()
    results = await dispatcher.report(
        judged({**one, "claim_id": two["claim_id"]}, "sent"),
        judged({**one, "claim_id": "no claim"}, "sent"),
        judged({**one, "activity_id": HUGE}, "sent"),
        outcome(two, "sending"),
        judged(two, "sent"),
    )
    unknown = ("refused", "unknown_claim")
    assert results == [unknown, unknown, unknown, ("accepted", None), ("accepted", None)]
    assert (await the_delivery(admin, first["id"]))["status"] == "queued"
    assert (await the_delivery(admin, second["id"]))["status"] == "sent"


async def test_a_reply_of_a_server_may_hold_anything_and_bad_reports_are_refused_by_name(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher
) -> None:
    await a_reply(admin, mail)
    claimed = await dispatcher.claim_one()
    verdict = {"position": 0, "status": "failed", "smtp_code": 550, "smtp_reply": "no \x00 such user"}
    for change, field in (
        ({"position": -1}, "position"),
        ({"position": 2**31}, "position"),
        ({"smtp_code": 1000}, "smtp_code"),
        ({"status": "queued"}, "status"),
        ({"enhanced_code": "5\n"}, "enhanced_code"),
    ):
        body = {
            "instance": "default",
            "replica": "d1",
            "outcomes": [outcome(claimed, "judged", recipients=[{**verdict, **change}])],
        }
        answer = await dispatcher.worker.post("/outbound-outcomes", json=body)
        assert fields_of(answer) == [f"outcomes.0.recipients.0.{field}"]
    assert await dispatcher.report(outcome(claimed, "judged", recipients=[verdict])) == [("accepted", None)]
    delivery = await the_delivery(admin, claimed["activity_id"])
    assert delivery["recipients"][0]["smtp_reply"] == "no \ufffd such user"


async def test_a_message_whose_password_no_key_opens_waits_and_holds_up_nobody(
    admin: httpx.AsyncClient, mailbox: Mailbox, dispatcher: Dispatcher, sql: asyncpg.Connection
) -> None:
    broken = await an_alias(admin, mailbox.alias["department_id"], outgoing=ESMTP, default_alias=True)
    await sql.execute("UPDATE aliases SET outgoing_password = 'rubbish' WHERE id = $1", broken["id"])
    body = {"to": ["a@c.test"], "subject": "s", "text": "t"}
    stuck = (await admin.post(f"/departments/{broken['department_id']}/activities", json=body)).json()
    fine = await a_reply(admin, await mailbox.activity_of(a_mail()))
    assert [one["activity_id"] for one in await dispatcher.claim()] == [fine["id"]]
    delivery = await the_delivery(admin, stuck["id"])
    assert (delivery["status"], delivery["attempts"]) == ("queued", 0)
    assert "master key" in delivery["last_error"]
    assert [one["data"]["reason"] for one in await events_of(admin, "alias.outbound")] == ["master_key_missing"]
