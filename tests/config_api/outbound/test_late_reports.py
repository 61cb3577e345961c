"""Who fell silent may still tell what became of a message, and a claim is no larger than an answer should be."""

import httpx
import pytest

from tests.config_api.outbound.conftest import Dispatcher, a_reply, events_of, judged, outcome, the_delivery
from tests.config_api.process import Clock


@pytest.mark.parametrize("kind", ["deferred", "waiting", "released"])
async def test_a_sender_that_was_only_slow_and_never_handed_the_mail_over_has_it_tried_again(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher, clock: Clock, kind: str
) -> None:
    reply = await a_reply(admin, mail)
    claimed = await dispatcher.claim_one()
    await dispatcher.report(outcome(claimed, "sending"))
    clock.advance(seconds=121)
    assert await dispatcher.claim() == []
    assert (await the_delivery(admin, reply["id"]))["status"] == "uncertain"
    assert await dispatcher.report(outcome(claimed, kind, detail="lost before DATA")) == [("accepted", None)]
    delivery = await the_delivery(admin, reply["id"])
    assert (delivery["status"], delivery["recipients"][0]["status"]) == ("queued", "queued")
    assert delivery["attempts"] == (1 if kind == "deferred" else 0)


async def test_an_attempt_whose_report_comes_late_counts_once(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher, clock: Clock
) -> None:
    reply = await a_reply(admin, mail)
    claimed = await dispatcher.claim_one()
    await dispatcher.report(outcome(claimed, "sending"))
    clock.advance(seconds=121)
    await dispatcher.claim()
    await dispatcher.report(judged(claimed, "sent"))
    delivery = await the_delivery(admin, reply["id"])
    assert (delivery["status"], delivery["attempts"]) == ("sent", 1)


async def test_a_late_report_changes_nothing_once_a_person_had_it_sent_again(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher, clock: Clock
) -> None:
    reply = await a_reply(admin, mail)
    first = await dispatcher.claim_one()
    await dispatcher.report(outcome(first, "sending"))
    clock.advance(seconds=121)
    await dispatcher.claim()
    await admin.post(f"/activities/{reply['id']}/delivery/retry")
    second = await dispatcher.claim_one()
    await dispatcher.report(outcome(second, "sending"))
    assert await dispatcher.report(outcome(first, "released")) == [("refused", "claim_lost")]
    assert (await the_delivery(admin, reply["id"]))["status"] == "sending"


async def test_a_claim_holds_no_more_text_than_an_answer_should(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher
) -> None:
    ids = [(await a_reply(admin, mail, text="x" * 9_000_000))["id"] for _ in range(5)]
    first = await dispatcher.claim(limit=500)
    rest = await dispatcher.claim(limit=500)
    assert [one["activity_id"] for one in first] == ids[:3]
    assert [one["activity_id"] for one in rest] == ids[3:]


async def test_a_retry_is_told_on_the_feed(admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher) -> None:
    reply = await a_reply(admin, mail)
    await dispatcher.report(judged(await dispatcher.claim_one(), "failed"))
    await admin.post(f"/activities/{reply['id']}/delivery/retry")
    told = [(one["type"], one["data"]["status"]) for one in await events_of(admin, "delivery.")]
    assert told == [("delivery.failed", "failed"), ("delivery.retried", "queued")]
