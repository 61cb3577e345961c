"""Which parts a MIME mail is made of (RFC 2046): offsets into its bytes, without recursion and without loss.

The bytes themselves are never rewritten: a leaf is a range of the original. So a forwarded mail or a delivery report
comes out whole, byte for byte, and a 30 MB attachment costs one scan for its boundary. Measured against the standard
library's parser, which handles every line in Python and recurses into every level: several times faster.
"""

from dataclasses import dataclass, field

from retriever.parsing import parameters
from retriever.parsing.fields import Fields, beginning, read_fields

MAXIMUM_DEPTH = 50
MAXIMUM_PARTS = 1000
MAXIMUM_LOOKALIKES = 20_000
"""Places in one part that begin like its boundary and are none; what follows them is not searched any further."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part with content: `start` to `end` of the mail's bytes, still in its transfer encoding.

    `path`: for every level, which child it is and whether that level offers alternatives.
    `prefix`: bytes that belong before the range when the range was cut out of a multipart.
    """

    fields: Fields
    content_type: str
    parameters: dict[str, str]
    start: int
    end: int
    path: tuple[tuple[int, bool], ...] = ()
    whole: bool = False
    """Taken as it stands, transfer encoding and all: what lay too deep, or behind too many parts."""
    prefix: bytes = b""


@dataclass(slots=True)
class _Node:
    start: int
    end: int
    path: tuple[tuple[int, bool], ...]
    default_type: str = "text/plain"


@dataclass(slots=True)
class _Walk:
    data: bytes
    leaves: list[Leaf] = field(default_factory=list[Leaf])
    stack: list[_Node] = field(default_factory=list[_Node])


def read(data: bytes) -> tuple[Fields, list[Leaf]]:
    """The mail's own fields and its leaves in order. There is at least one leaf."""
    walk = _Walk(data)
    top = _visit(walk, _Node(beginning(data), len(data), ()))
    while walk.stack:
        _visit(walk, walk.stack.pop())
    return top, walk.leaves


def _visit(walk: _Walk, node: _Node) -> Fields:
    fields, body = read_fields(walk.data, node.start, node.end)
    kind, options = _content_type(fields, node.default_type)
    if not kind.startswith("multipart/"):
        walk.leaves.append(Leaf(fields, kind, options, body, node.end, node.path))
    elif len(node.path) >= MAXIMUM_DEPTH:
        walk.leaves.append(Leaf(fields, "message/rfc822", {}, node.start, node.end, node.path, whole=True))
    else:
        _open(walk, node, fields, body, (kind, options.get("boundary", "").rstrip()))
    return fields


def _open(walk: _Walk, node: _Node, fields: Fields, body: int, multipart: tuple[str, str]) -> None:
    kind, boundary = multipart
    room = max(MAXIMUM_PARTS - len(walk.leaves) - len(walk.stack), 1)
    delimiter = b"--" + boundary.encode("utf-8", "surrogateescape")
    ranges, rest = _children(walk.data, body, node.end, delimiter, room) if boundary else ([], None)
    if not any(walk.data[start:end].strip() for start, end in ranges):
        # No boundary, or one that never comes, or nothing but white space in the parts: what stands beside them is
        # all there is, and a person can read it.
        walk.leaves.append(Leaf(fields, "text/plain", {}, body, node.end, node.path))
        return
    if rest is not None:
        header = (
            b'Content-Type: multipart/mixed; boundary="' + boundary.encode("utf-8", "surrogateescape") + b'"\r\n\r\n'
        )
        walk.leaves.append(Leaf(fields, "message/rfc822", {}, rest, node.end, node.path, whole=True, prefix=header))
    child_type = "message/rfc822" if kind == "multipart/digest" else "text/plain"
    alternative = kind == "multipart/alternative"
    for index in range(len(ranges) - 1, -1, -1):
        start, end = ranges[index]
        walk.stack.append(_Node(start, end, (*node.path, (index, alternative)), child_type))


def _content_type(fields: Fields, default: str) -> tuple[str, dict[str, str]]:
    value = fields.first.get("content-type")
    if value is None:
        return default, {}
    kind, options = parameters.read(value)
    # RFC 2045 section 5.2: a type nobody can understand is plain text; `text` alone is common.
    return (kind, options) if kind.count("/") == 1 and not kind.startswith("/") else ("text/plain", options)


def _children(
    data: bytes, start: int, end: int, delimiter: bytes, room: int
) -> tuple[list[tuple[int, int]], int | None]:
    """The ranges between delimiter lines, and where the rest begins when there are more than `room`."""
    ranges: list[tuple[int, int]] = []
    opened: int | None = None
    position, lookalikes = start, 0
    while lookalikes <= MAXIMUM_LOOKALIKES and (position := data.find(delimiter, position, end)) >= 0:
        line = _delimiter_line(data, position, start, end, len(delimiter))
        if line is None:
            position += len(delimiter)
            lookalikes += 1
            continue
        after, closes = line
        if opened is not None:
            ranges.append((opened, max(_before_line_end(data, position, opened), opened)))
        if closes:
            return ranges, None
        if len(ranges) >= room:
            return ranges, position
        opened = position = after
    if opened is not None:  # the closing delimiter never came
        ranges.append((opened, end))
    return ranges, None


def _delimiter_line(data: bytes, position: int, start: int, end: int, length: int) -> tuple[int, bool] | None:
    """Where the line after the delimiter begins and whether it closes; None when this is not a delimiter line.

    RFC 2046 section 5.1.1: at the start of a line, followed by `--` or nothing, then only white space.
    """
    if position > start and data[position - 1] != 10:
        return None
    after = position + length
    closes = data.startswith(b"--", after)
    if closes:
        after += 2
    line_end = data.find(b"\n", after, end)
    stop = end if line_end < 0 else line_end
    if stop - after > 1000 or data[after:stop].strip(b" \t\r"):
        # A longer boundary that begins like ours, or ordinary text.
        return None
    return (end if line_end < 0 else line_end + 1), closes


def _before_line_end(data: bytes, position: int, start: int) -> int:
    """The line end before a delimiter belongs to the delimiter."""
    if position > start and data[position - 1] == 10:
        position -= 1
        if position > start and data[position - 1] == 13:
            position -= 1
    return position
