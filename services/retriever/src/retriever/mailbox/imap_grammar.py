"""IMAP's notation (RFC 3501, RFC 9051 section 9): sets, dates, folder names, FETCH answers. Pure."""

import base64
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone

Item = bytes | None
"""A value in a FETCH answer; None is NIL. Lists come as their raw text."""

_MONTHS = {name: number for number, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_DATE = re.compile(rb"\s?(\d{1,2})-(\w{3})-(\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})")
_LITERAL = re.compile(rb"~?\{(\d{1,12})\+?\}$")
_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*)"|([()]|[^\s()"\[]+(?:\[[^\]]*\](?:<\d+>)?)?)')
_ESCAPED = re.compile(rb"\\(.)")
_SAFE_ASTRING = re.compile(r"[A-Za-z0-9!#$&'+,./:;<=>?@^_`|~-]+")


def literal_size(line: bytes) -> int | None:
    """How many octets follow this line, when it ends in {n} and may do so.

    Text for people (OK, NO, BAD, BYE) may end in anything at all.
    """
    if not line.endswith(b"}") or line[:5].upper() in (b"* OK ", b"* NO ", b"* BAD", b"* BYE"):
        return None
    found = _LITERAL.search(line)
    return int(found[1]) if found is not None else None


def fetched(parts: Sequence[bytes]) -> dict[bytes, Item]:
    """The items of one `* n FETCH (...)` answer: text, literal, text, ... -> item name in upper case -> value."""
    values: dict[bytes, Item] = {}
    name: bytes | None = None
    depth = 0
    for literal, token in _tokens(parts):
        if not literal and token in (b"(", b")"):
            depth += 1 if token == b"(" else -1
            # A list (FLAGS and the like) is a value we never ask for.
            name = name if depth > 1 else None
        elif depth == 1 and name is None:
            name = token.upper()
        elif depth == 1 and name is not None:
            values[name] = None if not literal and token.upper() == b"NIL" else token
            name = None
    return values


def _tokens(parts: Sequence[bytes]) -> Iterator[tuple[bool, bytes]]:
    """Every token, and whether it is content (a literal or quoted string) rather than notation."""
    for number, part in enumerate(parts):
        if number % 2:
            yield True, part
            continue
        text = part[part.find(b"(") :] if number == 0 else part
        for found in _TOKEN.finditer(_LITERAL.sub(b"", text)):
            quoted, bare = found[1], found[2]
            yield (True, _ESCAPED.sub(rb"\1", quoted)) if quoted is not None else (False, bare)


def received(text: bytes) -> datetime | None:
    """INTERNALDATE, `17-Jul-1996 02:44:25 -0700`; None when it is no date."""
    found = _DATE.fullmatch(text)
    if found is None or found[2].lower() not in _MONTHS:
        return None
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    day, year, hour, minute, second = (int(found[number]) for number in (1, 3, 4, 5, 6))
    try:
        zone = timezone(-offset if found[7] == b"-" else offset)
        return datetime(year, _MONTHS[found[2].lower()], day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None


def sequence_set(uids: Sequence[int]) -> str:
    """Ascending UIDs as a set: 1,2,3,7 -> 1:3,7. Commands stay short however many mails there are."""
    spans: list[list[int]] = []
    for uid in uids:
        if spans and uid == spans[-1][1] + 1:
            spans[-1][1] = uid
        else:
            spans.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in spans)


def numbers(text: bytes, limit: int) -> list[int]:
    """A set back into its lowest `limit` numbers, ascending: 1:3,7 -> 1,2,3,7."""
    spans: list[tuple[int, int]] = []
    for span in text.split(b","):
        first, _, last = span.partition(b":")
        if first.isdigit() and (not last or last.isdigit()):
            low, high = sorted((int(first), int(last or first)))
            spans.append((low, high))
    found: list[int] = []
    for low, high in sorted(spans):
        found.extend(range(low, min(high, low + limit - len(found) - 1) + 1))
    return found


def folder_name(name: str) -> str:
    """Modified UTF-7 (RFC 3501 section 5.1.3); `inbox` in any case is INBOX."""
    if name.upper() == "INBOX":
        return "INBOX"
    pieces: list[str] = []
    for run in re.findall(r"[\x20-\x7e]+|[^\x20-\x7e]+", name):
        if run.isascii() and run.isprintable():
            pieces.append(run.replace("&", "&-"))
        else:
            encoded = base64.b64encode(run.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
            pieces.append(f"&{encoded}-")
    return "".join(pieces)


def astring(value: str) -> str | bytes:
    """An argument as an atom or quoted string; bytes when only a literal can carry it."""
    if _SAFE_ASTRING.fullmatch(value):
        return value
    # RFC 3501: a quoted string holds 7-bit text without CR, LF and NUL.
    if value.isascii() and value.isprintable() and len(value) < 1000:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value.encode()
