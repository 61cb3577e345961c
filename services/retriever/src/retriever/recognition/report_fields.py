"""The fields of a machine-readable report part (RFC 3464 section 2, RFC 5965 section 3), however damaged. Pure."""

import re
from collections.abc import Sequence

from retriever.parsing import charsets, words

MAXIMUM_BYTES = 256 * 1024
Block = dict[str, str]
"""Field name in lower case -> its value on one line; the first of several."""

_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9\-]{1,60})[ \t]*:[ \t]*(.*)")
_TYPED = re.compile(r"^\s*[A-Za-z0-9\-/]{1,40}\s*;\s*")
_EMBEDDED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_ANGLE = re.compile(r"<([^<>]*)>")


def blocks(content: bytes, *, begins: Sequence[str] = ()) -> list[Block]:
    """Groups of fields between blank lines. A field of `begins` that comes again begins a group of its own."""
    found: list[Block] = [{}]
    last: str | None = None
    text = charsets.decode(content[:MAXIMUM_BYTES], None).replace("\r\n", "\n").replace("\r", "\n")
    for line in text.split("\n"):
        field = _FIELD.match(line)
        if field is not None:
            name = last = field[1].lower()
            if name in begins and name in found[-1]:
                found.append({})
            found[-1].setdefault(name, field[2].strip())
        elif not line.strip():
            last = None
            found.append({})
        elif line[0] in " \t" and last is not None:
            found[-1][last] = f"{found[-1][last]} {line.strip()}"[:4000]
    return [{name: words.decode_words(value) for name, value in block.items()} for block in found if block]


def typed(value: str | None) -> str:
    """The value without its type: `rfc822; anna@shop.test` says `anna@shop.test`."""
    return _TYPED.sub("", value, count=1).strip() if value else ""


def address(value: str | None) -> str | None:
    """The address in a recipient field, without type, brackets and comments."""
    text = typed(value)
    angle = _ANGLE.search(text)
    if angle is not None:
        text = angle[1]
    text = text.partition(" (")[0].strip(" \t\"'<>,;")[:1000]
    return charsets.clean(_EMBEDDED.sub(_character, text)) or None


def _character(found: re.Match[str]) -> str:
    """A letter that is not ASCII, in a report that has to be (RFC 6533 section 3)."""
    code = int(found[1], 16)
    return chr(code) if 0x20 < code < 0x11_0000 else found[0]
