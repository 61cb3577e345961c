"""Where a header ends and its body begins, and which fields it holds, undecoded (RFC 5322 section 2.2)."""

import re

MAXIMUM_FIELDS = 2000
MAXIMUM_CONTINUED = 100

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)\n?")
_ENVELOPE = re.compile(rb">?From [^\n]*\n")
# A line out of place among fields is taken as the rest of the field before it only when one of these still follows.
_LATER_FIELD = re.compile(
    rb"^(?:from|to|subject|date|message-id|mime-version|received|return-path|content-[a-z-]+)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_BLANKS = re.compile(rb"\s+(?=[!-9;-~]+[ \t]*:)")
_BLANK_LINE = re.compile(rb"\n\r?\n")


class Fields:
    """The fields of one header, in order, and the first value of each name."""

    __slots__ = ("_continued", "first", "pairs")

    def __init__(self) -> None:
        self.pairs: list[tuple[str, bytes]] = []
        self.first: dict[str, bytes] = {}
        self._continued = 0

    def add(self, name: str, value: bytes) -> None:
        if len(self.pairs) < MAXIMUM_FIELDS:
            self.pairs.append((name, value))
        self.first.setdefault(name.lower(), value)

    def every(self, name: str) -> list[bytes]:
        return [value for found, value in self.pairs if found.lower() == name] if name in self.first else []

    def continue_last(self, data: bytes, position: int) -> bool:
        """Takes the line as the rest of the field before it. False: that happened too often to be a header."""
        self._continued += 1
        name, value = self.pairs[-1]
        longer = value + b" " + data[position : data.find(b"\n", position)].strip()
        self.pairs[-1] = (name, longer)
        if self.first[name.lower()] is value:
            self.first[name.lower()] = longer
        return self._continued <= MAXIMUM_CONTINUED


def beginning(data: bytes) -> int:
    """Where the mail's own header begins: some programs put blank lines before it."""
    blanks = _BLANKS.match(data)
    return blanks.end() if blanks is not None else 0


def read_fields(data: bytes, start: int, end: int) -> tuple[Fields, int]:
    """The fields from `start`, and where the body begins (`end` when there is none)."""
    fields = Fields()
    envelope = _ENVELOPE.match(data, start, end)
    position = envelope.end() if envelope else start
    fields_go_on_until = -1
    while position < end:
        first = data[position]
        if first == 10:
            return fields, position + 1
        if first == 13 and data[position + 1 : position + 2] == b"\n":
            return fields, min(position + 2, end)
        found = _FIELD.match(data, position, end)
        if found is not None:
            fields.add(found[1].decode("ascii"), found[2].rstrip())
            position = found.end()
            continue
        if data.startswith(b"--", position):  # a boundary: someone forgot the blank line
            return fields, position
        if fields_go_on_until < 0:
            fields_go_on_until = _last_field(data, position, end) if fields.pairs else 0
        if position >= fields_go_on_until or not fields.continue_last(data, position):
            return fields, position
        position = data.find(b"\n", position, end) + 1
    return fields, end


def _last_field(data: bytes, position: int, end: int) -> int:
    """Where the last well-known field before the next blank line begins; 0 when there is none."""
    blank = _BLANK_LINE.search(data, position, end)
    if blank is None:
        return 0
    return max((found.start() for found in _LATER_FIELD.finditer(data, position, blank.start())), default=0)
