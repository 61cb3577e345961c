"""Mail as it really comes, one oddity a sample: read as a person would read it, and no part lost."""

from pathlib import Path

import pytest

from retriever.parsing import Unparsable, parse, transfer
from tests.retriever.parsed_mail import CORPUS, check_storable, files, parsed, sample


@pytest.mark.rule(39)
def test_a_mail_without_a_sender_is_readable() -> None:
    mail = sample("no-from")
    assert (mail.from_, mail.subject, mail.text) == (None, "Nobody wrote this", "Who am I?\n")


def test_a_mail_without_an_identifier_has_none_and_is_readable() -> None:
    assert (sample("no-message-id").message_id, sample("no-message-id").text) == (None, "No identifier.\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("charset-unknown", "Grüße aus Köln, schöne Straße und größere Bäume für alle Gäste.\n"),
        ("charset-wrong", "Grüße aus Köln: schöne Straße, größere Bäume und süße Äpfel für alle Gäste.\n"),
        ("charset-not-a-charset", "Plain after all.\n"),
        ("windows-1252-as-latin-1", "“Café” costs 5 €\n"),
        ("iso-2022-jp", "ご注文ありがとうございます。\n"),
        ("base64-that-is-text", "This is plain text, and no encoding at all.\n"),
        ("quoted-printable-bad", "100 =ZZ percent sure, café"),
        ("boundary-never-comes", "All of this can be read.\n"),
        ("boundary-folded", "The text."),
        ("carriage-returns-only", "First line.\nSecond line.\n"),
        ("line-feeds-only", "First line.\nSecond line.\n"),
        ("surrogates", "Half a pair: � end\n"),
        ("mbox-envelope", "Hi.\n"),
        ("only-headers", ""),
    ],
)
def test_a_text_is_read_whatever_its_label_says(name: str, text: str) -> None:
    assert sample(name).text == text


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("iso-2022-jp", "注文について"),
        ("headers-8-bit-utf-8", "Größe prüfen"),
        ("headers-8-bit-latin-1", "Größe prüfen"),
        ("encoded-words", "Grüße and café"),
        ("encoded-word-split-character", "Zürich"),
        ("encoded-word-broken", "Hello worldcafé =?utf-8?Q?open"),
        ("huge-header", "After the flood"),
        ("header-broken-fold", "A subject that was wrapped without a blank"),
    ],
)
def test_a_subject_is_decoded(name: str, subject: str) -> None:
    assert sample(name).subject == subject


def test_the_raw_subject_keeps_its_encoded_words() -> None:
    assert "=?iso-2022-jp?B?" in sample("iso-2022-jp").raw_subject


def test_names_are_decoded_after_the_addresses_were_split() -> None:
    mail = sample("encoded-words")
    assert (mail.from_name, mail.from_) == ("Müller, Jürgen", "juergen@example.com")
    assert mail.to == ["support@shop.test", "aenne@example.com"]
    assert mail.cc == ["one@example.com", "two@example.com"]


def test_raw_8_bit_names_are_read_by_the_charset_of_the_text() -> None:
    assert sample("headers-8-bit-latin-1").from_name == "Jürgen Müller"


@pytest.mark.parametrize(
    ("field", "addresses"),
    [
        ("<a@x.test>", ["a@x.test"]),
        ('"A, B" <a@x.test>, b@x.test (Bee)', ["a@x.test", "b@x.test"]),
        ("undisclosed-recipients:;", []),
        ("Sales: a@x.test, B <b@x.test>; c@x.test", ["a@x.test", "b@x.test", "c@x.test"]),
        ("<@relay.test,@other.test:a@x.test>", ["a@x.test"]),
        ("a@x.test; b@x.test", ["a@x.test", "b@x.test"]),
        ("MAILER-DAEMON", ["MAILER-DAEMON"]),
        ("=?utf-8?Q?Ann_=3Cann=40x.test=3E?=", ["ann@x.test"]),
        ("'a@x.test'", ["a@x.test"]),
        ('"quoted local"@x.test', ['"quoted local"@x.test']),
        ("Ann <ann@x.test", ["ann@x.test"]),
        ("<>", []),
        ("", []),
        ("a@x.test, A@y.test, a@x.test", ["a@x.test", "A@y.test"]),
    ],
)
def test_addresses_are_found_in(field: str, addresses: list[str]) -> None:
    assert parsed(f"To: {field}\r\nSubject: x\r\n\r\n".encode()).to == addresses


