"""Sensitive data in a mail's texts becomes masking characters before anybody stores or shows it (R30 to R37). Pure.

Patterns are applied in the order of the list, later ones to what earlier ones left. A pattern that runs out of time
hides the whole text it was looking through: never unmasked, never stuck.
"""

import html
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ece_common.contracts.policies import MaskingPattern
from ece_common.policies.masking_engines import AnyOf, Expression, OutOfTime, Search, Span, Watch
from ece_common.policies.masking_escapes import PatternError
from ece_common.policies.masking_html import HtmlViews, readings
from ece_common.policies.masking_views import Edit, View, applied, is_odd, of_text

SECONDS_A_PATTERN = 0.3
"""For one pattern in one text."""
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
        odd = is_odd(value)
        try:
            if not self._may_match(of_text(value).text if odd else value) and not (odd and self._may_match(value)):
                return value
            for pattern in self._patterns:
                value = self._plain(pattern, value, odd=odd)
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
            views = HtmlViews(value)
            for pattern in self._patterns:
                masked = self._both(pattern, value, views)
                if masked != value:
                    value, views = masked, HtmlViews(masked)
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
            return self._any.may_match(text, self._limit)
        except OutOfTime:
            return True

    def _limit(self) -> Watch:
        try:
            return Watch(min(SECONDS_A_PATTERN, self._watch.left()), self._clock)
        except OutOfTime:
            return Watch(0.0, self._clock)

    def _plain(self, pattern: _Pattern, value: str, *, odd: bool) -> str:
        if odd:
            # What reads the same in ASCII is found as well as what the pattern names by its own letters.
            value = self._read(pattern, value, of_text(value))
        return self._read(pattern, value, None)

    def _read(self, pattern: _Pattern, value: str, view: View | None) -> str:
        edits: list[Edit] = []
        for whole, masked in self._found(pattern, value if view is None else view.text):
            covered = [whole] if view is None else [edit[:2] for edit in view.edits(*whole)]
            if len(self.hits) < MAXIMUM_HITS:
                self.hits.append(Hit(pattern.settings.name, covered[0][0], covered[-1][1]))
            for start, end in masked:
                places = [(start, end)] if view is None else [edit[:2] for edit in view.edits(start, end)]
                edits += [(first, last, last - first) for first, last in places]
        return applied(value, edits, pattern.settings.masking_character) if edits else value

    def _both(self, pattern: _Pattern, value: str, views: HtmlViews) -> str:
        edits = [edit for view in (views.visible, views.hidden) for edit in self._edits(pattern, view)]
        return applied(value, edits, pattern.settings.masking_character)

    def _edits(self, pattern: _Pattern, view: View) -> Iterator[Edit]:
        for _, masked in self._found(pattern, view.text):
            for start, end in masked:
                yield from view.edits(start, end)

    def _found(self, pattern: _Pattern, text: str) -> list[tuple[Span, list[Span]]]:
        try:
            return list(pattern.spans(text, self._limit()))
        except OutOfTime as problem:
            raise _Failed(pattern.settings.name, compiled=pattern.expression is not None) from problem

    def _hide(self, failure: "_Failed", part: str, length: int, escape: Callable[[str], str] = str) -> str:
        self.hidden.append(Hidden(part, failure.pattern, failure.reason))
        note = escape(f"[Masked as a whole: the pattern {failure.pattern} {failure.reason}.]")
        return note if len(note) <= length else "*" * length


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
