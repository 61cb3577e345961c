"""Which attachments are blocked: the four modes, precedence, and every place an extension can hide in."""

import bz2
import gzip
import lzma
import struct
import zipfile
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ece_common.contracts.policies import BlockingPolicy
from ece_common.policies.attachment_contents import File
from ece_common.policies.blocking import AttachmentBlocking, Direction, Verdict
from ece_common.policies.bounds import Bounds
from tests.ece_common.policies.attachment_builders import (
    PDF,
    PROGRAM,
    TEXT,
    encrypted,
    forwarded,
    outlook_message,
    tarred,
    winmail,
    with_unicode_name,
    zipped,
)

LISTED = BlockingPolicy(blocked_file_extensions=[".exe", ".js", ".vbs"])


def judged(
    name: str, content: bytes = TEXT, policy: BlockingPolicy = LISTED, *, kind: str = "", bounds: Bounds | None = None
) -> Verdict:
    blocking = AttachmentBlocking(policy)
    return blocking.judge([File((name,), kind or "application/octet-stream", content)], bounds=bounds)[0]


def _blocks(policy: BlockingPolicy, name: str, direction: Direction) -> bool:
    return AttachmentBlocking(policy).judge([File((name,), "text/plain", TEXT)], direction)[0].blocked


@pytest.mark.rule(14, 15, 207, 211, 217, 218, 219, 220, 221, 222, 223, 224, 225, 226)
@pytest.mark.parametrize(
    ("scan", "block_all", "expected"),
    [
        ("inbound_emails_only", False, {("a.exe", "inbound")}),
        ("both_inbound_and_outbound_emails", False, {("a.exe", "inbound"), ("a.exe", "outbound")}),
        ("inbound_emails_only", True, {("a.exe", "inbound"), ("a.txt", "inbound")}),
        (
            "both_inbound_and_outbound_emails",
            True,
            {("a.exe", "inbound"), ("a.exe", "outbound"), ("a.txt", "inbound"), ("a.txt", "outbound")},
        ),
    ],
)
def test_the_four_modes_block_this_and_nothing_else(
    scan: str, *, block_all: bool, expected: set[tuple[str, Direction]]
) -> None:
    policy = BlockingPolicy.model_validate(
        {"blocked_file_extensions": [".exe"], "email_for_scan": scan, "block_all_attachments": block_all}
    )
    directions: tuple[Direction, ...] = ("inbound", "outbound")
    tried: list[tuple[str, Direction]] = [
        (name, direction) for name in ("a.exe", "a.txt") for direction in directions
    ]
    assert {one for one in tried if _blocks(policy, *one)} == expected


@pytest.mark.rule(208, 209, 210, 227)
def test_the_partition_beats_the_department_and_all_beats_both() -> None:
    policy = BlockingPolicy(
        attachments_allowed=["js", ".vbs", "dot"],
        attachments_blocked=[".vbs", "iso"],
        blocked_file_extensions=[".exe", ".js", ".vbs"],
    )
    names = ["a.exe", "a.js", "a.vbs", "a.iso", "a.dot", "a.pdf"]
    assert [name for name in names if judged(name, policy=policy).blocked] == ["a.exe", "a.vbs", "a.iso"]
    everything = policy.model_copy(update={"block_all_attachments": True})
    assert all(judged(name, policy=everything).blocked for name in names)


def test_without_any_list_nothing_is_looked_into() -> None:
    looked = Bounds(entries=0)
    assert not judged("a.zip", zipped(("b.exe", PROGRAM)), BlockingPolicy(), bounds=looked).blocked


