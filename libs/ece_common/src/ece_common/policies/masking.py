"""Sensitive data in a mail's texts becomes masking characters before anybody stores or shows it (R30 to R37). Pure.

Patterns are applied in the order of the list, later ones to what earlier ones left. A pattern that runs out of time
hides the whole text it was looking through: never unmasked, never stuck.
"""

import html
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ece_common.contracts.policies import MaskingPattern
from ece_common.policies.masking_engines import AnyOf, Expression, OutOfTime, Search, Span, Watch
from ece_common.policies.masking_escapes import PatternError
from ece_common.policies.masking_html import HtmlViews, readings
from ece_common.policies.masking_views import Edit, View, applied, is_odd, of_text

SECONDS_A_PATTERN = 0.3
"""For one pattern in one text."""
SECONDS_TO_READ = 0.4
"""For making out of what is written what is read."""
SECONDS_A_MAIL = 3.0
MAXIMUM_HITS = 1000
"""That are told of; all of them are masked."""
LONGEST_PREFILTERED = 256 * 1024
SHORTEST_NUMBER, LONGEST_NUMBER = 12, 64
"""Digits, and characters, of a number with a check digit that is looked for in a longer match: those of cards."""
_DIGITS = "0123456789"
_VALUES = {mark: value for value, mark in enumerate(_DIGITS)}


@dataclass(frozen=True, slots=True)
class Hidden:
    """A text that was hidden whole, and the pattern that could not be applied to it in time."""

    part: str
    pattern: str
    reason: str


@dataclass(frozen=True, slots=True)
class Hit:
    """What a pattern found in a plain text. Masking moves nothing there: the span is that of the result too."""

    pattern: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Pattern:
    settings: MaskingPattern
    expression: Expression | None
    """None: it does not compile here, so that nobody knows what it would have found."""

    def absent(self, text: str) -> bool:
        return self.expression is not None and self.expression.surely_absent(text)

    def spans(self, text: str, watch: Watch) -> Iterator[tuple[Span, list[Span]]]:
        """Each match and which of it to mask. What is no number by Luhn may hold one that begins later or ends
        sooner: `4111 1111 1111 1111 12/27`, which an expression takes for a longer number. All of those are masked.
        """
        if self.expression is None:
            raise OutOfTime
        search = self.expression.search(text, watch)
        position = 0
        while position <= len(text) and (found := search(position)) is not None:
            start, end = found
            if end > start and (not self.settings.apply_luhn or luhn(text[start:end])):
                yield found, _left_over(self.settings, start, end)
                position = end
                continue
            shorter = _number_at(search, text, found)
            if shorter is not None:
                yield (start, shorter), _left_over(self.settings, start, shorter)
            position = start + 1


