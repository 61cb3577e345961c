r"""What an escape in a Java or JavaScript expression stands for: one character, or a set of them. Pure.

Sources: java.util.regex.Pattern (Java 21), ECMA-262 section 22.2.1. Where Java counts ASCII (`\d`, `\w`, `\s`, the
POSIX classes), so does this. A set is given as text for inside brackets.
"""

import re
from typing import Literal

Dialect = Literal["java", "javascript"]


class PatternError(ValueError):
    """An expression that cannot be used. `position` counts characters from 0."""

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(f"{problem} at position {position}")
        self.problem = problem
        self.position = position


_BLANKS = "\t-\r "
_JS_BLANKS = "\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_HORIZONTAL = "\t \xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000"
VERTICAL = "\n-\r\x85\u2028\u2029"
EVERYTHING = "\\x00-\U0010ffff"
# What stands inside brackets for each; upper case stands for everything else.
_CLASSES: dict[Dialect, dict[str, str]] = {
    "java": {"d": "0-9", "w": "A-Za-z0-9_", "s": _BLANKS, "h": _HORIZONTAL, "v": VERTICAL},
    "javascript": {"d": "0-9", "w": "A-Za-z0-9_", "s": _JS_BLANKS},
}
_POSIX = {
    "Lower": "a-z", "Upper": "A-Z", "ASCII": r"\x00-\x7f", "Alpha": "A-Za-z", "Digit": "0-9", "Alnum": "0-9A-Za-z",
    "Punct": r"!-/:-@\[-`{-~", "Graph": "!-~", "Print": " -~", "Blank": r" \t", "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9A-Fa-f", "Space": _BLANKS, "javaLowerCase": r"\p{Ll}", "javaUpperCase": r"\p{Lu}",
    "javaWhitespace": _BLANKS, "IsAlphabetic": r"\p{L}", "IsDigit": r"\p{Nd}", "IsLetter": r"\p{L}",
    "IsLowercase": r"\p{Ll}", "IsUppercase": r"\p{Lu}", "IsPunctuation": r"\p{P}", "IsWhite_Space": _JS_BLANKS,
    "L1": r"\x00-\xff", "all": EVERYTHING,
}  # fmt: skip
_CATEGORY = re.compile(r"[CLMNPSZ][a-z&]?\Z")
_PREFIX = re.compile(r"^(?:Is|In|(?:gc|general_category|General_Category|sc|script|Script)=)")
_SCRIPTS = frozenset(
    {
        "Latin", "Greek", "Cyrillic", "Armenian", "Hebrew", "Arabic", "Thai", "Georgian", "Hangul", "Hiragana",
        "Katakana", "Han", "Devanagari", "Bengali", "Tamil", "Telugu", "Common",
    }
)  # fmt: skip
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "a": "\a", "e": "\x1b", "v": "\v"}
_NAMED = re.compile(r"\\[pP](?:\{\^?([^{}]*)\}|(.))")
_HEXADECIMAL = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|[xu]\{([0-9A-Fa-f]{1,6})\})")
_OCTAL = re.compile(r"\\0([0-3]?[0-7]{0,2})")
_CONTROL = re.compile(r"\\c([A-Za-z])")


def set_escape(source: str, at: int, dialect: Dialect) -> tuple[str, int, bool] | None:
    """The set an escape stands for, its length, and whether it means everything else. None: one character."""
    name = source[at + 1 : at + 2]
    known = _CLASSES[dialect]
    if name.lower() in known:
        return known[name.lower()], 2, name.isupper()
    if name not in ("p", "P"):
        return None
    found = _NAMED.match(source, at)
    if found is None:
        raise PatternError("\\p names no property", at)
    inside = _property((found[1] or found[2] or "").strip())
    if inside is None:
        raise PatternError(f"the property {found[1] or found[2]} is unknown", at)
    return inside, len(found[0]), name == "P"


def _property(name: str) -> str | None:
    if name in _POSIX:
        return _POSIX[name]
    bare = _PREFIX.sub("", name)
    return f"\\p{{{bare}}}" if _CATEGORY.match(bare) or bare in _SCRIPTS else None


def character(source: str, at: int, dialect: Dialect) -> tuple[str, int]:
    """The one character an escape stands for, and its length."""
    name = source[at + 1 : at + 2]
    if name in _CONTROLS and not (name in "ae" and dialect == "javascript"):
        return _CONTROLS[name], 2
    if (found := _HEXADECIMAL.match(source, at)) is not None:
        return _code(found[1] or found[2] or found[3], 16, at), len(found[0])
    if (found := _OCTAL.match(source, at)) is not None:
        return _code(found[1] or "0", 8, at), len(found[0])
    if (found := _CONTROL.match(source, at)) is not None:
        return chr(ord(found[1].upper()) ^ 64), 3
    if not name or name.isalnum():
        raise PatternError(f"the escape \\{name} is unknown", at)
    return name, 2


def _code(digits: str, base: int, at: int) -> str:
    code = int(digits, base)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise PatternError(f"there is no character with the code {digits}", at)
    return chr(code)


def inside_brackets(mark: str) -> str:
    """One character as both engines take it for itself inside brackets."""
    if mark.isalnum() or mark in " _" or ord(mark) > 0x7F:
        return mark
    return f"\\x{ord(mark):02x}"
