"""Java's and JavaScript's expressions mean here what they mean there, or are refused with place and reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ece_common.policies.masking_engines import Expression, Watch
from ece_common.policies.masking_escapes import Dialect, PatternError
from ece_common.policies.masking_syntax import MAXIMUM_LENGTH


def found(expression: str, value: str, dialect: Dialect = "java") -> str | None:
    span = Expression(expression, dialect).search(value, Watch(5.0))(0)
    return value[span[0] : span[1]] if span is not None else None


@pytest.mark.rule(33)
@pytest.mark.parametrize(
    ("dialect", "expression", "value", "match"),
    [
        ("java", r"\d{4}", "\u0661\u0661\u0661\u0661 1234", "1234"),
        ("java", r"[\w-.]+@[\w.-]+\.\p{Alpha}{2,}", "to a-b.c@d-e.example!", "a-b.c@d-e.example"),
        ("java", r"(?<cc>4\d)[\s-]?\k<cc>", "41 42 43-43", "43-43"),
        ("java", r"\d++[a-z]", "12ab", "12a"),
        ("java", r"(?>a|ab)c", "abc ac", "ac"),
        ("java", r"(?<!\d)\d{3}(?!\d)", "1234 567", "567"),
        ("java", r"[a-z&&[^aeiou]]+", "aeibcd", "bcd"),
        ("java", r"[a-c[x-z]]+", "mayb", "ayb"),
        ("java", r"[\D]x", "1x-x", "-x"),
        ("java", r"\Qa.b(\E+", "axb a.b((", "a.b(("),
        ("java", r"\h\p{Upper}\p{Punct}", "a\u00a0B!", "\u00a0B!"),
        ("java", r"\p{IsLatin}\p{L}\P{L}", "1\u00e9\u00df2", "\u00e9\u00df2"),
        ("java", r"(?i)iban\b", "my IBAN", "IBAN"),
        ("java", "(?i:ab)C", "ABC", "ABC"),
        ("java", "(?x) \\d {2} # two\n -", "a12-", "12-"),
        ("java", r"(?s)a.b", "a\nb", "a\nb"),
        ("java", r"(?m)^b$", "a\nb\nc", "b"),
        ("java", r"\Ab\z", "b", "b"),
        ("java", "\\u0041\\x42\\x{43}\\0104\\t\\cA\\e", "ABCD\t\x01\x1b", "ABCD\t\x01\x1b"),
        ("java", "[]a]+", "x]a", "]a"),
        ("java", r"[a-z-9\-]+", "A-9b", "-9b"),
        ("java", "a{1001}", "a" * 1001, "a" * 1001),
        ("java", r"\R", "a\r\nb", "\r\n"),
        ("javascript", r"/\d{3}-\d{2}/gi", "12 123-45", "123-45"),
        ("javascript", "/B/i", "ab", "b"),
        ("javascript", "x{,3}", "xx{,3}", "x{,3}"),
        ("javascript", "[^]b", "a\nb", "\nb"),
        ("javascript", r"[[a]+", "b[a", "[a"),
        ("javascript", r"(?<y>\d)\k<y>", "1233", "33"),
        ("javascript", r"\u{1F600}", "a\U0001f600", "\U0001f600"),
        ("javascript", r"a\sb", "a\u00a0b", "a\u00a0b"),
    ],
)
def test_an_expression_means_what_it_means_in_its_language(
    dialect: Dialect, expression: str, value: str, match: str
) -> None:
    assert found(expression, value, dialect) == match


@pytest.mark.parametrize(
    ("dialect", "expression", "position", "problem"),
    [
        ("java", "", 0, "is empty"),
        ("java", "ab(c", 2, "not closed"),
        ("java", "ab)c", 2, "never opened"),
        ("java", "a**", 2, "could be repeated"),
        ("java", "a|*", 2, "could be repeated"),
        ("java", "ab[c", 2, "bracket is not closed"),
        ("java", "ab\\", 2, "ends in a backslash"),
        ("java", r"ab\y", 2, r"escape \y is unknown"),
        ("java", r"a\p{Nonsense}", 1, "property Nonsense is unknown"),
        ("java", r"a[\p{Nonsense}]", 2, "property Nonsense is unknown"),
        ("java", "ax{3,2}", 2, "at least 3 and at most 2"),
        ("java", "ax{,3}", 2, "opens no quantifier"),
        ("java", "a(?z)", 1, "flag z is unknown"),
        ("java", "a(?%)", 1, "group is unknown"),
        ("java", r"\uD800", 0, "no character"),
        ("java", r"(a)\2", 3, "group"),
        ("java", r"\d*", 0, "empty text"),
        ("java", "a?|b*", 0, "empty text"),
        ("java", "a" * (MAXIMUM_LENGTH + 1), MAXIMUM_LENGTH, "characters"),
        ("java", "(?:(?:a{999}){999}){9}", 13, "together more than"),
        ("java", "(?=a)" + "(" * 1000 + "a" + ")" * 1000, 105, "stand in each other"),
        ("javascript", "/a/q", 3, "flag q is unknown"),
        ("javascript", "/a(/g", 2, "not closed"),
        ("javascript", "a++", 2, "could be repeated"),
        ("javascript", "[b-a]", 0, "range"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_place_and_the_reason(
    dialect: Dialect, expression: str, position: int, problem: str
) -> None:
    with pytest.raises(PatternError) as refused:
        Expression(expression, dialect)
    assert refused.value.position == position
    assert problem in refused.value.problem


@pytest.mark.parametrize("expression", [r"(?<!\d)\d{16}", r"(\d)\1", r"\d++", "[a-z&&[^b]]"])
def test_only_what_re2_cannot_express_goes_to_the_other_engine(expression: str) -> None:
    assert not Expression(expression, "java").linear
    assert Expression(r"\b(?:\d[ -]?){13,16}\b", "java").linear


@given(
    st.text(alphabet="ab\\dpQE[](){}^$*+?|-&:<>=!.,019ux#/ ", max_size=30), st.sampled_from(["java", "javascript"])
)
def test_any_text_compiles_or_is_refused_with_a_place_in_it(expression: str, dialect: Dialect) -> None:
    try:
        compiled = Expression(expression, dialect)
    except PatternError as refused:
        place = refused.position
    else:
        place = 0
        compiled.search("ab\u00e9 01", Watch(5.0))(0)
    assert 0 <= place <= len(expression)
