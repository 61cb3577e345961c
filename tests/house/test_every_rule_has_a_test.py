"""The guide's rules that the product holds so far, each named by at least one test."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def _span(first: int, last: int) -> set[int]:
    return set(range(first, last + 1))


HELD = _span(12, 267)


def _named_by_tests() -> set[int]:
    named: set[int] = set()
    for path in TESTS.rglob("test_*.py"):
        for arguments in re.findall(r"mark\.rule\(([\d,\s]+)\)", path.read_text()):
            named |= {int(number) for number in re.findall(r"\d+", arguments)}
    return named


def test_every_rule_that_is_held_is_named_by_a_test() -> None:
    assert sorted(HELD - _named_by_tests()) == []