@pytest.mark.parametrize(
    ("name", "content", "path"),
    [
        ("invoice.pdf.exe", TEXT, "invoice.pdf.exe"),
        ("invoice.pdf", PROGRAM, "invoice.pdf"),
        ("a.zip", zipped(("docs/b.exe", TEXT)), "a.zip > docs/b.exe"),
        ("innocent.bin", zipped(("b.js", TEXT)), "innocent.bin > b.js"),
        ("a.zip", zipped(("b.zip", zipped(("c.zip", zipped(("d.exe", TEXT)))))), "a.zip > b.zip > c.zip > d.exe"),
        ("a.zip", zipped(("photo.jpg", PROGRAM)), "a.zip > photo.jpg"),
        ("a.zip", encrypted(zipped(("b.exe", TEXT))), "a.zip > b.exe"),
        ("a.tar", tarred(("x.txt", TEXT), ("b.vbs", TEXT)), "a.tar > b.vbs"),
        ("a.tgz", tarred(("b.zip", zipped(("c.js", TEXT))), compressed=True), "a.tgz > b.zip > c.js"),
        ("b.exe.gz", gzip.compress(TEXT), "b.exe.gz > b.exe"),
        ("b.txt.gz", gzip.compress(PROGRAM), "b.txt.gz > b.txt"),
        ("b.exe.bz2", bz2.compress(TEXT), "b.exe.bz2 > b.exe"),
        ("b.xz", lzma.compress(PROGRAM), "b.xz > b"),
        (
            "winmail.dat",
            winmail(("a.zip", zipped(("invoice.pdf.exe", PROGRAM)))),
            "winmail.dat > a.zip > invoice.pdf.exe",
        ),
        ("winmail.dat", winmail(("x.exe", TEXT), long_names=False), "winmail.dat > x.exe"),
        ("saved.msg", outlook_message("b.js", TEXT), "saved.msg > b.js"),
        ("no name", outlook_message("a.zip", zipped(("b.js", TEXT))), "no name > a.zip > b.js"),
        ("forwarded.eml", forwarded("r\u00e9sum\u00e9.js", TEXT), "forwarded.eml > r\u00e9sum\u00e9.js"),
        ("report.docx", zipped(("[Content_Types].xml", b"<x/>"), ("word/run.js", b"")), "report.docx > word/run.js"),
    ],
)
def test_what_an_attachment_holds_counts_as_its_own(name: str, content: bytes, path: str) -> None:
    verdict = judged(name, content)
    assert (verdict.blocked, verdict.path) == (True, path)
    assert verdict.extension is not None
    assert f".{verdict.extension} is blocked for the department" in verdict.reason


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("invoice.pdf", PDF),
        ("invoice.exe.pdf", PDF),
        ("MZ.txt", b"MZ begins many a Czech name. " * 20),
        ("a.zip", zipped(("b.txt", TEXT), ("c.pdf", PDF))),
        ("winmail.dat", winmail(("b.txt", TEXT))),
        ("forwarded.eml", forwarded("b.txt", TEXT)),
        ("report.docx", zipped(("[Content_Types].xml", b"<x/>"), ("word/document.xml", TEXT))),
        ("a.dll", PROGRAM),
        ("saved.msg", outlook_message("b.txt", TEXT)),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
        ("empty", b""),
    ],
)
def test_harmless_files_pass(name: str, content: bytes) -> None:
    assert judged(name, content) == Verdict(blocked=False)


def test_a_document_is_no_zip_and_a_zip_called_a_document_is() -> None:
    no_zips = BlockingPolicy(blocked_file_extensions=["zip", "txt"])
    document = zipped(("[Content_Types].xml", b"<x/>"), ("notes.txt", TEXT))
    assert not judged("report.docx", document, no_zips).blocked
    assert judged("report.docx", zipped(("notes.txt", TEXT)), no_zips).blocked
    assert judged("report.pdf", document, no_zips).extension == "zip"


def test_a_file_hidden_from_the_archive_s_directory_is_seen() -> None:
    archive = zipped(("readme.txt", TEXT))
    renamed = archive.replace(b"readme.txt", b"readme.exe", 1)  # the local header alone
    assert judged("a.zip", renamed).path == "a.zip > readme.exe"


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


def test_every_name_a_part_gives_itself_counts() -> None:
    file = File(("a.pdf", "a.exe"), "application/pdf", PDF)
    assert AttachmentBlocking(LISTED).judge([file])[0].extension == "exe"


