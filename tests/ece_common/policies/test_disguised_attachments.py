"""Archives, mails and documents under other names, behind other bytes or in pieces are known for what they are."""

import gzip
import lzma
from typing import Any

import pytest

from ece_common.contracts.policies import BlockingPolicy
from ece_common.policies.bounds import Bounds
from tests.ece_common.policies.attachment_builders import (
    TEXT,
    forwarded,
    outlook_message,
    with_unicode_name,
    zipped,
)
from tests.ece_common.policies.judging import LISTED, judged


def test_an_archive_is_opened_by_its_name_where_its_beginning_hides_it() -> None:
    for before in (b"x" * 50, b"GIF89a" + bytes(50)):
        assert judged("a.zip", before + zipped(("b.js", TEXT))).path == "a.zip > b.js"
    assert judged("b.js.lzma", lzma.compress(TEXT, format=lzma.FORMAT_ALONE)).extension == "js"
    assert judged("saved.mht", forwarded("b.js", TEXT)).path == "saved.mht > b.js"


ALLOWING = LISTED.model_copy(update={"encrypted_archives": "allow"})


def test_an_archive_without_its_directory_is_looked_through_all_the_same() -> None:
    archive = zipped(("b.js", TEXT))
    assert judged("a.zip", archive[: archive.find(b"PK\x01\x02")], ALLOWING).path == "a.zip > b.js"


def test_names_in_extra_fields_count() -> None:
    assert judged("a.zip", with_unicode_name("readme.txt", "readme.js")).path == "a.zip > readme.js"
    packed = bytearray(gzip.compress(TEXT))
    packed[3] |= 0x04 | 0x08  # an extra field, then a name
    assert judged("a.gz", bytes(packed[:10]) + b"\2\0xxb.js\0" + bytes(packed[10:])).path == "a.gz > b.js"


@pytest.mark.parametrize("name", ["a.vhd", "a.iso", "a.rar", "a.arj", "a.img", "smime.p7m"])
def test_what_no_signature_tells_is_known_by_its_name_and_follows_the_setting(name: str) -> None:
    assert judged(name, bytes(2000)).blocked
    assert not judged(name, bytes(2000), ALLOWING).blocked


@pytest.mark.parametrize("kind", ["message/partial", "application/pkcs7-mime", "application/x-pkcs7-mime"])
def test_a_mail_in_pieces_or_sealed_as_a_whole_follows_the_setting(kind: str) -> None:
    assert judged("a.bin", TEXT, kind=kind).blocked
    assert not judged("a.bin", TEXT, ALLOWING, kind=kind).blocked
    assert not judged("smime.p7s", TEXT, kind=kind).blocked


def test_a_file_named_in_the_header_that_stands_for_it_counts() -> None:
    body = b"Content-Type: application/octet-stream; name=b.js\r\n\r\n"
    assert judged("a.bin", body, kind="message/external-body").extension == "js"


def test_a_document_with_macros_is_known_under_a_name_without() -> None:
    document = zipped(("[Content_Types].xml", b"<x/>"), ("word/vbaProject.bin", b"x"))
    macros = BlockingPolicy(blocked_file_extensions=["docm"])
    for name in ("a.docx", "a.doc", "a.rtf"):
        assert judged(name, document, macros).reason == "it holds macros; .docm is blocked for the department"
    assert not judged("a.xlsm", zipped(("[Content_Types].xml", b"<x/>"), ("xl/vbaProject.bin", b"x")), macros).blocked


def test_a_page_or_an_old_document_is_known_under_an_innocent_name() -> None:
    kinds = BlockingPolicy(blocked_file_extensions=["html", "doc"])
    assert judged("a.jpg", b"<!DOCTYPE html><script>", kinds).extension == "html"
    assert judged("a.txt", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), kinds).extension == "doc"
    assert not judged("part.sldprt", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), kinds).blocked


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"unpacked": 6000}, "unpacks to more"),  # a name's stream may be as long as the file, and be many names'
        ({"entries": 3}, "holds more files"),
    ],
)
def test_names_and_directory_of_a_saved_message_are_within_the_bounds(limits: dict[str, Any], reason: str) -> None:
    message = outlook_message("b.txt", TEXT)
    assert not judged("saved.msg", message).blocked
    assert judged("saved.msg", message, bounds=Bounds(**limits)).reason.startswith(reason)
