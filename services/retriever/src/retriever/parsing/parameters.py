"""The value of a structured field and its parameters (RFC 2045 section 5.1), with RFC 2231 names put together."""

import re
from itertools import islice
from urllib.parse import unquote_to_bytes

from retriever.parsing import charsets, words

_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.){0,2000}"|[^;]*)', re.DOTALL)
# Anything that some program may take for a file's name, whatever grammar says: up to the next parameter.
_NAME = re.compile(
    r"(?<![\w-])(?:file)?name\s*+(?P<piece>\*\d+)?+\*?+\s*+(?:\([^()]*+\)\s*+)?+=(?P<value>.*?)(?=;\s*+[!-:<>-~]++\s*+=|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_COMMENT = re.compile(r"\([^()]*\)")
_ESCAPED = re.compile(r'\\(["\\])')
_CONTINUED = re.compile(r"([^*]+)(?:\*(\d{1,4}))?(\*)?$")
MAXIMUM_PARAMETERS = 200
_LONGEST_NAMED = 16 * 1024
_MAXIMUM_NAMES = 20


def read(value: bytes, hint: str | None = None) -> tuple[str, dict[str, str]]:
    """`Text/plain; charset=UTF-8` -> ("text/plain", {"charset": "UTF-8"})."""
    text = words.unfold(value, hint)
    semicolon = text.find(";")
    if semicolon < 0:
        return _token(text), {}
    found: dict[str, str] = {}
    extended = False
    for count, match in enumerate(_PARAMETER.finditer(text, semicolon)):
        if count >= MAXIMUM_PARAMETERS:
            break
        name = match[1].lower()
        extended = extended or "*" in name
        found.setdefault(name, _unquoted(match[2]))
    return _token(text[:semicolon]), _assembled(found) if extended else found


def names(value: bytes, hint: str | None = None) -> list[str]:
    """Every file name that could be read out of a field: of parameters that come twice, without the semicolon that
    should stand before them, unquoted with blanks and semicolons in them, with comments.
    """
    found: dict[str, None] = {}
    for match in islice(_NAME.finditer(words.unfold(value, hint)[-_LONGEST_NAMED:]), _MAXIMUM_NAMES):
        if match["piece"] is None:  # a name may be cut anywhere: its pieces tell nothing by themselves
            written = match["value"].strip()
            found[_unquoted(written)] = None
            found[_COMMENT.sub("", written).replace('"', "")] = None
    return list(found)


def _token(text: str) -> str:
    return text.partition("(")[0].strip().lower()


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == '"' == value[-1]:
        return _ESCAPED.sub(r"\1", value[1:-1])
    return value.strip('"')


def _assembled(found: dict[str, str]) -> dict[str, str]:
    """RFC 2231 sections 3 and 4: `name*0*=utf-8''a%20; name*1=b` is one `name`. It wins over a plain one."""
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, str, bool]]] = {}
    for name, value in found.items():
        match = _CONTINUED.match(name)
        if match is None or "*" not in name:
            plain[name] = value
            continue
        pieces.setdefault(match[1], []).append((int(match[2]) if match[2] else 0, value, match[3] is not None))
    for name, numbered in pieces.items():
        others = [plain[name]] if name in plain else []
        numbered.sort(key=_number)
        plain[name], *others[len(others) :] = _readings(numbered)
        for stars, other in enumerate(others, 1):
            plain[name + "*" * stars] = other  # what other programs may read
    return plain


def _number(piece: tuple[int, str, bool]) -> int:
    return piece[0]


def _readings(numbered: list[tuple[int, str, bool]]) -> list[str]:
    """All pieces put together; only those before a gap in the numbers; of two with one number the last."""
    last = {number: (value, encoded) for number, value, encoded in numbered}
    first = {number: (value, encoded) for number, value, encoded in reversed(numbered)}
    unbroken = [last[number] for place, number in enumerate(last) if number == place + min(last)]
    ways = ([first[number] for number in sorted(first)], list(last.values()), unbroken)
    return list(dict.fromkeys(map(_joined, ways)))


def _joined(pieces: list[tuple[str, bool]]) -> str:
    charset: str | None = None
    first, encoded = pieces[0]
    if encoded and first.count("'") >= 2:
        charset, _language, first = first.split("'", 2)
    data = b"".join(
        unquote_to_bytes(value) if is_encoded else value.encode("utf-8", "replace")
        for value, is_encoded in [(first, encoded), *pieces[1:]]
    )
    return charsets.decode(data, charset)