def test_where_a_mail_was_delivered_to_and_what_it_answers_is_kept() -> None:
    mail = sample("delivered-to")
    assert mail.delivered_to == ["sales@shop.test", "info@shop.test", "old@shop.test"]
    assert mail.reply_to == ["desk@example.com"]
    assert (mail.in_reply_to, mail.references) == ("<a@shop.test>", ["<root@shop.test>", "<a@shop.test>"])
    assert mail.message_id == "no-brackets@example.com"


def test_ten_levels_of_multipart_lose_no_leaf() -> None:
    mail = sample("multipart-ten-deep")
    assert mail.text == "At the bottom."
    assert sorted(file.content for file in mail.attachments) == sorted(b"level %d" % n for n in range(1, 11))


def test_line_feeds_that_a_relay_put_into_a_mail_of_carriage_returns_hide_nothing() -> None:
    fields = b"From MAILER-DAEMON Mon Mar  2 10:00:00 2026\rFrom: a@b.test\rSubject: Old\rTo: c@d.test\r"
    mail = parsed(fields + b"Date: Mon, 2 Mar 2026 10:00:00 +0100\r\rFirst line.\rSecond line.\r\n")
    assert (mail.subject, mail.text) == ("Old", "First line.\nSecond line.\n")


def test_a_carriage_return_among_line_feeds_ends_no_line() -> None:
    mail = parsed(b"From: a@b.test\nSubject: one\rTo: two\n\nText\rand more.\n")
    assert (mail.subject, mail.to) == ("one To: two", [])


def test_a_text_beside_parts_that_are_all_empty_is_read() -> None:
    assert "What she wrote stands behind the last boundary." in (sample("text-beside-empty-parts").text or "")


def test_a_flowed_paragraph_ends_where_the_signature_begins() -> None:
    mail = parsed(b"Content-Type: text/plain; format=flowed\n\nSee you on \nMonday \n-- \nAnna \nCustomer care\n")
    assert mail.text == "See you on Monday \n-- \nAnna Customer care\n"


def test_broken_base64_is_salvaged_to_its_last_byte() -> None:
    mail = sample("base64-bad")
    assert mail.text == "Hello world"
    assert files(mail) == [("two.bin", "application/octet-stream", b"one two")]


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        (b"b25l", b"one"),
        (b"b25", b"on"),
        (b"b25lb", b"one"),
        (b"b25lb24=b25l", b"oneonone"),
        (b"b24=\r\n=b25l", b"onone"),
        (b"bw=\r\n=b25l", b"oone"),
        (b"b2=5lb25l", b"oneone"),
        (b"b25l=====b25l", b"oneone"),
        (b"=b25l", b"one"),
        (b"\r\n", b""),
        (b"!?", b"!?"),
        (b"b2\r\n5l\r\n", b"one"),
    ],
)
def test_base64_gives_what_can_be_had(encoded: bytes, decoded: bytes) -> None:
    assert transfer.base64(encoded) == decoded


def test_uuencoded_files_are_decoded() -> None:
    assert files(sample("uuencoded")) == [("hello.txt", "application/octet-stream", b"hello")]


def test_a_mail_that_was_cut_off_keeps_its_last_part() -> None:
    mail = sample("no-closing-boundary")
    assert mail.text == "The text."
    assert files(mail) == [("cut.pdf", "application/pdf", b"%PDF-1.4 and then the line went dead")]


def test_a_boundary_that_begins_like_another_does_not_end_it() -> None:
    mail = sample("boundary-prefix-of-inner")
    assert (mail.text, mail.html) == ("Plain.", "<p>Html.</p>")
    assert files(mail) == [("a.png", "image/png", b"PNG")]


