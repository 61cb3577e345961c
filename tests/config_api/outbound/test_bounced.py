from dataclasses import replace
from typing import Any

import httpx
import pytest

from config_api.outbound.addressing import Recipient
from config_api.outbound.bounced import concerned
from ece_common.contracts.evidence import Evidence
from tests.config_api.mail_in import Mail, Mailbox, a_mail
from tests.config_api.outbound.conftest import Dispatcher, Json, a_reply, events_of, judged, the_delivery

pytestmark = pytest.mark.rule(16)


async def sent(admin: httpx.AsyncClient, dispatcher: Dispatcher, activity_id: int, *to: str) -> Json:
    """A reply that went out, as its dispatcher knew it."""
    await a_reply(admin, activity_id, to=list(to))
    claimed = await dispatcher.claim_one()
    assert await dispatcher.report(judged(claimed, "sent")) == [("accepted", None)]
    return claimed


def a_report(tag: str | None, *recipients: dict[str, Any], failure: str = "permanent") -> Mail:
    reported = {"message_id": "<reply@shop.test>"} | ({"return_tag": tag} if tag else {})
    evidence = {"source": "delivery_status", "failure": failure, "recipients": recipients, "reported": reported}
    subtype = f"email_{failure}_undeliverable"
    return a_mail(subtype=subtype, evidence=evidence, from_="mailer-daemon@x.test")


def told(address: str, failure: str | None = "permanent", **fields: Any) -> dict[str, Any]:
    return {"address": address, "failure": failure, **fields}


async def bounced_by(admin: httpx.AsyncClient, activity_id: int) -> dict[str, int | None]:
    delivery = await the_delivery(admin, activity_id)
    return {one["address"]: one["bounced_by"] for one in delivery["recipients"]}


async def test_a_report_with_our_tag_is_noted_with_the_recipients_it_speaks_of(
    admin: httpx.AsyncClient, dispatcher: Dispatcher, mailbox: Mailbox, mail: int
) -> None:
    claimed = await sent(admin, dispatcher, mail, "anna@customer.test", "ben@customer.test", "eve@customer.test")
    report = a_report(
        claimed["return_tag"],
        told("Anna@CUSTOMER.test"),
        told("relay@elsewhere.test", original_address="ben@customer.test"),
        told("eve@customer.test", None),
        told("stranger@customer.test"),
    )
    report_id = await mailbox.activity_of(report)
    assert await bounced_by(admin, claimed["activity_id"]) == {
        "anna@customer.test": report_id,
        "ben@customer.test": report_id,
        "eve@customer.test": None,
    }
    activity = (await admin.get(f"/activities/{report_id}")).json()
    assert activity["parent_id"] == claimed["activity_id"]
    (event,) = await events_of(admin, "delivery.bounced")
    assert event["subject"] == f"activity/{claimed['activity_id']}"
    assert event["data"]["bounced_by"] == report_id
    assert [one["address"] for one in event["data"]["recipients"]] == ["anna@customer.test", "ben@customer.test"]


@pytest.mark.parametrize("forgery", ["none", "garbage", "number", "other"])
async def test_a_forged_or_missing_tag_changes_no_delivery(
    admin: httpx.AsyncClient, dispatcher: Dispatcher, mailbox: Mailbox, mail: int, forgery: str
) -> None:
    claimed = await sent(admin, dispatcher, mail, "anna@customer.test")
    genuine: str = claimed["return_tag"]
    number, _, signature = genuine.partition("-")
    tag = {
        "none": None,
        "garbage": "x" * 40,
        "number": f"{number}-{'0' * len(signature)}",
        "other": f"{int(number) + 1}-{signature}",
    }[forgery]
    await mailbox.activity_of(a_report(tag, told("anna@customer.test")))
    assert await bounced_by(admin, claimed["activity_id"]) == {"anna@customer.test": None}
    assert await events_of(admin, "delivery.bounced") == []


