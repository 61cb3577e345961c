"""Mail as it really comes: whatever the bytes, nothing raises and no part is lost."""

import base64
import email
import email.message
import re
import time
from collections.abc import Iterable
from email.errors import MessageError
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ece_common.contracts.inbound import InboundMessage, Source
from retriever.mailbox.port import RawMail
from retriever.parsing import ParsedMail, Unparsable, parse, transfer
from retriever.parsing.structure import MAXIMUM_PARTS
from retriever.submission import assemble, prepare
from tests.retriever.fakes import START

REPOSITORY = Path(__file__).parents[2]
CORPUS = REPOSITORY / "tests" / "corpus"
# Letters of unlabelled or wrongly labelled mail may be halves of characters in these.
MULTI_BYTE = ("big5hkscs", "gb18030", "cp949", "shift_jisx0213")
# Where the standard library's reading is the worse one, and so cannot be the measure.
READ_BETTER = {
    "testdata-low-quality-bad-header-wrap.raw": "takes a header line without its fold for the body",
    "multipartemptypart.msg": "takes the epilogue for the only, empty part",
    "malformed-019.eml": "takes a header with a blank before the colon for the body",
}
REAL_MAIL = REPOSITORY.parent / "shared" / "data" / "mail"


def sample(name: str) -> ParsedMail:
    return parsed((CORPUS / f"{name}.eml").read_bytes())


def parsed(data: bytes) -> ParsedMail:
    mail = parse(data)
    assert isinstance(mail, ParsedMail), mail
    return mail


def files(mail: ParsedMail) -> list[tuple[str, str, bytes]]:
    return [(file.name, file.content_type, file.content) for file in mail.attachments]


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
    assert mail.evidence == ({"auto_submitted": auto_submitted} if auto_submitted else None)


def test_deeper_than_anyone_nests_the_rest_is_one_attachment() -> None:
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(3000)
    )
    mail = parsed(b"Subject: Deep\r\n" + deep + b"\r\nthe treasure\r\n")
    assert any(b"the treasure" in file.content for file in mail.attachments)


def test_more_parts_than_anyone_sends_are_kept_together_in_one_attachment() -> None:
    part = b"--b\r\nContent-Type: application/octet-stream\r\n\r\n%d\r\n"
    data = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"".join(part % n for n in range(5000)) + b"--b--\r\n"
    )

    mail = parsed(data)

    assert len(mail.attachments) <= MAXIMUM_PARTS + 1
    assert b"4999" in b"".join(file.content for file in mail.attachments if file.name == "message.eml")


def test_an_attachment_of_30_mb_arrives_whole_and_quickly() -> None:
    content = bytes(range(256)) * (30 * 4096)
    encoded = _base64_lines(content)
    head = b"Subject: Big\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee the file.\r\n"
    part = b"--b\r\nContent-Type: application/zip; name=big.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"

    began = time.process_time()
    mail = parsed(head + part + encoded + b"\r\n--b--\r\n")

    assert time.process_time() - began < 3
    assert (mail.text, mail.attachments[0].name) == ("See the file.", "big.zip")
    assert mail.attachments[0].content == content


def _base64_lines(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n").rstrip()


HOSTILE = {
    "unclosed quotes": b"To: " + b'"\\' * 40_000 + b"\r\n\r\n",
    "open encoded words": b"Subject: " + b"=?a?q?" * 20_000 + b"\r\n\r\n",
    "blanks": b"To: a" + b" " * 90_000 + b"b\r\nSubject: x" + b" " * 90_000 + b"y\r\n\r\n",
    "open comments": b"To: " + b"(" * 50_000 + b"\r\n\r\n",
    "angle brackets": b"References: " + b"<" * 90_000 + b"\r\nTo: " + b"<" * 90_000 + b"\r\n\r\n",
    "parameters": b"Content-Type: text/plain" + b';a="\\' * 15_000 + b"\r\n\r\n",
    "blanks in parameters": b"Content-Type: text/plain;" + b" " * 90_000 + b"\r\n\r\n",
    "lines that are no fields": b"Subject: x\r\n" + b"no field\r\n" * 200_000 + b"From: a\r\n\r\n",
    "boundaries": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * 200_000,
    "nested boundaries": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * 20_000,
    "padding": b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QQ==" * 200_000,
    "continuations": b"Content-Disposition: attachment" + b"".join(b";a*%d=x" % n for n in range(9000)) + b"\r\n\r\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_input_costs_linear_time(kind: str) -> None:
    began = time.process_time()
    parsed(HOSTILE[kind])
    assert time.process_time() - began < 1.5


PIECES = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n", b'Content-Type: multipart/alternative; boundary="c"\n',
        b"--b\r\n", b"--b--\r\n", b"--c\n", b"--c--", b"\r\n", b"\n", b"\r", b" ", b"\0", b"\xff\xfe", b"=?utf-8?B?",
        b"?=",
        b"Content-Type: message/rfc822\r\n", b"Content-Transfer-Encoding: base64\r\n", b"QUJD\r\n", b"=", b"<", b'"',
        b"Content-Transfer-Encoding: quoted-printable\r\n", b"From: ", b"To: a@b, (", b"Subject: ", b"charset=utf-7;",
        b"Content-Disposition: attachment; filename*0*=", b"utf-16''%FF", b"Content-Type: text/html; charset=",
        b"+2D0-",
        "é日本".encode(), b"\x1b$B", b"begin 644 x\n", b"name*1*=", b"Auto-Submitted: auto-replied\r\n",
    ]
)  # fmt: skip


