"""Sensitive data is found however it is written, masked as configured, and nothing takes longer than it may."""

import random
import re
import threading
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ece_common.contracts.policies import MaskingPattern
from ece_common.policies.masking import Hit, Masker, luhn
from ece_common.policies.masking_engines import AnyOf, Expression, Watch

CARD = r"\b(?:\d[ -]?){12,18}\d\b"
NUMBER = "4111111111111111"


def a_pattern(expression: str = CARD, name: str = "card", **changes: object) -> MaskingPattern:
    return MaskingPattern.model_validate({"name": name, "java_regular_expression": expression, **changes})


def text(value: str, *patterns: MaskingPattern) -> str:
    return Masker(patterns or [a_pattern(apply_luhn=True)]).mail().text(value, "text")


def html(value: str, *patterns: MaskingPattern) -> str:
    return Masker(patterns or [a_pattern(apply_luhn=True)]).mail().html(value, "html")


@pytest.mark.rule(30, 32)
@pytest.mark.parametrize("character", ["*", "-", "#", "X", "x"])
def test_what_matches_is_replaced_by_the_masking_character(character: str) -> None:
    assert text(f"card {NUMBER}.", a_pattern(masking_character=character)) == f"card {character * 16}."


@pytest.mark.rule(32)
@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (0, 4, "************1111"),
        (4, 0, "4111************"),
        (2, 3, "41***********111"),
        (8, 8, "****************"),
        (100, 0, "****************"),
    ],
)
def test_some_characters_may_stay_readable_but_never_all(left: int, right: int, expected: str) -> None:
    assert text(NUMBER, a_pattern(unmask_from_left=left, unmask_from_right=right)) == expected


def test_only_numbers_with_a_check_digit_are_masked_by_luhn() -> None:
    assert text("4111 1111 1111 1112 and 4111 1111 1111 1111") == "4111 1111 1111 1112 and *******************"
    assert luhn("79927398713")
    assert not luhn("79927398710")
    assert not luhn("0")


def test_a_card_number_among_other_digits_is_still_found() -> None:
    digits = a_pattern(r"\d{16}", apply_luhn=True)
    assert text(f"99{NUMBER}7", digits) == "99" + "*" * 16 + "7"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (f"{NUMBER} 12/27", f"{'*' * 16} 12/27"),
        (f"{NUMBER} 12 3", f"{'*' * 16} 12 3"),
        (f"é {NUMBER} 12/27", f"é {'*' * 16} 12/27"),
        ("4111 1111 1111 1112 12/27", "4111 1111 1111 1112 12/27"),
        (f"{NUMBER}12", f"{NUMBER}12"),
    ],
)
@pytest.mark.parametrize("expression", [r"\b(?:\d[ -]?){13,19}\b", r"(?<!x)\b(?:\d[ -]?){13,19}\b"])
def test_a_number_that_goes_over_into_the_next_is_found(written: str, expected: str, expression: str) -> None:
    """Only where the expression itself may end there: the last has no word boundary after its sixteenth digit."""
    assert text(written, a_pattern(expression, apply_luhn=True)) == expected


def test_both_engines_tell_words_apart_by_ascii() -> None:
    for expression in (r"\b\d{16}\b", r"(?=4)\b\d{16}\b"):
        assert text(f"número{NUMBER[1:]}", a_pattern(expression)) == f"número{NUMBER[1:]}"
        assert text(f"é{NUMBER}é", a_pattern(expression)) == f"é{'*' * 16}é"


def test_patterns_are_applied_in_order_and_later_ones_see_what_is_left() -> None:
    first = a_pattern(r"\d{4}", masking_character="X")
    assert text("1234", first, a_pattern("X{4}", masking_character="#")) == "####"
    assert text("1234", a_pattern("X{4}", masking_character="#"), first) == "XXXX"


def test_hits_say_which_pattern_found_what() -> None:
    mail = Masker([a_pattern(), a_pattern("secret", name="word")]).mail()
    mail.text(f"secret {NUMBER}", "text")
    assert mail.hits == [Hit("card", 7, 23), Hit("word", 0, 6)]


def test_hits_in_other_characters_are_told_by_where_they_stand() -> None:
    mail = Masker([a_pattern()]).mail()
    assert (
        mail.text("\u00a0\uff14\u200b111 1111 1111 1111 \u00e9", "text") == "\u00a0*\u200b****************** \u00e9"
    )
    assert mail.hits == [Hit("card", 1, 21)]


