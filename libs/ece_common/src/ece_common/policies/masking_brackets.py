"""A character class of a Java or JavaScript expression -> one that both engines read. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

from ece_common.policies.masking_escapes import (
    EVERYTHING,
    Dialect,
    PatternError,
    character,
    inside_brackets,
    set_escape,
)

_SET_OR_END = re.compile(r"\]|\\[dDwWsSpPhHvV]")


@dataclass(frozen=True, slots=True)
class Brackets:
    """`beyond_re2`: classes inside classes, which RE2 does not know."""

    text: str
    end: int
    beyond_re2: bool


def brackets(source: str, at: int, dialect: Dialect) -> Brackets:
    """The class that opens at `at`. Raises PatternError."""
    return _Reader(source, at, dialect).read()


class _Reader:
    def __init__(self, source: str, at: int, dialect: Dialect) -> None:
        self._source, self._begin, self._at = source, at, at
        self._dialect: Dialect = dialect
        self._beyond_re2 = False
        self._range: Literal["none", "begun", "pending"] = "none"

    def read(self) -> Brackets:
        depth, pieces = 0, list[str]()
        while self._at < len(self._source):
            mark = self._source[self._at]
            if mark == "[" and (depth == 0 or self._dialect == "java"):
                self._beyond_re2 |= depth > 0
                depth += 1
                pieces.append(self._opening())
            elif mark == "]":
                depth -= 1
                self._at += 1
                pieces.append("]")
            else:
                pieces.append(self._escape() if mark == "\\" else self._plain(mark))
            if depth == 0:
                return Brackets("".join(pieces), self._at, self._beyond_re2)
        raise PatternError("a bracket is not closed", self._begin)

    def _opening(self) -> str:
        negated = self._source.startswith("[^", self._at)
        self._at += 1 + negated
        self._range = "none"
        if self._source.startswith("]", self._at):
            if self._dialect == "javascript":  # [] is nothing at all, [^] everything
                return f"[{EVERYTHING}" if negated else f"[^{EVERYTHING}"
            self._at += 1  # Java takes it for the character
            return "[^\\]" if negated else "[\\]"
        return "[^" if negated else "["

    def _escape(self) -> str:
        at = self._at
        if self._source.startswith("\\Q", at) and self._dialect == "java":
            end = self._source.find("\\E", at)
            if end < 0:
                raise PatternError("\\Q is not closed", at)
            self._at = end + 2
            return "".join(map(inside_brackets, self._source[at + 2 : end]))
        if self._source.startswith("\\b", at) and self._dialect == "javascript":
            self._at += 2
            return r"\x08"
        found = set_escape(self._source, at, self._dialect)
        if found is None:
            mark, length = character(self._source, at, self._dialect)
            self._at += length
            return self._one(mark)
        inside, length, negated = found
        self._at += length
        self._range = "none"
        if not negated:
            return inside
        self._beyond_re2 = True  # only the other engine can put a class into a class
        return f"[^{inside}]"

    def _plain(self, mark: str) -> str:
        if self._source.startswith("&&", self._at) and self._dialect == "java":
            self._beyond_re2 = True
            self._at += 2
            return "&&"
        self._at += 1
        if mark != "-":
            return self._one(mark)
        between = self._range == "begun" and not _SET_OR_END.match(self._source, self._at)
        self._range = "pending" if between else "none"
        return "-" if between else "\\x2d"

    def _one(self, mark: str) -> str:
        self._range = "none" if self._range == "pending" else "begun"
        return inside_brackets(mark)