def test_a_type_that_makes_programs_run_counts_where_the_name_says_nothing() -> None:
    assert judged("noname", TEXT, kind="application/x-msdownload").extension == "exe"
    assert not judged("notes.txt", TEXT, kind="application/x-msdownload").blocked


@pytest.mark.parametrize(
    "content",
    [encrypted(zipped(("b.txt", TEXT))), b"7z\xbc\xaf\x27\x1c" + bytes(64), b"Rar!\x1a\x07\x01\x00" + bytes(64)],
)
def test_archives_nobody_can_see_into_follow_the_setting(content: bytes) -> None:
    assert judged("a.bin", content).blocked
    assert not judged("a.bin", content, LISTED.model_copy(update={"encrypted_archives": "allow"})).blocked


def _deep(levels: int) -> bytes:
    content = TEXT
    for level in range(levels):
        content = zipped((f"{level}.zip", content))
    return content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_deep(12), "packed deeper"),
        (zipped(*((str(n), b"") for n in range(300))), "more files"),
        (tarred(*((str(n), b"") for n in range(300))), "more files"),
        (zipped(("b.zip", zipped(("c", bytes(3_000_000)), compression=zipfile.ZIP_STORED))), "unpacks to more"),
        (gzip.compress(tarred(("c", bytes(3_000_000)))), "unpacks to more"),
        (winmail() + (struct.pack("<BII", 2, 0x00069005, 0) + b"\0\0") * 300, "more files"),
    ],
    ids=["deep", "many in zip", "many in tar", "zip bomb", "tar bomb", "many in tnef"],
)
def test_what_would_take_too_much_is_blocked_whatever_the_setting(content: bytes, reason: str) -> None:
    allowing = LISTED.model_copy(update={"encrypted_archives": "allow"})
    bounds = Bounds(entries=200, unpacked=1_000_000)
    verdict = judged("a.bin", content, allowing, bounds=bounds)
    assert verdict.blocked
    assert reason in verdict.reason
    assert bounds.unpacked > -1_100_000, "no more than a piece beyond the bound was unpacked"
    assert bounds.entries >= -1


def test_looking_ends_when_its_time_is_up() -> None:
    ticks = count()
    bounds = Bounds(seconds=10, clock=lambda: float(next(ticks)))
    verdict = judged("a.zip", zipped(*((f"{n}.txt", TEXT) for n in range(50))), bounds=bounds)
    assert verdict.reason.startswith("takes too long")
    assert next(ticks) < 20


def test_the_bounds_are_those_of_the_mail_and_not_of_each_attachment() -> None:
    archive = zipped(*((f"{n}.txt", TEXT) for n in range(60)))
    files = [File((f"{n}.zip",), "application/zip", archive) for n in range(4)]
    verdicts = AttachmentBlocking(LISTED).judge(files, bounds=Bounds(entries=150))
    assert [verdict.blocked for verdict in verdicts] == [False, False, True, True]


@pytest.mark.parametrize("levels", [(0xFFFFFFFF, 0x1002), (0xFFFFFFFF, 0x001F), (1, 0x101F)])
def test_counts_in_a_winmail_dat_do_not_make_anybody_loop(levels: tuple[int, int]) -> None:
    properties = struct.pack("<IHHI", levels[0], levels[1], 0x3707, 0xFFFFFFFF) + bytes(8)
    content = winmail(("b.txt", TEXT)) + struct.pack("<BII", 2, 0x00069005, len(properties)) + properties + b"\0\0"
    assert judged("winmail.dat", content).blocked in (True, False)


@given(st.binary(max_size=300), st.sampled_from([zipped(("a.txt", TEXT)), winmail(("a", TEXT)), tarred(("a", TEXT))]))
def test_damaged_archives_get_a_verdict(noise: bytes, archive: bytes) -> None:
    for content in (noise, archive[: len(archive) // 2] + noise, noise + archive, archive + noise):
        judged("a.zip", content)


@given(st.text(max_size=40), st.sampled_from([TEXT, PDF, PROGRAM, zipped(("x.exe", TEXT))]))
def test_the_same_file_gets_the_same_verdict_again(name: str, content: bytes) -> None:
    assert judged(name, content) == judged(name, content)
