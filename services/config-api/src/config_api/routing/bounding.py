"""What would make a condition slow on a mail made for it, found by its words alone. Pure.

Trying a condition on samples does not show it: one that asks something cheap first, which the samples are not, does
its work only on the mail that somebody sends. While a condition runs, its process does nothing else.
"""

import re
from collections.abc import Iterator

MOST_LOOPS = 4
MOST_MATCHES = 8
_LOOP = re.compile(r"\.\s*(?:all|exists|exists_one|filter)\s*\(")
_MATCHES = re.compile(r"\bmatches\s*\(")
_BUILDS = re.compile(r"\+|\.\s*map\s*\(")
_BODY = re.compile(r"(?<![\w.])(?:text|html)\b")
_PAIRS = {"(": ")", "[": "]", "{": "}"}

Problem = tuple[int, str]
"""Where it is, and what is wrong with it."""


def problem(bare: str) -> Problem | None:
    """Of an expression whose literals and comments are blanks."""
    return next(_problems(bare), None)


def _problems(bare: str) -> Iterator[Problem]:
    for built in _BUILDS.finditer(bare):
        yield built.start(), "`+` and `map` are not available; compare the fields"
    loops = list(_LOOP.finditer(bare))
    if len(loops) > MOST_LOOPS:
        yield loops[MOST_LOOPS].start(), f"goes through lists more than {MOST_LOOPS} times; make several rules of it"
    matches = list(_MATCHES.finditer(bare))
    if len(matches) > MOST_MATCHES:
        yield (
            matches[MOST_MATCHES].start(),
            f"uses `matches` more than {MOST_MATCHES} times; join them by `|`, or make several rules of it",
        )
    for loop in loops:
        yield from _in_loop(bare, loop.end() - 1)
    for opened in re.finditer(r"[\[{]", bare):
        body = _BODY.search(bare, opened.start(), _closed(bare, opened.start()))
        if body is not None:
            yield body.start(), f"`{body[0]}` cannot stand in a list or an index; ask it by itself"


def _in_loop(bare: str, opened: int) -> Iterator[Problem]:
    end = _closed(bare, opened)
    inner = _LOOP.search(bare, opened, end)
    if inner is not None:
        yield inner.start(), "goes through a list for each item of another; `in` tells whether a list has an item"
    body = _BODY.search(bare, opened, end)
    if body is not None:
        yield body.start(), f"`{body[0]}` cannot be asked for each item of a list; ask it by itself, with `matches`"


def _closed(bare: str, opened: int) -> int:
    """Where the bracket that opens there is closed; the end when it is not, which the compiler tells."""
    expected: list[str] = []
    for at in range(opened, len(bare)):
        if bare[at] in _PAIRS:
            expected.append(_PAIRS[bare[at]])
        elif expected and bare[at] == expected[-1]:
            expected.pop()
            if not expected:
                return at
    return len(bare)
