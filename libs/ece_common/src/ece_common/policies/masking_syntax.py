"""Regular expressions as Java and JavaScript write them -> one that RE2 or the time-limited engine reads. Pure."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from ece_common.policies.masking_brackets import brackets
from ece_common.policies.masking_escapes import (
    VERTICAL,
    Dialect,
    PatternError,
    character,
    inside_brackets,
    set_escape,
)

MAXIMUM_LENGTH = 4000
"""Characters of an expression."""
MAXIMUM_REPEATS = 100_000
"""Of one piece, by counts within counts: engines write some of them out, and run out of memory."""
MAXIMUM_NESTING = 100


@dataclass(slots=True)
class Translation:
    """`beyond_re2`: look-around, back references and the like, which need the other engine."""

    expression: str = ""
    beyond_re2: bool = False
    origins: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Where in `expression` each piece begins, and where it stood in the source."""

    def origin(self, position: int) -> int:
        at = bisect_right(self.origins, (position, 1 << 30)) - 1
        return self.origins[at][1] if at >= 0 else 0


_QUANTIFIER = re.compile(r"[*+?]|\{[0-9]{1,5}(?:,[0-9]{0,5})?\}")
_GROUP = re.compile(
    r"\?(?:(?P<plain>:)|(?P<beyond><?[=!]|>)|P?<(?P<name>[A-Za-z][A-Za-z0-9_]*)>"
    r"|(?P<flags>[a-zA-Z-]+)(?P<end>[:)]))"
)
_LITERAL_JS = re.compile(r"/(.+)/([a-z]*)\Z", re.DOTALL)


def translate(expression: str, dialect: Dialect) -> Translation:
    """Raises PatternError with the position in `expression`."""
    if not expression:
        raise PatternError("the expression is empty", 0)
    if len(expression) > MAXIMUM_LENGTH:
        raise PatternError(f"the expression has more than {MAXIMUM_LENGTH} characters", MAXIMUM_LENGTH)
    literal = _LITERAL_JS.match(expression) if dialect == "javascript" else None
    if literal is None:
        return _Translator(expression, dialect).run()
    translator = _Translator(expression[: literal.end(1)], dialect, start=1)
    unknown = set(literal[2]) - set("gimsuyd")
    if unknown:
        raise PatternError(f"the flag {min(unknown)} is unknown", literal.start(2))
    translator.flags("".join(flag for flag in literal[2] if flag in "ims"))
    return translator.run()