class Masker:
    """Built once for a state of the policies, then asked for every mail."""

    def __init__(self, patterns: Sequence[MaskingPattern], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._patterns = [_Pattern(pattern, _compiled(pattern)) for pattern in patterns]
        compiled = [pattern.expression for pattern in self._patterns if pattern.expression is not None]
        self._any = AnyOf(compiled) if len(compiled) == len(self._patterns) else None

    def mail(self) -> "MailMasking":
        """For the texts of one mail, which share its time."""
        return MailMasking(self._patterns, self._any, self._clock)


class MailMasking:
    """Masks one text after the other; remembers what had to be hidden whole."""

    def __init__(self, patterns: Sequence[_Pattern], any_of: AnyOf | None, clock: Callable[[], float]) -> None:
        self._patterns, self._any, self._clock = patterns, any_of, clock
        self._watch = Watch(SECONDS_A_MAIL, clock)
        self.hidden: list[Hidden] = []
        self.hits: list[Hit] = []

    def text(self, value: str, part: str) -> str:
        """The text as it may be stored: never longer than it was."""
        if not value or not self._patterns:
            return value
        try:
            view = self._view(value)
            if not self._may_match(value) and (view is None or not self._may_match(view.text)):
                return value
            for pattern in self._patterns:
                if pattern.absent(value) and (view is None or pattern.absent(view.text)):
                    continue
                masked = self._plain(pattern, value, view)
                if masked != value:
                    value, view = masked, self._view(masked)
        except _Failed as failure:
            return self._hide(failure, part, len(value))
        return value

    def html(self, value: str, part: str) -> str:
        """HTML stays well-formed where it was: only what is read is replaced."""
        if not value or not self._patterns:
            return value
        try:
            if len(value) <= LONGEST_PREFILTERED and not any(map(self._may_match, readings(value))):
                return value
            views = self._views(value)
            for pattern in self._patterns:
                masked = self._both(pattern, value, views)
                if masked != value:
                    value, views = masked, self._views(masked)
        except _Failed as failure:
            return self._hide(failure, part, len(value), escape=html.escape)
        return value

    def address(self, value: str, part: str) -> str:
        """An address keeps its at sign and domain: without them nobody could answer. Its local part is masked."""
        local, at, domain = value.rpartition("@")
        return self.text(local, part) + at + domain if at else self.text(value, part)

    def _may_match(self, text: str) -> bool:
        if self._any is None or len(text) > LONGEST_PREFILTERED:
            return True
        try:
            return self._any.may_match(text, lambda: self._limit(SECONDS_A_PATTERN))
        except OutOfTime:
            return True

    def _limit(self, seconds: float) -> Watch:
        try:
            return Watch(min(seconds, self._watch.left()), self._clock)
        except OutOfTime:
            return Watch(0.0, self._clock)

    def _view(self, value: str) -> View | None:
        """None: the text reads as it is written."""
        if not is_odd(value):
            return None
        with self._in_time(self._patterns[0]):
            return of_text(value, into=View(self._limit(SECONDS_TO_READ)))

    def _views(self, value: str) -> HtmlViews:
        with self._in_time(self._patterns[0]):
            return HtmlViews(value, self._limit(SECONDS_TO_READ))

    def _plain(self, pattern: _Pattern, value: str, view: View | None) -> str:
        """What reads the same in ASCII is found as well as what the pattern names by its own letters."""
        limit = self._limit(SECONDS_A_PATTERN)
        for reading in (view, None) if view is not None else (None,):
            edits: list[Edit] = []
            for whole, masked in self._found(pattern, value if reading is None else reading.text, limit):
                places = _places(reading, *whole)
                if len(self.hits) < MAXIMUM_HITS:
                    self.hits.append(Hit(pattern.settings.name, places[0][0], places[-1][1]))
                edits += [(first, last, last - first) for span in masked for first, last in _places(reading, *span)]
            if edits:
                value = applied(value, edits, pattern.settings.masking_character)
        return value

    def _both(self, pattern: _Pattern, value: str, views: HtmlViews) -> str:
        limit = self._limit(SECONDS_A_PATTERN)
        edits = [
            edit
            for view in (views.visible, views.hidden)
            for _, masked in self._found(pattern, view.text, limit)
            for span in masked
            for edit in view.edits(*span)
        ]
        return applied(value, edits, pattern.settings.masking_character)

    def _found(self, pattern: _Pattern, text: str, limit: Watch) -> list[tuple[Span, list[Span]]]:
        with self._in_time(pattern):
            return list(pattern.spans(text, limit))

    @contextmanager
    def _in_time(self, pattern: _Pattern) -> Iterator[None]:
        try:
            yield
        except OutOfTime as problem:
            raise _Failed(pattern.settings.name, compiled=pattern.expression is not None) from problem

    def _hide(self, failure: "_Failed", part: str, length: int, escape: Callable[[str], str] = str) -> str:
        self.hidden.append(Hidden(part, failure.pattern, failure.reason))
        note = escape(f"[Masked as a whole: the pattern {failure.pattern} {failure.reason}.]")
        return note if len(note) <= length else "*" * length


def _places(view: View | None, start: int, end: int) -> list[Span]:
    """Where in the text that stands which is read from `start` to `end`."""
    return [(start, end)] if view is None else [(first, last) for first, last, _ in view.edits(start, end)]


class _Failed(Exception):
    def __init__(self, pattern: str, *, compiled: bool) -> None:
        super().__init__(pattern)
        self.pattern = pattern
        self.reason = "took too long" if compiled else "cannot be used"


def luhn(text: str) -> bool:
    """Whether the digits in it, and nothing else, end in their check digit (ISO/IEC 7812-1 annex B)."""
    digits = [int(mark) for mark in text if mark in _DIGITS]
    doubled = (digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2])
    return len(digits) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _number_at(search: Search, text: str, found: Span) -> int | None:
    """Where a number ends that begins with this match and is shorter: the longest that the expression allows."""
    start, end = found
    bound = min(end - 1, start + LONGEST_NUMBER)
    for last in reversed(_numbers(text, start, bound)):
        for exact in range(last, bound + 1):  # what follows the last digit may have to belong to it
            if search.exactly(start, exact):
                return exact
            if text[exact] in _DIGITS:
                break
    return None


def _numbers(text: str, start: int, bound: int) -> list[int]:
    """After which digits what stands from `start` on passes: all sums in one go."""
    ends: list[int] = []
    count = first_doubled = second_doubled = 0
    for at in range(start, bound):
        digit = _VALUES.get(text[at])
        if digit is None:
            continue
        doubled = digit * 2 - 9 * (digit > 4)
        count += 1
        first_doubled += doubled if count % 2 else digit
        second_doubled += digit if count % 2 else doubled
        if count >= SHORTEST_NUMBER and (second_doubled if count % 2 else first_doubled) % 10 == 0:
            ends.append(at + 1)
    return ends


def _left_over(settings: MaskingPattern, start: int, end: int) -> list[Span]:
    """What is masked of a match: all of it when as much or more of it would be left readable."""
    left, right = settings.unmask_from_left, settings.unmask_from_right
    if left + right >= end - start:
        return [(start, end)]
    return [(start + left, end - right)]


def _compiled(pattern: MaskingPattern) -> Expression | None:
    try:
        return Expression(pattern.java_regular_expression, "java")
    except PatternError:
        return None