@pytest.mark.parametrize(
    "written",
    [
        "\uff14\uff11\uff11\uff11 1111 1111 1111",
        "4111\u00a01111\u00a01111\u00a01111",
        "4111\u20111111\u20131111\u22121111",
        "4\u200b111\u00ad1111\u20601111\ufeff1111",
        "\u0664\u0661\u0661\u0661 1111 1111 1111",
        "4\ufe0f\u20e31\ufe0f\u20e31\ufe0f\u20e31\ufe0f\u20e3 1111 1111 1111",
        "\u2463\u2460\u2460\u2460 1111 1111 1111",
        "https://shop.test/?card=4111%201111%201111%c2%a01111",
    ],
)
def test_a_number_in_other_characters_is_the_same_number(written: str) -> None:
    masked = text(f"<{written}> \u00e9")
    assert not re.search(r"\d", masked)
    assert len(masked) == len(f"<{written}> \u00e9")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("<p>4111<b>1111</b>11111111</p>", "<p>****<b>****</b>********</p>"),
        ("4111<!-- -->1111<i></i>11111111", "****<!-- -->****<i></i>********"),
        ("&#52;111&nbsp;1111&#x20;1111 111&#0049;", "*******************"),
        ("4111&shy;1111&#8203;1111&zwnj;1111", "****&shy;****&#8203;****&zwnj;****"),
        ('<a title="4111 1111 1111 1111">x</a>', '<a title="*******************">x</a>'),
        (
            "<a href='mailto:a@b?body=4111%201111%2011111111'>x</a>",
            "<a href='mailto:a@b?body=******************'>x</a>",
        ),
        (f"<p data-x={NUMBER}>", "<p data-x=****************>"),
        (f"<script>var card='{NUMBER}'</script>", "<script>var card='****************'</script>"),
        (f"<!-- {NUMBER} -->", "<!-- **************** -->"),
        (f"<![CDATA[{NUMBER}", "<![CDATA[****************"),
        (f'<b ">{NUMBER}</b>', '<b ">****************</b>'),
        (f'<b x="{NUMBER}', '<b x="****************'),
        (f"a < {NUMBER} > b", "a < **************** > b"),
        (f"<style>p{{}}</style><p>{NUMBER}", "<style>p{}</style><p>****************"),
        ("<div style='display:inline'>4111</div>111111111111", "<div style='display:inline'>****</div>************"),
        (f"<img alt='{NUMBER}'>", "<img alt='****************'>"),
        ("<p>4111 1111\n  1111\t1111</p>", "<p>*******************</p>"),
        ("<p>4111 1111 <b>\n1111</b>&nbsp; 1111</p>", "<p>**********<b>\n****</b>* ****</p>"),
        ("<a href='?c=4111+1111+1111+1111'>x</a>", "<a href='?c=*******************'>x</a>"),
        ("<a href='?c=4111%C2%A01111\n1111 1111'>x</a>", "<a href='?c=*******************'>x</a>"),
        ("<p>?c=4111%201111%201111%201111</p>", "<p>?c=*******************</p>"),
        ("<x-4111-1111-1111-1111>", "<x-*******************>"),
        ("<span>4111</span><wbr><font>111111111111</font>", "<span>****</span><wbr><font>************</font>"),
    ],
)
def test_html_is_masked_as_it_is_read_and_stays_html(written: str, expected: str) -> None:
    assert html(written) == expected


def test_cells_and_lines_keep_numbers_apart() -> None:
    table = "<td>4111</td><td>1111</td><br>11111111"
    assert html(table) == table


def test_html_without_anything_sensitive_comes_back_as_it_was() -> None:
    source = "<p class='a'>Order&nbsp;4711 <b>&amp;</b> 12<!-- x --></p><style>p {}</style>"
    assert html(source) == source


def test_an_address_stays_an_address() -> None:
    masking = Masker([a_pattern(), a_pattern(r"\S+@\S+", name="address")]).mail()
    assert masking.address("ann@example.com", "from") == "ann@example.com"
    assert masking.address(f"{NUMBER}@example.com", "from") == "*" * 16 + "@example.com"


