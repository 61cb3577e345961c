"""Masking patterns travel as XML in upstream's form: all of a file or nothing of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ece_common.contracts.policies import MAXIMUM_PATTERNS
from ece_common.policies.masking_xml import MAXIMUM_BYTES, ImportRefused, PatternDefinition, read, write

CARD = PatternDefinition(
    name="Card <1>",
    description="Numbers & more",
    active=True,
    masking_character="X",
    javascript_regular_expression=r"/\b\d{16}\b/g",
    java_regular_expression=r"\b\d{16}\b",
    unmask_from_left=1,
    unmask_from_right=4,
    apply_luhn=True,
)
SECOND = replace(CARD, name="second", active=False, apply_luhn=False)
FILE = write([CARD, SECOND])


def refused(content: bytes, *in_use: str) -> ImportRefused:
    with pytest.raises(ImportRefused) as refusal:
        read(content, in_use=in_use)
    return refusal.value


@pytest.mark.rule(33)
def test_what_is_exported_is_imported_again() -> None:
    assert read(FILE) == [CARD, SECOND]


def test_the_elements_mean_what_their_names_say() -> None:
    assert b"<numOfCharsToUnmaskFromLeft>1<" in FILE
    assert b"<numOfCharsToUnmaskFromRight>4<" in FILE
    assert b"<isDefault>no<" in FILE


@pytest.mark.parametrize(
    ("old", "new", "code", "field"),
    [
        (b"<isDefault>no", b"<isDefault>yes", "default_pattern", "isDefault"),
        (b"<isActive>yes", b"<isActive>Yes", "malformed", "isActive"),
        (b"isActive>", b"isactive>", "malformed", None),
        (b">X<", b">^<", "malformed", "maskingCharacter"),
        (b"FromLeft>1<", b"FromLeft>-1<", "malformed", "numOfCharsToUnmaskFromLeft"),
        (b"FromLeft>1<", b"FromLeft>1001<", "malformed", "numOfCharsToUnmaskFromLeft"),
        (
            b"<javaRegularExpression>",
            b"<javaRegularExpression>(",
            "expression_does_not_compile",
            "javaRegularExpression",
        ),
        (b">/\\b", b">/(\\b", "expression_does_not_compile", "javascriptRegularExpression"),
        (b"<name>second", b"<name>Card &lt;1&gt;", "malformed", "name"),
        (b"<name>Card &lt;1&gt;", b"<name> ", "malformed", "name"),
        (b"Numbers &amp; more", b"n" * 2001, "field_too_long", "description"),
        (b"</patterns>", b"", "not_xml", None),
    ],
)
def test_one_wrong_element_refuses_the_whole_file_by_its_name(
    old: bytes, new: bytes, code: str, field: str | None
) -> None:
    assert old in FILE
    refusal = refused(FILE.replace(old, new))
    assert (refusal.code, refusal.field) == (code, field)


def test_the_order_of_the_elements_is_fixed() -> None:
    swapped = FILE.replace(b"numOfCharsToUnmaskFromLeft", b"SWAPPED").replace(
        b"numOfCharsToUnmaskFromRight", b"numOfCharsToUnmaskFromLeft"
    )
    assert refused(swapped.replace(b"SWAPPED", b"numOfCharsToUnmaskFromRight")).code == "malformed"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no XML",
        b'<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><patterns>&b;</patterns>',
        b'<!DOCTYPE p SYSTEM "http://192.0.2.1/x.dtd"><patterns/>',
        b"<patterns>" * 100_000,
        b'<?xml version="1.0" encoding="nonsense"?><patterns/>',
    ],
)
def test_what_is_no_xml_or_a_bomb_is_refused(content: bytes) -> None:
    assert refused(content).code == "not_xml"


def test_what_an_exported_file_cannot_carry_does_not_keep_it_from_being_read() -> None:
    (read_again,) = read(write([replace(CARD, description="a\x01b", java_regular_expression="a\nb")]))
    assert (read_again.description, read_again.java_regular_expression) == ("a\ufffdb", "a\nb")


def test_an_element_in_a_value_and_a_name_of_two_lines_are_refused() -> None:
    content = write([CARD])
    assert "text alone" in refused(content.replace(b"<description>", b"<description><b/>")).problem
    named = replace(CARD, name="two\nlines")
    assert refused(write([named])).field == "name"
    assert read(write([replace(CARD, name=" Cards ")]))[0].name == "Cards"


def test_files_are_bounded_in_bytes_and_patterns() -> None:
    assert refused(b" " * (MAXIMUM_BYTES + 1)).code == "file_too_large"
    assert refused(b"<patterns/>").code == "malformed"
    many = [replace(CARD, name=str(number)) for number in range(MAXIMUM_PATTERNS + 1)]
    assert refused(write(many)).code == "too_many_patterns"
    assert len(read(write(many[:-1]))) == MAXIMUM_PATTERNS


def test_no_file_makes_a_pattern_inactive_that_is_in_use() -> None:
    refusal = refused(FILE, "second")
    assert (refusal.code, refusal.number, refusal.field) == ("pattern_in_use", 2, "isActive")
    assert read(FILE, in_use=["Card <1>"]) == [CARD, SECOND]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for tried in (content, FILE[:400] + content + FILE[400:]):
        try:
            patterns = read(tried)
        except ImportRefused as refusal:
            patterns = [] if refusal.code else [SECOND]
        assert patterns in ([], [CARD, SECOND]) or len(patterns) == 2
