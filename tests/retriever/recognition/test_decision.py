import pytest
from hypothesis import given
from hypothesis import strategies as st

from ece_common.contracts.evidence import Evidence
from ece_common.contracts.policies import DeliveryExceptionPhrase
from ece_common.policies.delivery_exceptions import Matcher
from tests.retriever.recognition.samples import NO_PHRASES, PREDEFINED, a_mail, evidence_of, recognised, report


@pytest.mark.rule(16, 238, 242, 243)
def test_a_permanent_phrase_makes_the_mail_permanently_undeliverable_and_is_named() -> None:
    found = recognised(a_mail("Out of office", "Back on Monday.", sender="anna@customer.test"), PREDEFINED)
    assert found.subtype == "email_permanent_undeliverable"
    assert found.evidence is not None
    assert found.evidence.phrase is not None
    phrase = found.evidence.phrase
    assert (found.evidence.source, phrase.phrase, phrase.found_in) == ("phrase", "Out of office", "subject")


@pytest.mark.rule(244, 249)
def test_a_temporary_phrase_makes_it_temporarily_undeliverable() -> None:
    found = recognised(a_mail("Hello", "Hello.", sender="Mail-Gateway@customer.test"), PREDEFINED)
    assert found.subtype == "email_temporary_undeliverable"


@pytest.mark.rule(239)
def test_phrases_count_in_customers_mail_and_evidence_never_makes_a_bounce_of_it() -> None:
    data = a_mail("My heating system failed", "It was not delivered.", sender="anna@customer.test")
    assert recognised(data, PREDEFINED).subtype == "email_permanent_undeliverable"
    assert recognised(data, NO_PHRASES).subtype == "email"


def test_a_report_decides_before_the_phrases() -> None:
    assert recognised(report("mailbox-full"), PREDEFINED).subtype == "email_temporary_undeliverable"
    opposite = Matcher([DeliveryExceptionPhrase(id=1, type="subject", phrase="undelivered", failure="temporary")])
    assert recognised(report("postfix"), opposite).subtype == "email_permanent_undeliverable"


@pytest.mark.rule(16, 238)
def test_phrases_only_is_the_guide_to_the_letter() -> None:
    opposite = Matcher([DeliveryExceptionPhrase(id=1, type="subject", phrase="undelivered", failure="temporary")])
    found = recognised(report("postfix"), opposite, "phrases_only")
    assert found.subtype == "email_temporary_undeliverable"
    assert recognised(report("qmail"), NO_PHRASES, "phrases_only").subtype == "email"
    assert recognised(report("complaint"), NO_PHRASES, "phrases_only").subtype == "email"


def test_a_phrase_decides_about_an_automatic_reply_and_what_it_said_of_itself_is_kept() -> None:
    found = recognised(report("vacation-german"), PREDEFINED)
    assert found.subtype == "email_permanent_undeliverable"
    assert found.evidence is not None
    assert found.evidence.auto_submitted == "auto-replied"


def test_what_a_plain_mail_says_of_itself_is_kept() -> None:
    found = recognised(a_mail("Invitation", "Come.", "Auto-Submitted: auto-generated", sender="calendar@x.test"))
    assert (found.subtype, found.evidence) == ("email", Evidence(auto_submitted="auto-generated"))
    assert evidence_of("vacation-french").source == "headers"
    assert recognised(a_mail("Hello", "Hello", sender="anna@customer.test")).evidence is None


def test_codes_in_the_returned_message_decide_nothing() -> None:
    said = "Your message could not be delivered. This is only a warning."
    text = f"{said}\r\n\r\n--- Below this line is a copy of the message.\r\n\r\n550 5.1.1\r\n"
    delayed = recognised(a_mail("Warning: message delayed", text))
    assert delayed.subtype == "email_temporary_undeliverable"


HOSTILE = {
    "words": "message user address delivery mail " * 4000,
    "codes": "5.1.1 " * 20_000,
    "replies": "error: " * 20_000,
    "at signs": "a@" * 40_000,
    "no domain": "x." * 40_000 + "@",
    "opened tags": "<" * 100_000,
    "hidden text": "<style" * 20_000,
    "comments": "<!--" * 20_000,
    "header lines": "Subject: x\n\t y\n" * 8000,
    "blank lines": "\n" * 100_000,
    "fields": "Final-Recipient: rfc822; a@b.test\nAction: failed\n\n" * 4000,
    "one long word": "recipient" + "a" * 100_000,
}


# Each takes well under a second; one look back over all that was read, at each step, would take minutes.
@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("content_type", ["plain", "html", "status"])
def test_a_hostile_report_does_not_keep_the_reader_busy(kind: str, content_type: str) -> None:
    header = {
        "plain": "text/plain; charset=utf-8\n\n",
        "html": "text/html\n\n",
        "status": "multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n",
    }[content_type]
    start = f"From: MAILER-DAEMON@relay.test\nReturn-Path: <>\nSubject: failure\nContent-Type: {header}"
    found = recognised((start + HOSTILE[kind]).encode(), PREDEFINED)
    assert found.subtype.startswith("email")


PIECES = st.sampled_from(
    [
        b"Reporting-MTA: dns; x\r\n", b"Final-Recipient: rfc822; a@b.test\r\n", b"Final-Recipient:;<\r\n",
        b"Action: ", b"failed\r\n", b"delivered\r\n", b"Status: 5.1.1\r\n", b"Status: 9.999.999999999\r\n",
        b"Status: 2.\r\n",
        b"Diagnostic-Code: smtp; 599 4.7.26 \xff\x00\r\n", b"Diagnostic-Code:\r\n", b"\r\n", b"\n\n", b" folded\r\n",
        b"550 5.1.1 a@b.test: unknown user\r\n", b"could not be delivered\r\n", b"X-ECE-Return-Tag: 1-ab\r\n",
        b"Message-ID: <a@b>\r\n", b"--b\r\n", b"--b--\r\n", b"Content-Type: message/rfc822\r\n\r\n",
        b"=?utf-8?q?=00?=", b"Feedback-Type: \xff\r\n", b"Original-Rcpt-To: <\r\n",
        b'{"notificationType":"Bounce","bounce":{}}',
        "Ваше письмо не доставлено".encode(), b"\xed\xa0\x80",
    ]
)  # fmt: skip


@given(
    st.sampled_from(["message/delivery-status", "message/feedback-report", "text/plain", "message/rfc822"]),
    st.lists(st.one_of(PIECES, st.binary(max_size=10)), max_size=30).map(b"".join),
)
def test_whatever_a_report_holds_its_evidence_can_be_written_and_read_again(kind: str, body: bytes) -> None:
    header = (
        "From: MAILER-DAEMON <no-reply@sns.amazonaws.com>\r\nSubject: Undelivered\r\nReturn-Path: <>\r\n"
        f"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nfailed\r\n--b\r\nContent-Type: {kind}\r\n\r\n"
    )
    found = recognised(header.encode() + body, PREDEFINED)
    if found.evidence is not None:
        written = found.evidence.model_dump_json().encode()
        assert b"\\u0000" not in written.replace(b"\\\\", b"")
        assert Evidence.model_validate_json(written) == found.evidence
