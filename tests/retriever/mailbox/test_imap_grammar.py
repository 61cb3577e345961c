"""IMAP's notation, as RFC 3501 writes it and as hypothesis twists it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ece_common.contracts.inbound import Source
from retriever.mailbox.batches import batches
from retriever.mailbox.imap_grammar import (
    astring,
    fetched,
    folder_name,
    literal_size,
    numbers,
    received,
    sequence_set,
)
from retriever.mailbox.port import Listed
from tests.retriever.mailbox.boxes import an_access


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("inbox", "INBOX"),
        ("Sent Items", "Sent Items"),
        ("R&D", "R&-D"),
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 section 5.1.3
        ("Entwürfe", "Entw&APw-rfe"),
        ("😀", "&2D3eAA-"),
    ],
)
def test_folder_names_travel_in_modified_utf_7(name: str, wire: str) -> None:
    assert folder_name(name) == wire


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ("box@rig.test", "box@rig.test"),
        ("", '""'),
        ("a b", '"a b"'),
        ('q"u\\', '"q\\"u\\\\"'),
        ("{9}", '"{9}"'),
        ("gęś", "gęś".encode()),
        ("a\r\nb", b"a\r\nb"),
    ],
)
def test_an_argument_is_an_atom_a_quoted_string_or_a_literal(value: str, wire: str | bytes) -> None:
    assert astring(value) == wire


@pytest.mark.parametrize(
    ("line", "size"),
    [
        (b"* 1 FETCH (BODY[] {310}", 310),
        (b"* 1 FETCH (BODY[] {0}", 0),
        (b"* 1 FETCH (BODY[] ~{12}", 12),
        (b"* OK have some {12}", None),
        (b"* BYE {12}", None),
        (b"* 1 FETCH (UID 7)", None),
    ],
)
def test_a_literal_is_announced_at_the_end_of_data_only(line: bytes, size: int | None) -> None:
    assert literal_size(line) == size


def test_items_of_a_fetch_answer_are_found_in_any_order_and_form() -> None:
    parts = [
        b"* 3 FETCH (FLAGS (\\Seen $X) BODY[] {4}",
        b"UID ",
        b' INTERNALDATE "17-Jul-1996 02:44:25 -0700" UID 7)',
    ]

    items = fetched(parts)

    assert (items[b"BODY[]"], items[b"UID"], items[b"INTERNALDATE"]) == (b"UID ", b"7", b"17-Jul-1996 02:44:25 -0700")


def test_a_body_may_be_quoted_or_nil() -> None:
    assert fetched([b'* 3 FETCH (UID 7 BODY[] "a \\"b\\" (UID 9")'])[b"BODY[]"] == b'a "b" (UID 9'
    assert fetched([b"* 3 FETCH (UID 7 BODY[] NIL)"])[b"BODY[]"] is None
    assert fetched([b'* 3 FETCH (BODY[HEADER]<0> "x" UID 7)'])[b"BODY[HEADER]<0>"] == b"x"


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_no_answer_makes_the_reader_stumble(parts: list[bytes]) -> None:
    fetched(parts or [b""])


def test_an_internal_date_keeps_its_zone() -> None:
    zone = timezone(-timedelta(hours=7))
    assert received(b"17-Jul-1996 02:44:25 -0700") == datetime(1996, 7, 17, 2, 44, 25, tzinfo=zone)
    assert received(b" 1-Jan-2026 00:00:00 +0000") == datetime(2026, 1, 1, tzinfo=UTC)
    assert received(b"31-Feb-2026 00:00:00 +0000") is None
    assert received(b"01-Foo-2026 00:00:00 +0000") is None
    assert received(b"") is None


@given(st.sets(st.integers(min_value=1, max_value=300)))
def test_a_set_of_uids_is_short_and_comes_back_whole(uids: set[int]) -> None:
    ascending = sorted(uids)

    assert numbers(sequence_set(ascending).encode(), 1000) == ascending


def test_of_a_huge_set_only_the_lowest_are_counted_out() -> None:
    assert numbers(b"9,4294967295:5,1", 4) == [1, 5, 6, 7]
    assert numbers(b"*,x,3:y,2", 5) == [2]


def test_batches_are_bounded_in_mails_and_in_octets_and_a_large_mail_goes_alone() -> None:
    sizes = [1, 1, 1, 50, 3, 3, 3, 3, 3]
    mails = [Listed(Source(uid=number), size) for number, size in enumerate(sizes)]

    cut = [[mail.size for mail in batch] for batch in batches(mails, mails=4, octets=10)]

    assert cut == [[1, 1, 1], [50], [3, 3, 3], [3, 3]]


def test_an_access_never_shows_its_secret() -> None:
    assert "secret" not in repr(an_access("IMAP", 143))
