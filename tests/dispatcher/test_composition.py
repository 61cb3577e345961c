"""What is written can be read back, by the standard library's parser, by strict servers and by old readers."""

from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header
from email.message import EmailMessage
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.composition import RETURN_TAG_HEADER, compose
from ece_common.errors import Invalid
from tests.dispatcher.builders import a_message

# Text without lone surrogates, as JSON from the Config API has it.
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=300)
bodies = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3000)


def written(content: bytes) -> EmailMessage:
    return message_from_bytes(content, policy=policy.default)


def read(**changes: Any) -> EmailMessage:
    return written(compose(a_message(**changes)).content)


def text_of(part: EmailMessage) -> str:
    return part.get_content().replace("\r\n", "\n")


def lines(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") else text + "\n"


def holds_to_the_wire_format(content: bytes) -> None:
    assert content.isascii()
    assert content.endswith(b"\r\n")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998


@given(body=bodies)
@settings(max_examples=200, deadline=None)
def test_any_text_arrives_as_it_was_written(body: str) -> None:
    content = compose(a_message(text=body)).content

    holds_to_the_wire_format(content)
    # get_content() joins what str.splitlines() tears apart, so read the bytes and decode them.
    payload = cast("bytes", message_from_bytes(content).get_payload(decode=True))
    assert payload.decode("utf-8").replace("\r\n", "\n") == lines(body)


@given(subject=words)
@settings(max_examples=200, deadline=None)
def test_any_subject_arrives_as_it_was_written(subject: str) -> None:
    content = compose(a_message(subject=subject)).content

    holds_to_the_wire_format(content)
    assert written(content)["Subject"].rstrip() == subject.replace("\t", " ").rstrip()


@given(name=words)
@settings(max_examples=200, deadline=None)
def test_any_display_name_keeps_the_address_beside_it_intact(name: str) -> None:
    content = compose(a_message(from_name=name)).content

    holds_to_the_wire_format(content)
    [sender] = written(content)["From"].addresses
    assert sender.addr_spec == "support@rig.test"


@pytest.mark.parametrize("name", ["Kundendienst Köln", 'The "real" O\\Brien, Ltd.', "Support", "客服中心"])
def test_a_display_name_is_read_back(name: str) -> None:
    [sender] = read(from_name=name)["From"].addresses

    assert sender.display_name == name


def test_a_long_display_name_is_folded_between_encoded_words() -> None:
    content = compose(a_message(from_name="客服中心" * 20)).content

    # Python 3.11's newer parser keeps the space between encoded words of a phrase, against RFC 2047 section 6.2.
    [*name, (address, _)] = decode_header(str(message_from_bytes(content)["From"]))
    assert b"".join(cast("bytes", part) for part, _ in name).decode() == "客服中心" * 20
    assert address == b" <support@rig.test>"


@given(name=words.filter(lambda text: text.strip() != ""), content=st.binary(max_size=500))
@settings(max_examples=150, deadline=None)
def test_any_attachment_arrives_with_its_name_and_every_byte(name: str, content: bytes) -> None:
    told = {"n": 0, "name": name, "content_type": "application/pdf", "size": len(content)}
    whole = compose(a_message(attachments=[told]), [content]).content

    holds_to_the_wire_format(whole)
    [part] = list(written(whole).iter_attachments())
    assert part.get_payload(decode=True) == content
    assert part.get_content_type() == "application/pdf"
    assert part.get_filename() == name.strip()


def test_an_old_reader_gets_an_ascii_name_from_the_content_type() -> None:
    told = {"n": 0, "name": "Rückmeldung für Größe.pdf", "content_type": "application/pdf", "size": 1}
    [part] = list(written(compose(a_message(attachments=[told]), [b"x"]).content).iter_attachments())

    assert part["Content-Type"].params["name"] == "R_ckmeldung f_r Gr__e.pdf"


@pytest.mark.parametrize("told", ["message/rfc822", "multipart/mixed", "nonsense", "text/html\r\nBcc: x@y.test", ""])
def test_a_type_that_may_not_be_base64_or_is_none_becomes_a_plain_file(told: str) -> None:
    attachment = {"n": 0, "name": "a.bin", "content_type": told, "size": 1}
    [part] = list(written(compose(a_message(attachments=[attachment]), [b"x"]).content).iter_attachments())

    assert part.get_content_type() == "application/octet-stream"


def test_text_and_html_are_alternatives_with_the_plain_one_first() -> None:
    message = read(text="Grüße\n", html="<p>Grüße</p>\n")

    assert message.get_content_type() == "multipart/alternative"
    parts = [cast("EmailMessage", part) for part in message.iter_parts()]
    assert [(part.get_content_type(), text_of(part)) for part in parts] == [
        ("text/plain", "Grüße\n"),
        ("text/html", "<p>Grüße</p>\n"),
    ]


def test_attachments_stand_beside_the_alternatives() -> None:
    attachments = [
        {"n": 0, "name": "a.txt", "content_type": "text/plain", "size": 1},
        {"n": 4, "name": "b.txt", "content_type": "text/plain", "size": 1},
    ]
    content = compose(a_message(html="<p>x</p>", attachments=attachments), [b"first", b"second"]).content
    message = written(content)

    assert [part.get_content_type() for part in message.iter_parts()] == [
        "multipart/alternative",
        "text/plain",
        "text/plain",
    ]
    assert [part.get_payload(decode=True) for part in message.iter_attachments()] == [b"first", b"second"]


@pytest.mark.parametrize(("text", "html", "kind"), [(None, "<p>x</p>", "text/html"), (None, None, "text/plain")])
def test_one_body_needs_no_multipart(text: str | None, html: str | None, kind: str) -> None:
    assert read(text=text, html=html).get_content_type() == kind


@pytest.mark.rule(57, 61, 62)
def test_the_envelope_decides_who_gets_it_and_bcc_stands_in_no_header() -> None:
    letter = compose(a_message(to=["a@shop.test"], cc=["b@shop.test"], bcc=["audit@rig.test"]))

    assert letter.recipients == ("a@shop.test", "b@shop.test", "audit@rig.test")
    assert b"audit@rig.test" not in letter.content
    assert b"bcc" not in letter.content.lower()


@pytest.mark.rule(58, 59, 60)
def test_with_send_mail_to_the_envelope_names_that_address_alone_whatever_the_headers_say() -> None:
    redirected = [{"position": 0, "address": "test-desk@rig.test", "kind": "to"}]

    letter = compose(a_message(to=["customer@shop.test"], recipients=redirected))

    assert letter.recipients == ("test-desk@rig.test",)


@pytest.mark.rule(13, 72)
def test_from_is_what_the_config_api_chose_and_the_envelope_sender_may_differ() -> None:
    letter = compose(a_message(1, **{"from": "sales@rig.test", "envelope_from": "support@rig.test"}))

    assert written(letter.content)["From"] == "sales@rig.test"
    assert letter.sender == "support@rig.test"


def test_the_thread_is_named_and_the_date_keeps_its_zone() -> None:
    references = [f"<{n}.{'x' * 60}@shop.test>" for n in range(30)]
    moment = datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone(timedelta(hours=-5)))
    content = compose(a_message(in_reply_to=references[-1], references=references, date=moment)).content
    message = written(content)

    holds_to_the_wire_format(content)
    assert message["Message-ID"] == "<1.reply@rig.test>"
    assert message["In-Reply-To"] == references[-1]
    assert message["References"].split() == references
    assert message["Date"].datetime == moment


