import json

import pytest

from retriever.recognition import delivery_report
from tests.retriever.parsed_mail import CORPUS
from tests.retriever.recognition.samples import PREDEFINED, a_mail, evidence_of, recognised, report

PERMANENT, TEMPORARY = "email_permanent_undeliverable", "email_temporary_undeliverable"
TAG = "42-0123456789abcdef0123456789abcdef"
BOUNCES = {
    "postfix": (PERMANENT, "delivery_status"),
    "mixed-recipients": (PERMANENT, "delivery_status"),
    "mailbox-full": (TEMPORARY, "delivery_status"),
    "damaged-no-blank-lines": (PERMANENT, "delivery_status"),
    "report-turned-into-text": (TEMPORARY, "delivery_status"),
    "amazon-ses-bounce": (PERMANENT, "delivery_status"),
    "postfix-delayed": (TEMPORARY, "delivery_status"),
    "qmail": (PERMANENT, "codes_in_text"),
    "gmail": (PERMANENT, "codes_in_text"),
    "exchange-html": (PERMANENT, "codes_in_text"),
    "sendmail-transcript": (PERMANENT, "codes_in_text"),
    "in-german": (PERMANENT, "codes_in_text"),
    "in-japanese": (PERMANENT, "codes_in_text"),
    "exim": (PERMANENT, "words_in_text"),
    "exchange-old": (PERMANENT, "words_in_text"),
    "in-russian": (PERMANENT, "words_in_text"),
    "refused-as-receipt": (PERMANENT, "words_in_text"),
    "exim-delayed": (TEMPORARY, "words_in_text"),
    "gateway": (PERMANENT, "codes_in_text"),
    "from-nobody": (PERMANENT, "words_in_text"),
    "in-japanese-mailbox-full": (PERMANENT, "words_in_text"),
    "user-unknown-warning": (PERMANENT, "words_in_text"),
}
OTHERS = {
    "delivered": "email",
    "read-receipt": "email",
    "not-spam": "email",
    "authentication-failed": "email",
    "about-a-bounce": "email",
    "about-a-parcel": "email",
    "undelivered-order": "email",
    "forwarded-parts": "email",
    "forwarded-report": "email",
    "delivered-in-words": "auto_reply",
    "quarantine-summary": "email",
    "parcel-robot": "email",
    "ticket-robot": "email",
    "postmaster-writes": "email",
    "list-post": "email",
    "vacation-german": "auto_reply",
    "vacation-french": "auto_reply",
    "vacation-spanish": "auto_reply",
    "vacation-polish": "auto_reply",
    "complaint": "complaint",
    "outlook-complaint": "complaint",
}


def test_every_sample_report_is_judged_here() -> None:
    names = {path.stem for path in (CORPUS / "reports").glob("*.eml")}
    assert names == BOUNCES.keys() | OTHERS.keys()


@pytest.mark.rule(16, 17, 240, 241, 243, 244)
@pytest.mark.parametrize("name", BOUNCES)
def test_a_bounce_is_known_without_any_phrase_and_by_what_is_surest(name: str) -> None:
    found = recognised(report(name))
    assert found.evidence is not None
    assert (found.subtype, found.evidence.source) == BOUNCES[name]
    assert found.subtype == f"email_{found.evidence.failure}_undeliverable"


@pytest.mark.parametrize("name", OTHERS)
def test_what_only_looks_like_a_bounce_is_none(name: str) -> None:
    assert recognised(report(name)).subtype == OTHERS[name]


def test_a_delivery_told_in_words_is_no_bounce_whatever_the_phrases_say() -> None:
    found = recognised(report("delivered-in-words"), PREDEFINED)
    assert found.subtype == "auto_reply"
    assert found.evidence is not None
    assert [(one.address, one.failure) for one in found.evidence.recipients] == [("anna@customer.test", None)]


def test_every_recipient_of_a_report_is_told_with_its_own_failure() -> None:
    told = [
        (one.address, one.action, one.status, one.smtp_code, one.failure)
        for one in evidence_of("mixed-recipients").recipients
    ]
    assert told == [
        ("full@customer.test", "delayed", "4.2.2", 452, "temporary"),
        ("gone@customer.test", "failed", "5.1.1", None, "permanent"),
        ("fine@customer.test", "relayed", "2.0.0", None, None),
    ]


def test_a_report_for_people_tells_of_every_recipient_too() -> None:
    told = [(one.address, one.status, one.smtp_code, one.failure) for one in evidence_of("qmail").recipients]
    assert told == [
        ("anna@customer.test", "5.1.1", 550, "permanent"),
        ("ben@customer.test", "4.2.2", 452, "temporary"),
    ]


