"""Where an expression matches, in bounded time whatever the text: RE2, or an engine that can be stopped.

RE2 needs linear time for one search, but as much as the size of its program times the length of the text, and it
cannot be interrupted. Measured: 50 million such steps take 0.2 s. What would take more, and what RE2 cannot express,
goes to the backtracking engine with a time limit. Both let other threads run meanwhile.
"""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, cast

import re2
import regex

from ece_common.policies.masking_escapes import Dialect, PatternError
from ece_common.policies.masking_syntax import Translation, translate

LINEAR_STEPS = 50_000_000
_MEMORY = 2 * 1024 * 1024
"""Bytes RE2 may fill for one expression; a hostile text fills them, for each of a hundred patterns."""
_MEMORY_TOGETHER = 8 * 1024 * 1024
# What a word is, both engines tell by ASCII alone.
_FLAGS = regex.V1 | regex.ASCII
_NAMED_GROUP = re.compile(r"\(\?P<\w+>")

Span = tuple[int, int]


class OutOfTime(Exception):
    """The search was given up; nobody knows what it would have found."""


@dataclass(slots=True)
class Watch:
    """What is left of the time for something."""

    seconds: float
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _until: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._until = self.clock() + self.seconds

    def left(self) -> float:
        left = self._until - self.clock()
        if left <= 0:
            raise OutOfTime
        return left


class Search(Protocol):
    """Where the next match at or after a position begins and ends. Positions may only grow from call to call."""

    def __call__(self, position: int, /) -> Span | None: ...

    def exactly(self, start: int, end: int, /) -> bool:
        """Whether the match found last could end sooner, at `end`."""
        ...


class Expression:
    """An expression that compiled."""

    def __init__(self, source: str, dialect: Dialect) -> None:
        """Raises PatternError that says where and what."""
        self._source = source
        self._translation = translate(source, dialect)
        self._linear = None if self._translation.beyond_re2 else _linear(self._translation.expression)
        self._steps = self._linear.programsize if self._linear is not None else 0
        if self._linear is None:
            self._backtracking  # noqa: B018 - compiles it
        if self.search("", Watch(1.0))(0) is not None:
            raise PatternError("the expression matches the empty text, so it would match everywhere", 0)

    @property
    def linear(self) -> bool:
        return self._linear is not None

    @property
    def for_re2(self) -> str | None:
        return without_names(self._translation.expression) if self.linear else None

    def search(self, text: str, watch: Watch) -> Search:
        if self._linear is not None and self._steps * len(text) <= LINEAR_STEPS:
            return _LinearSearch(self._linear, text, watch)
        return _BacktrackingSearch(self._backtracking, text, watch, lambda: self._ending)

    def surely_absent(self, text: str) -> bool:
        """True only when it matches nowhere; asking costs a fifth of a search with its time watched."""
        if self._linear is None or self._steps * len(text) > LINEAR_STEPS:
            return False
        return self._linear.search(_bytes(text)) is None

    @cached_property
    def _backtracking(self) -> "regex.Pattern[str]":
        try:
            return regex.compile(self._translation.expression, _FLAGS)
        except regex.error as problem:
            raise _placed(problem, self._translation) from problem
        except (RecursionError, MemoryError):
            raise PatternError("the expression is nested too deep", 0) from None

    @cached_property
    def _ending(self) -> "regex.Pattern[str]":
        """The expression and the character that follows: so a match can be asked to end before that one."""
        return regex.compile(f"(?:{self._translation.expression})(?s:.)", _FLAGS)


class AnyOf:
    """Whether any of some expressions matches, in one search for all of those that RE2 knows."""

    def __init__(self, expressions: Iterable[Expression]) -> None:
        expressions = list(expressions)
        self._apart = [one for one in expressions if not one.linear]
        joined = "|".join(f"(?:{one.for_re2})" for one in expressions if one.linear)
        self._together = _linear(joined, _MEMORY_TOGETHER) if joined else None
        self._steps = self._together.programsize if self._together is not None else 0
        if self._together is None:
            self._apart = expressions

    def may_match(self, text: str, limit: Callable[[], Watch]) -> bool:
        """False only when none does. `limit` is asked for what the other engine has to search."""
        if self._together is not None:
            if self._steps * len(text) > LINEAR_STEPS:
                return True
            if self._together.search(_bytes(text)) is not None:
                return True
        return any(one.search(text, limit())(0) is not None for one in self._apart)


class _Found(Protocol):
    def span(self) -> Span: ...


class _Re2(Protocol):
    """What is used of RE2's compiled expression."""

    @property
    def programsize(self) -> int: ...

    def search(self, text: bytes, pos: int = 0) -> "_Found | None": ...

    def fullmatch(self, text: bytes, pos: int, endpos: int) -> object | None: ...


def without_names(expression: str) -> str:
    """Group names must differ within an expression, and nothing here asks for a group by its name."""
    return _NAMED_GROUP.sub("(", expression)


def _linear(expression: str, memory: int = _MEMORY) -> _Re2 | None:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = memory
    try:
        return cast("_Re2", re2.compile(without_names(expression).encode(), options))
    except re2.error:
        return None


def _placed(problem: "regex.error", translation: Translation) -> PatternError:
    position = getattr(problem, "pos", None)
    return PatternError(
        str(getattr(problem, "msg", problem)), translation.origin(position) if isinstance(position, int) else 0
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


class _LinearSearch:
    """Counts characters although RE2 counts bytes."""

    def __init__(self, pattern: _Re2, text: str, watch: Watch) -> None:
        self._pattern, self._text, self._watch = pattern, text, watch
        self._data = _bytes(text)
        self._narrow = len(self._data) == len(text)
        self._byte = self._character = 0

    def __call__(self, position: int, /) -> Span | None:
        self._watch.left()
        if self._narrow:
            found = self._pattern.search(self._data, position)
            return found.span() if found is not None else None
        return self._wide(position)

    def exactly(self, start: int, end: int, /) -> bool:
        self._watch.left()
        first, last = start, end
        if not self._narrow:
            first = self._byte + len(_bytes(self._text[self._character : start]))
            last = first + len(_bytes(self._text[start:end]))
        return self._pattern.fullmatch(self._data, first, last) is not None

    def _wide(self, position: int) -> Span | None:
        begin = self._byte + len(_bytes(self._text[self._character : position]))
        found = self._pattern.search(self._data, begin)
        if found is None:
            return None
        first, last = found.span()
        self._character += len(self._data[self._byte : first].decode())
        self._byte = first
        return self._character, self._character + len(self._data[first:last].decode())


class _BacktrackingSearch:
    def __init__(
        self, pattern: "regex.Pattern[str]", text: str, watch: Watch, ending: "Callable[[], regex.Pattern[str]]"
    ) -> None:
        self._pattern, self._text, self._watch, self._ending = pattern, text, watch, ending

    def __call__(self, position: int, /) -> Span | None:
        try:
            found = self._pattern.search(self._text, position, timeout=self._watch.left())
        except (TimeoutError, MemoryError) as problem:
            raise OutOfTime from problem
        return found.span() if found is not None else None

    def exactly(self, start: int, end: int, /) -> bool:
        try:
            return self._ending().fullmatch(self._text, start, end + 1, timeout=self._watch.left()) is not None
        except (TimeoutError, MemoryError) as problem:
            raise OutOfTime from problem
