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
    zipped,
)
from tests.ece_common.policies.judging import LISTED, judged


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


@pytest.mark.rule(208, 209, 210)
def test_the_partition_beats_the_department_inside_archives_too() -> None:
    policy = BlockingPolicy(
        blocked_file_extensions=["js", "gz"], attachments_allowed=["zip", "js", "tar.gz"], attachments_blocked=["vbs"]
    )
    assert not judged("a.zip", zipped(("b.js", TEXT)), policy).blocked
    assert judged("a.zip", zipped(("b.vbs", TEXT)), policy).reason.endswith("for the partition")
    assert not judged("a.tar.gz", tarred(("b.txt", TEXT), compressed=True), policy).blocked
    assert judged("b.txt.gz", gzip.compress(TEXT), policy).extension == "gz"
    allowed_alone = policy.model_copy(update={"attachments_allowed": ["zip"]})
    assert judged("a.zip", zipped(("b.js", TEXT)), allowed_alone).path == "a.zip > b.js"


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
        ("b.exe.gz", gzip.compress(TEXT, mtime=0), "b.exe.gz > b.exe"),
        ("b.txt.gz", gzip.compress(PROGRAM, mtime=0), "b.txt.gz > b.txt"),
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