def test_an_automatic_answer_says_so_and_has_a_null_sender() -> None:
    letter = compose(a_message(automatic=True, envelope_from=""))

    assert written(letter.content)["Auto-Submitted"] == "auto-replied"
    assert letter.sender == ""


def test_an_agents_answer_is_not_marked_automatic_and_carries_the_return_tag() -> None:
    message = read(return_tag="v1.abc-DEF_123")

    assert message["Auto-Submitted"] is None
    assert message[RETURN_TAG_HEADER] == "v1.abc-DEF_123"


def test_every_attempt_writes_the_same_bytes() -> None:
    message = a_message(html="<b>x</b>", text="ä" * 2000)

    assert compose(message).content == compose(message).content


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Hello\r\nBcc: victim@shop.test"},
        {"from_name": "Me\nBcc: victim@shop.test"},
        {"from": "me@rig.test\r\nBcc: victim@shop.test"},
        {"to": ["a@shop.test\r\nBcc: victim@shop.test"]},
        {"cc": ["a@shop.test, victim@shop.test"]},
        {"message_id": "<1@rig.test>\r\nBcc: victim@shop.test"},
        {"return_tag": "x\r\nBcc: victim@shop.test"},
        {"envelope_from": "me@rig.test>\r\nRCPT TO:<victim@shop.test"},
        {"recipients": [{"position": 0, "address": "a@shop.test\nDATA", "kind": "to"}]},
        {"subject": "Hello\x85Bcc: victim@shop.test"},
    ],
)
def test_a_line_break_in_any_value_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        compose(a_message(**changes))


def test_an_attachment_name_with_a_line_break_is_refused() -> None:
    told = {"n": 0, "name": "a.txt\r\nBcc: victim@shop.test", "content_type": "text/plain", "size": 1}

    with pytest.raises(Invalid):
        compose(a_message(attachments=[told]), [b"x"])


def test_a_broken_reference_is_left_out_instead_of_failing_the_answer() -> None:
    message = read(references=["<good@shop.test>", "bad\r\nBcc: victim@shop.test", "no spaces allowed"])

    assert message["References"] == "<good@shop.test>"
    assert message["Bcc"] is None


def test_an_international_domain_travels_as_ascii() -> None:
    letter = compose(a_message(to=["kunde@bücher.test"]))

    assert letter.recipients == ("kunde@xn--bcher-kva.test",)
    assert letter.utf8_content is None
    assert written(letter.content)["To"] == "kunde@xn--bcher-kva.test"


def test_an_address_that_needs_smtputf8_gets_a_second_rendering_for_servers_that_offer_it() -> None:
    letter = compose(a_message(to=["jörg@rig.test", "b@shop.test"], from_name="Größe", subject="Größe"))

    assert letter.utf8_content is not None
    international = message_from_bytes(letter.utf8_content, policy=policy.SMTPUTF8)
    assert "To: jörg@rig.test, b@shop.test\r\n".encode() in letter.utf8_content
    assert international["Subject"] == "Größe"
    holds_to_the_wire_format(letter.content)
    assert written(letter.content)["To"].addresses[0].addr_spec == "b@shop.test"


def test_a_plain_answer_is_written_without_any_encoding() -> None:
    content = compose(a_message(date=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))).content

    assert content == (
        b"Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n"
        b"From: support@rig.test\r\n"
        b"To: customer@shop.test\r\n"
        b"Subject: Re: your order 1\r\n"
        b"Message-ID: <1.reply@rig.test>\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"It is on its way.\r\n"
    )