def test_names_of_attachments_are_put_together_decoded_and_stripped_of_folders() -> None:
    assert [file.name for file in sample("rfc-2231-names").attachments] == ["Résumé €.pdf", "Łódź.docx", "café.exe"]


def test_outlooks_container_is_left_whole() -> None:
    assert files(sample("tnef")) == [("winmail.dat", "application/ms-tnef", b"\x78\x9f\x3e\x22\x01\x00 not really")]


def test_a_forwarded_mail_is_one_attachment_byte_for_byte() -> None:
    ((name, kind, content),) = files(sample("nested-rfc822"))
    assert (name, kind) == ("message.eml", "message/rfc822")
    assert content.startswith(b"From: bob@example.com\r\n")
    assert content.endswith(b"GIF89a\r\n--i--")
    assert parsed(content).text == "Forwarded."


def test_a_delivery_report_keeps_the_block_of_every_recipient() -> None:
    mail = sample("delivery-status")
    (_, kind, report), (_, _, headers) = files(mail)
    assert kind == "message/delivery-status"
    assert report.count(b"Final-Recipient:") == 2
    assert b"Status: 4.2.2" in report
    assert headers == b"Subject: The lost one\r\n".rstrip()
    assert mail.text == "It did not arrive."


def test_a_digest_keeps_each_of_its_mails() -> None:
    assert [kind for _, kind, _ in files(sample("digest"))] == ["message/rfc822"] * 2


def test_text_and_html_that_say_the_same_are_the_body_and_an_inline_image_is_not() -> None:
    mail = sample("alternative-with-inline-image")
    assert (mail.text, mail.html) == ("Plain.", '<p>Rich <img src="cid:logo@shop"></p>')
    (logo,) = mail.attachments
    assert (logo.name, logo.inline, logo.content_id, logo.content) == ("logo.png", True, "logo@shop", b"\x89PNG")


def test_a_second_text_is_an_attachment() -> None:
    mail = sample("text-between-attachments")
    assert mail.html == "<p>Before</p>"
    assert [content for _, _, content in files(mail)] == [b"PDF", b"<p>After</p>"]


def test_a_mail_that_is_nothing_but_a_file_has_no_text() -> None:
    mail = sample("only-an-attachment")
    assert (mail.text, mail.html, files(mail)) == (None, None, [("scan.pdf", "application/pdf", b"PDF\r\n")])


def test_nul_is_taken_out_of_text_and_headers() -> None:
    mail = sample("nul-bytes")
    assert mail.text is not None
    assert mail.text.startswith("Beforeafter, and")
    assert "\0" not in mail.subject


def test_garbage_becomes_an_attachment_byte_for_byte() -> None:
    mail = sample("binary-garbage")
    assert mail.text is None
    assert [file.content for file in mail.attachments] == [(CORPUS / "binary-garbage.eml").read_bytes()]


@pytest.mark.parametrize("nothing", [b"", b"\r\n", b" \n\t\n"])
def test_only_an_empty_mail_cannot_be_parsed(nothing: bytes) -> None:
    assert parse(nothing) == Unparsable("the message is empty")


def test_what_is_kept_of_headers_and_recipients_is_bounded() -> None:
    assert sum(len(value) for _, value in sample("huge-header").headers) < 300_000
    assert len(sample("many-recipients").to) == 2000


@pytest.mark.parametrize(
    ("name", "subtype", "auto_submitted"),
    [
        ("vacation", "auto_reply", "auto-replied (vacation)"),
        ("precedence-auto-reply", "auto_reply", None),
        ("calendar-robot", "email", "auto-generated"),
        ("no-from", "email", None),
    ],
)
def test_an_automatic_reply_is_told_from_other_automatic_mail(
    name: str, subtype: str, auto_submitted: str | None
) -> None:
    mail = sample(name)
    assert (mail.subtype, mail.auto_submitted) == (subtype, auto_submitted)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.eml")), ids=lambda path: path.stem)
def test_every_sample_can_be_stored(path: Path) -> None:
    data = path.read_bytes()
    check_storable(data, parse(data))
