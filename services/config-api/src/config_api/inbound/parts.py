"""multipart/form-data -> its two parts, without copying the large one (RFC 7578). Pure.

Starlette's form parser writes parts of more than a megabyte to temporary files, and needs about ten times as long.
"""

import re
from dataclasses import dataclass

from ece_common.errors import Invalid

_BOUNDARY = re.compile(
    r"""^multipart/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s";,]{1,70}))""", re.IGNORECASE
)
_NAME = re.compile(
    rb"""^content-disposition:[^\r\n]*;\s*name="?(batch|contents)"?\s*(?:;|\r|$)""", re.IGNORECASE | re.MULTILINE
)
_HEADER_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Parts:
    batch: memoryview
    contents: memoryview


def split(content_type: str, body: bytes) -> Parts:
    """Raise `Invalid` unless the body has the part `batch` and at most one part `contents`, and no other."""
    found = _BOUNDARY.match(content_type)
    if found is None:
        raise Invalid.field("header.content-type", "must be multipart/form-data with a boundary")
    delimiter = b"--" + (found[1] or found[2]).encode("latin-1")
    if not body.startswith(delimiter):
        raise Invalid.field("body", "does not begin with the boundary that Content-Type names")
    named = _parts(body, delimiter)
    if "batch" not in named:
        raise Invalid.field("batch", "the part is missing")
    return Parts(named["batch"], named.get("contents", memoryview(b"")))


def _parts(body: bytes, delimiter: bytes) -> dict[str, memoryview]:
    whole = memoryview(body)
    named: dict[str, memoryview] = {}
    position = len(delimiter)
    while body[position : position + 2] == b"\r\n":
        head = body.find(b"\r\n\r\n", position, position + _HEADER_LIMIT)
        end = body.find(b"\r\n" + delimiter, head + 2)
        if head < 0 or end < 0:
            raise Invalid.field("body", "a part has no end: was the body cut off?")
        name = _name(body[position + 2 : head])
        if name in named:
            raise Invalid.field(name, "the part may be there only once")
        named[name] = whole[head + 4 : max(end, head + 4)]
        position = end + 2 + len(delimiter)
    if body[position : position + 2] != b"--":
        raise Invalid.field("body", "the closing boundary is missing: was the body cut off?")
    return named


def _name(headers: bytes) -> str:
    found = _NAME.search(headers)
    if found is None:
        raise Invalid.field("body", "takes the parts `batch` and `contents` only")
    return found[1].decode("ascii").lower()