class _Translator:
    """One pass from left to right; every method takes what stands at `_at` and moves on."""

    def __init__(self, source: str, dialect: Dialect, start: int = 0) -> None:
        self._source, self._at = source, start
        self._dialect: Dialect = dialect
        self._out: list[str] = []
        self._length = 0
        self._result = Translation()
        self._open: list[int] = []
        self._repeats = [1]
        """How often something in it is repeated at most, by counts: for each group that is open, and the whole."""
        self._last_repeats = 1
        self._spaced = False
        self._may_repeat = False

    def run(self) -> Translation:
        while self._at < len(self._source):
            self._next()
        if self._open:
            raise PatternError("a parenthesis is not closed", self._open[-1])
        self._result.expression = "".join(self._out)
        return self._result

    def flags(self, flags: str) -> None:
        if flags:
            self._put(f"(?{flags})", 0)

    def _next(self) -> None:
        at, mark = self._at, self._source[self._at]
        if mark == "\\":
            self._escape()
        elif mark == "[":
            self._brackets()
        elif mark == "(":
            self._group()
        elif mark == ")":
            self._close()
        elif (quantifier := _QUANTIFIER.match(self._source, at)) is not None:
            self._quantify(quantifier[0])
        elif self._spaced and (mark.isspace() or mark == "#"):
            end = self._source.find("\n", at) if mark == "#" else at
            self._at = len(self._source) if end < 0 else end + 1
        else:
            self._plain(mark)

    def _plain(self, mark: str) -> None:
        if mark == "{" and self._dialect == "java":
            raise PatternError("a brace opens no quantifier; write \\{ for the character", self._at)
        self._emit(f"\\{mark}" if mark in "{}]" else mark, 1, repeatable=mark not in "^|")

    def _quantify(self, quantifier: str) -> None:
        at = self._at
        if not self._may_repeat:
            raise PatternError(f"nothing stands before {quantifier} that could be repeated", at)
        low, comma, high = quantifier.strip("{}").partition(",")
        if comma and high and int(low) > int(high):
            raise PatternError(f"{quantifier} asks for at least {low} and at most {high}", at)
        self._count(quantifier, max(int(count) if count.isdigit() else 1 for count in (low, high)))
        follows = self._source[at + len(quantifier) : at + len(quantifier) + 1]
        possessive = follows == "+" and self._dialect == "java"
        self._result.beyond_re2 |= possessive
        extra = follows if follows == "?" or possessive else ""
        self._emit(quantifier + extra, len(quantifier) + len(extra), repeatable=False)

    def _count(self, quantifier: str, most: int) -> None:
        repeats = self._last_repeats * most
        if repeats > MAXIMUM_REPEATS:
            problem = f"{quantifier} repeats what is repeated already, together more than {MAXIMUM_REPEATS} times"
            raise PatternError(problem, self._at)
        self._repeats[-1] = max(self._repeats[-1], repeats)

    def _opened(self, at: int) -> None:
        if len(self._open) >= MAXIMUM_NESTING:
            raise PatternError(f"more than {MAXIMUM_NESTING} groups stand in each other", at)
        self._open.append(at)
        self._repeats.append(1)

    def _group(self) -> None:
        at = self._at
        if not self._source.startswith("(?", at):
            self._opened(at)
            self._emit("(", 1, repeatable=False)
            return
        found = _GROUP.match(self._source, at + 1)
        if found is None:
            raise PatternError("this kind of group is unknown", at)
        if found["flags"] is not None:
            self._flag_group(found, at)
            return
        self._opened(at)
        self._result.beyond_re2 |= found["beyond"] is not None
        opening = f"(?P<{found['name']}>" if found["name"] else f"({found[0]}"
        self._emit(opening, 1 + len(found[0]), repeatable=False)

    def _flag_group(self, found: "re.Match[str]", at: int) -> None:
        on, minus, off = found["flags"].partition("-")
        for flag in on + off:
            if flag not in "imsxudU":
                raise PatternError(f"the flag {flag} is unknown", at)
        if "x" in on:
            self._spaced = True
        kept = "".join(flag for flag in on if flag in "ims")
        without = "".join(flag for flag in off if flag in "ims")
        flags = kept + (minus + without if without else "")
        if found["end"] == ":":
            self._opened(at)
            self._emit(f"(?{flags}:", 1 + len(found[0]), repeatable=False)
        else:
            self._emit(f"(?{flags})" if flags else "", 1 + len(found[0]), repeatable=False)

    def _close(self) -> None:
        if not self._open:
            raise PatternError("a parenthesis is closed that was never opened", self._at)
        self._open.pop()
        inside = self._repeats.pop()
        self._repeats[-1] = max(self._repeats[-1], inside)
        self._emit(")", 1, repeatable=True)
        self._last_repeats = inside

    def _escape(self) -> None:
        at = self._at
        name = self._source[at + 1 : at + 2]
        if not name:
            raise PatternError("the expression ends in a backslash", at)
        if name == "Q" and self._dialect == "java":
            self._quoted()
        elif name in "bB" and not self._source.startswith("{", at + 2):
            self._emit(f"\\{name}", 2, repeatable=False)
        elif name in "AzZ" and self._dialect == "java":
            self._emit("\\A" if name == "A" else "(?-m:$)", 2, repeatable=False)
        elif name == "R" and self._dialect == "java":
            self._emit(f"(?:\\r\\n|[{VERTICAL}])", 2, repeatable=True)
        elif name in "123456789" or name == "k":
            self._reference()
        else:
            self._class_or_character()

    def _class_or_character(self) -> None:
        found = set_escape(self._source, self._at, self._dialect)
        if found is None:
            mark, length = character(self._source, self._at, self._dialect)
            self._emit(f"[{inside_brackets(mark)}]", length, repeatable=True)
        else:
            inside, length, negated = found
            self._emit(f"[{'^' if negated else ''}{inside}]", length, repeatable=True)

    def _reference(self) -> None:
        found = re.compile(r"\\(?:([1-9][0-9]?)|k<([A-Za-z][A-Za-z0-9_]*)>)").match(self._source, self._at)
        if found is None:
            raise PatternError("\\k names no group", self._at)
        self._result.beyond_re2 = True
        self._emit(f"(?:\\{found[1]})" if found[1] else f"(?P={found[2]})", len(found[0]), repeatable=True)

    def _quoted(self) -> None:
        end = self._source.find("\\E", self._at)
        text = self._source[self._at + 2 : end if end >= 0 else len(self._source)]
        for mark in text:
            self._put(re.escape(mark), self._at)
        self._emit("", len(text) + (4 if end >= 0 else 2), repeatable=bool(text))

    def _brackets(self) -> None:
        found = brackets(self._source, self._at, self._dialect)
        self._result.beyond_re2 |= found.beyond_re2
        self._emit(found.text, found.end - self._at, repeatable=True)

    def _put(self, text: str, origin: int) -> None:
        self._result.origins.append((self._length, origin))
        self._out.append(text)
        self._length += len(text)

    def _emit(self, text: str, length: int, *, repeatable: bool, origin: int | None = None) -> None:
        self._put(text, self._at if origin is None else origin)
        self._at += length
        self._may_repeat = repeatable
        self._last_repeats = 1