@given(st.lists(st.one_of(PIECES, st.binary(max_size=20)), max_size=40).map(b"".join))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_bytes_whatever_make_it_raise_or_give_text_that_cannot_be_stored(data: bytes) -> None:
    mail = parse(data)
    assert isinstance(mail, ParsedMail) or not data.strip(), mail
    check_storable(data, mail)


def check_storable(data: bytes, mail: ParsedMail | Unparsable) -> None:
    """As the contract wants it, in UTF-8 JSON, without NUL, with slices that fit."""
    item = prepare(RawMail(Source(uid=1), data, START), mail, START)
    assert item.unparsed == isinstance(mail, Unparsable)
    (message,), contents = assemble([item])
    written = message.model_dump_json(by_alias=True).encode("utf-8")
    assert b"\\u0000" not in written
    InboundMessage.model_validate_json(written)
    joined = b"".join(contents)
    for file, found in zip(message.attachments, getattr(mail, "attachments", []), strict=True):
        assert joined[file.content.offset : file.content.offset + file.content.size] == found.content


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.eml")), ids=lambda path: path.stem)
def test_every_sample_can_be_stored(path: Path) -> None:
    data = path.read_bytes()
    check_storable(data, parse(data))


@pytest.mark.rule(39)
def test_real_mail_parses_without_exception_and_without_a_lost_leaf() -> None:
    if not REAL_MAIL.is_dir():
        pytest.skip(f"no collection of real mail at {REAL_MAIL}: 1,860 messages that are not part of this repository")
    messages = [path for path in sorted(REAL_MAIL.glob("*/*")) if path.is_file() and path.name not in READ_BETTER]
    assert len(messages) > 1000
    lost = [problem for path in messages for problem in _problems(path)]
    assert lost == []


def _problems(path: Path) -> Iterable[str]:
    data = path.read_bytes()
    mail = parse(data)
    check_storable(data, mail)
    if isinstance(mail, Unparsable):
        if data.strip():
            yield f"{path.name}: {mail.reason}"
        return
    haystacks = [read(text) for text in _written(mail) for read in (_essence, _letters)]
    for number, readings in enumerate(_leaves(data)):
        if not any(reading in haystack for reading in readings for haystack in haystacks):
            yield f"{path.parent.name}/{path.name}: leaf {number} is lost: {min(readings)[:60]}"


def _written(mail: ParsedMail) -> Iterable[str]:
    header = "".join(f"{name}{value}" for name, value in mail.headers)
    yield header + (mail.text or "")
    yield header + (mail.html or "")
    for file in mail.attachments:
        yield file.content.decode("latin-1")


def _leaves(data: bytes) -> Iterable[set[str]]:
    """An independent walk: the standard library's parser, whose own failures on some mails are skipped.

    For each leaf the ways in which its content may rightly be read: with or without the transfer encoding (a wrong
    label may be ignored), in its own charset or byte by byte.
    """
    try:
        parts = list(email.message_from_bytes(data).walk())
    except (MessageError, ValueError, LookupError, RecursionError):
        return
    inside: set[int] = set()
    for part in parts:
        if id(part) in inside:
            continue
        if part.get_content_maintype() == "message" and part.is_multipart():
            inside.update(id(inner) for inner in part.walk())
            readings = {_essence("".join(f"{name}{value}" for name, value in _first_inner(part)))}
        elif part.is_multipart():
            continue
        else:
            readings = _readings(part)
        if any(readings):  # a reading without a letter would be found anywhere
            yield {reading for reading in readings if reading}


def _first_inner(part: "email.message.Message[str, str]") -> list[tuple[str, str]]:
    """The fields of a forwarded mail, or of the last block of a delivery report."""
    inner = part.get_payload(-1)
    assert isinstance(inner, email.message.Message)
    return [(name, str(value)) for name, value in inner.items()]


def _readings(part: "email.message.Message[str, str]") -> set[str]:
    raw = str(part.get_payload()).encode("utf-8", "surrogateescape")
    contents = [_decoded(part, raw), raw]
    if not _letters(_read_as(contents[0], "latin-1")):
        return set()
    if "base64" in str(part.get("Content-Transfer-Encoding")).lower():
        digits = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
        contents.append(base64.b64decode(digits[: len(digits) // 4 * 4]))
    charsets = ["latin-1", part.get_content_charset("utf-8"), *MULTI_BYTE]
    texts = [_read_as(content, charset) for content in contents for charset in charsets]
    return {_essence(text) for text in texts} | {_letters(text) for text in texts}


def _decoded(part: "email.message.Message[str, str]", raw: bytes) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        return raw
    return payload if isinstance(payload, bytes) else raw


def _read_as(content: bytes, charset: str) -> str:
    try:
        return content.decode(charset, "ignore")
    except LookupError:
        return content.decode("latin-1")


def _essence(text: str) -> str:
    """Letters and digits of ASCII: the same in almost every charset and with any line ends."""
    return re.sub(r"[^A-Za-z0-9]+", "", text)


def _letters(text: str) -> str:
    """Letters of every alphabet, for texts that have none of ASCII."""
    return re.sub(r"[\W_]+", "", text)