def test_what_is_said_of_a_recipient_before_it_is_named_belongs_to_it() -> None:
    fields = "Reporting-MTA: dns; x.test\nAction: failed\n\nFinal-Recipient: rfc822; a@b.test\nStatus: 4.7.0\n"
    report = delivery_report.read(fields.encode())
    assert report is not None
    assert [(one.address, one.action, one.failure) for one in report.recipients] == [
        ("a@b.test", "failed", "temporary")
    ]


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("rfc822; anna@xn--bcher-kva.xn--p1ai", "anna@xn--bcher-kva.xn--p1ai"),
        ("utf-8; änne@bücher.test", "änne@bücher.test"),
        ("utf-8; \\x{E4}nne@b\\x{fc}cher.test", "änne@bücher.test"),
        ("utf-8; \\x{0A}\\x{D800}\\x{FFFFFF}a@b.test", "\\x{0A}\ufffd\\x{FFFFFF}a@b.test"),
        ("RFC822; <anna@customer.test> (Anna)", "anna@customer.test"),
    ],
)
def test_an_address_in_a_report_is_read_in_every_form(field: str, address: str) -> None:
    report = delivery_report.read(f"Final-Recipient: {field}\nAction: failed\nStatus: 5.1.1\n".encode())
    assert report is not None
    assert [one.address for one in report.recipients] == [address]


def test_a_recipient_under_an_international_top_level_domain_is_named_in_a_report_for_people() -> None:
    text = "These addresses failed:\r\n  anna@shop.xn--p1ai\r\n    550 5.1.1 unknown user\r\n  ben@магазин.рф: full"
    found = recognised(a_mail("Undelivered mail", text)).evidence
    assert found is not None
    assert [one.address for one in found.recipients] == ["anna@shop.xn--p1ai", "ben@магазин.рф"]


def test_the_address_before_forwarding_and_the_servers_words_are_kept() -> None:
    found = evidence_of("postfix")
    (anna,) = found.recipients
    assert (anna.address, anna.original_address) == ("anna@customer.test", "anna@alias.test")
    assert anna.diagnostic == "550 5.1.1 no such person here"
    assert found.reporting_mta == "mx.customer.test"


@pytest.mark.parametrize("name", ["damaged-no-blank-lines"])
def test_a_report_without_blank_lines_and_with_a_general_status_is_read(name: str) -> None:
    told = [(one.address, one.status, one.failure) for one in evidence_of(name).recipients]
    assert told == [("one@customer.test", "5.2.1", "permanent"), ("two@customer.test", "4.4.1", "temporary")]


@pytest.mark.parametrize("name", ["postfix", "mixed-recipients", "qmail", "exim", "gmail", "exchange-old",
                                  "exchange-html", "complaint"])  # fmt: skip
def test_what_came_back_of_our_message_is_told(name: str) -> None:
    reported = evidence_of(name).reported
    assert reported is not None
    assert (reported.return_tag, reported.message_id) == (TAG, "<reply-42@shop.test>")


NOTICE = {
    "notificationType": "Bounce",
    "bounce": {"bounceType": "Transient", "bouncedRecipients": [{"emailAddress": "anna@customer.test"}]},
    "mail": {
        "headers": [
            {"name": "X-ECE-RETURN-TAG", "value": TAG},
            {"name": "Message-ID", "value": "<reply-42@shop.test>"},
        ]
    },
}


@pytest.mark.parametrize("told", [NOTICE, {"Type": "Notification", "Message": json.dumps(NOTICE)}])
def test_a_providers_notice_names_our_message_plain_or_in_the_notification_services_envelope(told: object) -> None:
    notice = a_mail("AWS Notification Message", json.dumps(told), sender="no-reply@sns.amazonaws.com")
    found = recognised(notice)
    assert found.subtype == TEMPORARY
    assert found.evidence is not None
    assert found.evidence.reported is not None
    assert (found.evidence.reported.return_tag, found.evidence.reported.message_id) == (TAG, "<reply-42@shop.test>")


def test_a_complaint_names_who_complained() -> None:
    found = evidence_of("complaint")
    assert (found.source, found.feedback_type) == ("feedback_report", "abuse")
    assert [one.address for one in found.recipients] == ["anna@customer.test", "ben@customer.test"]
    assert [one.address for one in evidence_of("outlook-complaint").recipients] == ["anna@customer.test"]


def test_a_delivery_that_went_well_is_told_and_no_phrase_makes_it_a_bounce() -> None:
    found = recognised(report("delivered"), PREDEFINED)
    assert found.subtype == "email"
    assert found.evidence is not None
    assert [(one.action, one.failure) for one in found.evidence.recipients] == [("delivered", None)]
