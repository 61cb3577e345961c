"""The value of a structured field and its parameters (RFC 2045 section 5.1), with RFC 2231 names put together."""

import re
from urllib.parse import unquote_to_bytes

from retriever.parsing import charsets, words

_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.){0,2000}"|[^;]*)', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_CONTINUED = re.compile(r"([^*]+)(?:\*(\d{1,4}))?(\*)?$")
MAXIMUM_PARAMETERS = 200


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
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, value in found.items():
        match = _CONTINUED.match(name)
        if match is None or "*" not in name:
            plain[name] = value
            continue
        number = int(match[2]) if match[2] else 0
        pieces.setdefault(match[1], {})[number] = (value, match[3] is not None)
    for name, numbered in pieces.items():
        if name in plain:
            plain[f"{name}*"] = plain[name]  # what other programs may read
        plain[name] = _joined([numbered[number] for number in sorted(numbered)])
    return plain


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
