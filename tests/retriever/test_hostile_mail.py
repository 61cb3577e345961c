"""Mail made to break parsers: nothing raises, nothing takes long, nothing is lost."""

import base64
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retriever.parsing import ParsedMail, parse
from retriever.parsing.structure import MAXIMUM_PARTS
from tests.retriever.parsed_mail import check_storable, parsed


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


def test_an_attachment_of_30_mb_arrives_whole() -> None:
    content = bytes(range(256)) * (30 * 4096)
    encoded = _base64_lines(content)
    head = b"Subject: Big\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee the file.\r\n"
    part = b"--b\r\nContent-Type: application/zip; name=big.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"

    mail = parsed(head + part + encoded + b"\r\n--b--\r\n")

    assert (mail.text, mail.attachments[0].name) == ("See the file.", "big.zip")
    assert mail.attachments[0].content == content


def _base64_lines(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n").rstrip()


HOSTILE = {
    "unclosed quotes": b"To: " + b'"\\' * 40_000 + b"\r\n\r\n",
    "open encoded words": b"Subject: " + b"=?a?q?" * 20_000 + b"\r\n\r\n",
    "blanks": b"To: a" + b" " * 90_000 + b"b\r\nSubject: x" + b" " * 90_000 + b"y\r\n\r\n",
    "open comments": b"To: " + b"(" * 50_000 + b"\r\n\r\n",
    "colons after a crowd of comments": b"To: " + b"(" * 49_000 + b"@" + b":" * 50_000 + b"\r\n\r\n",
    "angle brackets": b"References: " + b"<" * 90_000 + b"\r\nTo: " + b"<" * 90_000 + b"\r\n\r\n",
    "parameters": b"Content-Type: text/plain" + b';a="\\' * 15_000 + b"\r\n\r\n",
    "blanks in parameters": b"Content-Type: text/plain;" + b" " * 90_000 + b"\r\n\r\n",
    "lines that are no fields": b"Subject: x\r\n" + b"no field\r\n" * 200_000 + b"From: a\r\n\r\n",
    "boundaries": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * 200_000,
    "nested boundaries": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * 20_000,
    "lines like boundaries at every level": b"".join(
        b"Content-Type: multipart/mixed; boundary=a%s\r\n\r\n--a%s\r\n" % (b"b" * level, b"b" * level)
        for level in range(50)
    )
    + b"\r\n"
    + (b"--a" + b"b" * 60 + b"\r\n") * 70_000,
    "padding": b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QQ==" * 200_000,
    "continuations": b"Content-Disposition: attachment" + b"".join(b";a*%d=x" % n for n in range(9000)) + b"\r\n\r\n",
}


# Each takes about a second; one look back over all that was read, at each step, would take minutes.
@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_input_does_not_keep_the_reader_busy(kind: str) -> None:
    check_storable(HOSTILE[kind], parsed(HOSTILE[kind]))


@pytest.mark.parametrize(
    ("encoding", "line"),
    [(b"base64", b"aaaa="), (b"base64", b"QQ==\r\n"), (b"uuencode", b"!\n"), (b"uuencode", b"#86)C\n")],
)
def test_many_short_lines_need_no_more_memory_than_long_ones(encoding: bytes, line: bytes) -> None:
    size = 10_000_000 if encoding == b"base64" else 2_000_000
    head = b"Content-Type: application/zip\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n"
    data = head + b"begin 644 a.zip\n" * (encoding == b"uuencode") + line * (size // len(line))

    tracemalloc.start()
    try:
        parsed(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 12 * size


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
