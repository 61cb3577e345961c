"""A text as a person reads it, with the way back to where each of its characters stands in the source. Pure.

What is invisible is left out, and digits, blanks and dashes of all alphabets are those of ASCII: a number written
with soft hyphens, in full width, in keycaps or with no-break spaces is the same number to its reader, and so is one
that a link carries percent-encoded.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from ece_common.policies.masking_engines import Watch

# Zero width, direction marks, soft hyphen, variation selectors, tags, strokes through and frames around a character.
INVISIBLE = (
    "\u00ad\u0332-\u0338\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u20d0-\u20ff\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef"
)
_BLANKS = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_DASHES = "\u2010-\u2015\u2043\u207b\u2212\ufe58\ufe63\uff0d"
_DIGITS = (
    "\u0660-\u0669\u06f0-\u06f9\u07c0-\u07c9\u0966-\u096f\u09e6-\u09ef\u0a66-\u0a6f\u0ae6-\u0aef\u0b66-\u0b6f"
    "\u0be6-\u0bef\u0c66-\u0c6f\u0ce6-\u0cef\u0d66-\u0d6f\u0e50-\u0e59\u0ed0-\u0ed9\u0f20-\u0f29\u1040-\u1049"
    "\u17e0-\u17e9\u1810-\u1819\u2460-\u2468\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792"
    "\uff10-\uff19\U0001d7ce-\U0001d7ff\U0001fbf0-\U0001fbf9"
)
PERCENT = "%[2-7][0-9A-Fa-f]|(?:%[89A-Fa-f][0-9A-Fa-f])+"
ODD = f"(?:[{INVISIBLE}{_BLANKS}{_DASHES}{_DIGITS}]|{PERCENT})"
_ODD = re.compile(ODD)
_IS_BLANK, _IS_DASH, _IS_INVISIBLE = (
    re.compile(f"[{_BLANKS}]"),
    re.compile(f"[{_DASHES}]"),
    re.compile(f"[{INVISIBLE}]"),
)

Edit = tuple[int, int, int]
"""From where to where in the source, and how many masking characters stand there afterwards."""


class View:
    """Built piece by piece, in the order of the text."""

    def __init__(self, watch: Watch | None = None) -> None:
        """`watch` ends with OutOfTime what anybody made of nothing but pieces."""
        self._watch, self._steps = watch, 0
        self._pieces: list[str] = []
        self._at: list[int] = []
        self._runs: list[tuple[int, int, bool]] = []
        self._length = 0

    @property
    def text(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def verbatim(self, source: str, start: int, end: int) -> None:
        """Source characters that are read as they stand."""
        if end > start:
            self._add(source[start:end], (start, end, True))

    def stands_for(self, mark: str, start: int, end: int) -> None:
        """A stretch of source that is read as `mark`; `start` == `end`: something that separates."""
        self.step()
        if mark:
            self._add(mark, (start, end, False))

    def step(self) -> None:
        self._steps += 1
        if self._watch is not None and self._steps % 1024 == 0:
            self._watch.left()

    def _add(self, text: str, run: tuple[int, int, bool]) -> None:
        self._pieces.append(text)
        self._at.append(self._length)
        self._runs.append(run)
        self._length += len(text)

    def edits(self, start: int, end: int) -> Iterator[Edit]:
        """What to replace in the source so that nothing of `start` to `end` can be read any more."""
        for index in range(max(bisect_right(self._at, start) - 1, 0), len(self._at)):
            at = self._at[index]
            if at >= end:
                return
            first, last, plain = self._runs[index]
            if plain:
                begin, stop = first + max(start - at, 0), min(first + end - at, last)
                if stop > begin:
                    yield begin, stop, stop - begin
            elif last > first:
                yield first, last, 1


def of_text(source: str, start: int = 0, end: int | None = None, into: View | None = None) -> View:
    view = into if into is not None else View()
    end = len(source) if end is None else end
    position = start
    for found in _ODD.finditer(source, start, end) if _may_be_odd(source) else ():
        view.verbatim(source, position, found.start())
        view.stands_for(read_as(found[0]), found.start(), found.end())
        position = found.end()
    view.verbatim(source, position, end)
    return view


def is_odd(source: str) -> bool:
    """Whether the text reads differently from how it is written."""
    return _may_be_odd(source) and _ODD.search(source) is not None


def _may_be_odd(source: str) -> bool:
    return not source.isascii() or "%" in source


def read_as(mark: str) -> str:
    """One character, or percent-encoded ones, as ASCII has it; nothing for one that is invisible, itself for most."""
    if len(mark) > 1:
        return "".join(map(read_as, unquote(mark, errors="replace")))
    if _IS_INVISIBLE.match(mark):
        return ""
    if _IS_BLANK.match(mark):
        return " "
    return "-" if _IS_DASH.match(mark) else str(unicodedata.digit(mark, mark))


def applied(source: str, edits: Iterable[Edit], character: str) -> str:
    """Overlapping edits count once."""
    pieces: list[str] = []
    position = 0
    for start, end, count in sorted(edits):
        if end <= position:
            continue
        begin = max(start, position)
        pieces += (source[position:begin], character * (count if count == 1 else end - begin))
        position = end
    return "".join((*pieces, source[position:]))