async def test_a_report_of_the_end_replaces_one_of_a_delay_and_nothing_replaces_the_end(
    admin: httpx.AsyncClient, dispatcher: Dispatcher, mailbox: Mailbox, mail: int
) -> None:
    claimed = await sent(admin, dispatcher, mail, "anna@customer.test")
    tag = claimed["return_tag"]
    delayed = await mailbox.activity_of(a_report(tag, told("anna@customer.test", "temporary"), failure="temporary"))
    assert await bounced_by(admin, claimed["activity_id"]) == {"anna@customer.test": delayed}
    ended = await mailbox.activity_of(a_report(tag, told("anna@customer.test")))
    await mailbox.activity_of(a_report(tag, told("anna@customer.test", "temporary"), failure="temporary"))
    await mailbox.activity_of(a_report(tag, told("anna@customer.test")))
    assert await bounced_by(admin, claimed["activity_id"]) == {"anna@customer.test": ended}
    failures = [one["data"]["recipients"][0]["failure"] for one in await events_of(admin, "delivery.bounced")]
    assert failures == ["temporary", "permanent"]


async def test_a_complaint_with_our_tag_belongs_to_the_message_and_is_no_bounce(
    admin: httpx.AsyncClient, dispatcher: Dispatcher, mailbox: Mailbox, mail: int
) -> None:
    claimed = await sent(admin, dispatcher, mail, "anna@customer.test")
    reported = {"return_tag": claimed["return_tag"]}
    evidence = {"source": "feedback_report", "feedback_type": "abuse", "reported": reported}
    complaint = await mailbox.activity_of(a_mail(subtype="complaint", evidence=evidence))
    assert (await admin.get(f"/activities/{complaint}")).json()["parent_id"] == claimed["activity_id"]
    assert await bounced_by(admin, claimed["activity_id"]) == {"anna@customer.test": None}


def recipients(*statuses: str) -> list[Recipient]:
    return [
        Recipient(position, f"r{position}@customer.test", "to", status)  # pyright: ignore[reportArgumentType]
        for position, status in enumerate(statuses)
    ]


def evidence(*of: dict[str, Any], failure: str | None = "permanent") -> Evidence:
    return Evidence.model_validate({"source": "codes_in_text", "failure": failure, "recipients": of})


def test_a_report_that_names_nobody_is_about_the_only_recipient() -> None:
    nobody = evidence(told("somebody@else.test"))
    assert [one.position for one in concerned(recipients("sent"), nobody)] == [0]
    assert concerned(recipients("sent", "sent"), nobody) == []


@pytest.mark.parametrize(
    ("sent_to", "reported"),
    [
        ("anna@bücher.test", "anna@xn--bcher-kva.test"),
        ("anna@Bu\u0308cher.test", "ANNA@XN--BCHER-KVA.test"),
        ("anna@straße.test", "anna@xn--strae-oqa.test"),
        ("anna@xn--bcher-kva.test", "anna@bücher.test"),
    ],
)
def test_a_report_knows_a_recipient_by_either_form_of_its_domain(sent_to: str, reported: str) -> None:
    one, other = recipients("sent", "sent")
    found = concerned([replace(one, address=sent_to), other], evidence(told(reported)))
    assert [bounced.address for bounced in found] == [sent_to]


def test_a_damaged_label_is_a_name_like_any_other() -> None:
    report = evidence(told("anna@xn--\u00e9.xn--99999999.xn--" + "a" * 100), told("r1@customer.test"))
    assert [one.position for one in concerned(recipients("sent", "sent"), report)] == [1]


def test_who_was_never_sent_to_cannot_bounce_and_a_message_may_come_back_before_its_sending_is_reported() -> None:
    report = evidence(told("r0@customer.test"), told("r1@customer.test"))
    assert [one.position for one in concerned(recipients("failed", "queued"), report)] == [1]
    assert concerned(recipients("cancelled"), report) == []


def test_a_phrase_is_no_report_whatever_else_the_mail_brings_back() -> None:
    phrase = {"id": 1, "type": "subject", "phrase": "system", "failure": "permanent", "found_in": "subject"}
    answer = Evidence.model_validate({"source": "phrase", "failure": "permanent", "phrase": phrase})
    assert concerned(recipients("sent"), answer) == []


def test_a_report_of_success_is_no_bounce() -> None:
    assert concerned(recipients("sent"), evidence(told("r0@customer.test", None), failure=None)) == []
    assert concerned(recipients("sent"), evidence(told("r0@customer.test", None))) == []