HOSTILE = {
    "one letter": "a" * 1_000_000,
    "digits": "1" * 1_000_000,
    "two letters": "".join(random.Random(1).choice("ab") for _ in range(1_000_000)),
    "tags": "<a " * 300_000,
    "quotes": '<a ="' * 200_000,
    "accents": "\u00e91" * 500_000,
}
COSTLY = {
    "nested": r"(a|aa)+$",
    "look-ahead": r"(?=a)(a|aa)+\b#",
    "all to the end": r"a.*b|a",
    "every digit": r"\d",
    "large": r"a[ab]{500}x",
    "card": CARD,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("body", HOSTILE)
@pytest.mark.parametrize("expression", COSTLY)
def test_no_body_keeps_an_accepted_pattern_busy(body: str, expression: str) -> None:
    """Each ends under a second where nothing else runs; without a limit some would take hours. What cannot be
    finished is hidden whole.
    """
    masking = Masker([a_pattern(COSTLY[expression], name=expression)]).mail()
    for mask in (masking.text, masking.html):
        masked = mask(HOSTILE[body], "text")
        assert len(masked) <= len(HOSTILE[body])


def test_a_pattern_out_of_time_hides_the_whole_text_and_says_so() -> None:
    ticks = count()
    masking = Masker([a_pattern(), a_pattern("a", name="slow")], clock=lambda: next(ticks) * 0.01).mail()
    masked = masking.text(f"{NUMBER} " + "a" * 5000, "text")
    assert masked == "[Masked as a whole: the pattern slow took too long.]"
    assert [(hidden.part, hidden.pattern) for hidden in masking.hidden] == [("text", "slow")]
    assert next(ticks) < 200, "it gave up after as many matches as the time allowed"


@pytest.mark.parametrize("body", ["%31" * 50_000, "1\u200b" * 50_000, "<b></b>" * 50_000, "&#49;" * 50_000])
def test_a_body_made_of_nothing_but_pieces_is_given_up_while_it_is_read(body: str) -> None:
    ticks = count()
    masker = Masker([a_pattern(r"\d(?=\d)")], clock=lambda: next(ticks) * 0.05)
    masking = masker.mail()
    mask = masking.html if body[0] in "<&" else masking.text
    assert mask(body, "text").startswith("[Masked as a whole")
    assert next(ticks) < 40


def test_a_text_shorter_than_the_note_is_hidden_without_it() -> None:
    masking = Masker([a_pattern("(", name="broken")]).mail()
    assert masking.text("short", "subject") == "*****"
    assert masking.hidden[0].reason == "cannot be used"


def test_the_time_of_a_mail_is_shared_by_its_texts() -> None:
    now = [0.0]
    masking = Masker([a_pattern()], clock=lambda: now[0]).mail()
    assert masking.text(NUMBER, "subject") == "*" * 16
    now[0] = 60.0
    assert masking.text(f"later {NUMBER}", "text") == "*" * 22


def test_other_threads_run_while_a_hostile_body_is_masked() -> None:
    turns = [0]
    done = threading.Event()

    def tick() -> None:
        while not done.wait(0.002):
            turns[0] += 1

    ticking = threading.Thread(target=tick)
    ticking.start()
    try:
        for expression in (r"(a|aa)+$", r"(?=a)(a|aa)+\b#", r"a[ab]{500}x"):
            text(HOSTILE["two letters"] + HOSTILE["one letter"], a_pattern(expression))
    finally:
        done.set()
        ticking.join()
    assert turns[0] > 50, "no search holds the interpreter"


_NOISE = st.text(alphabet="4 1-0\u00a0\u200b\uff11<>&;#b/='\"\u00e9a\n", max_size=60)
_PATTERNS = st.lists(
    st.builds(
        a_pattern,
        st.sampled_from(
            [CARD, r"\d+", r"(?<!\d)\d{4}(?!\d)", "[ab]+", r"(?i)B[^<]*", r"(\d)\1", "\u00e9.", r"^.{3}"]
        ),
        masking_character=st.sampled_from(["*", "X", "#"]),
        apply_luhn=st.booleans(),
    ),
    max_size=4,
)


@given(_NOISE, _PATTERNS)
def test_masking_never_lengthens_and_keeps_plain_text_in_place(value: str, patterns: list[MaskingPattern]) -> None:
    masked = text(value, *patterns) if patterns else value
    assert len(masked) == len(value)
    assert all(new == old or new in "*X#" for new, old in zip(masked, value, strict=True))
    assert len(html(value, *patterns) if patterns else value) <= len(value)


@given(_NOISE, st.sampled_from([r"\d{2,}", r"(?<!\d)\d{4}(?!\d)", "[ab]+", r"(\d)\1"]))
def test_nothing_that_matches_is_left(value: str, expression: str) -> None:
    pattern = a_pattern(expression)
    masked = text(value, pattern)
    found = Expression(expression, "java").search(masked, Watch(5.0))(0)
    assert found is None
    assert text(masked, pattern) == masked
    assert html(html(value, pattern), pattern) == html(value, pattern)


@given(_NOISE)
def test_one_search_for_all_patterns_misses_none(value: str) -> None:
    expressions = [Expression(one, "java") for one in (CARD, r"(?i)B\b", r"(?<x>4)1", r"(?<x>a)\k<x>", "^1|0$")]
    apart = any(one.search(value, Watch(5.0))(0) is not None for one in expressions)
    assert AnyOf(expressions).may_match(value, lambda: Watch(5.0)) == apart
