"""Whether everything a mail carries came out of parsing: measured against the standard library's own walk."""

import base64
import email
import email.message
import re
from collections.abc import Iterable
from email.errors import MessageError, MissingHeaderBodySeparatorDefect

from retriever.parsing import ParsedMail

# Letters of unlabelled or wrongly labelled mail may be halves of characters in these.
MULTI_BYTE = ("big5hkscs", "gb18030", "cp949", "shift_jisx0213", "euc_jis_2004", "iso2022_jp_ext")
_DELIMITER = r"^--(?!\s*$).*\n?"
# What mail is really in that says it is ASCII, or nothing.
UNLABELLED = (
    "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874", "koi8_r", "koi8_u", "cp866",
    "iso8859_2", "iso8859_5", "iso8859_7", "iso8859_9", "iso8859_15", "mac_cyrillic", "mac_roman",
)  # fmt: skip


def lost(data: bytes, mail: ParsedMail) -> list[str]:
    """One line for each leaf of which something is nowhere in what was parsed."""
    haystacks = [read(text) for text in _written(mail) for read in (_essence, _letters)]
    return [
        f"leaf {number} is lost: {min(readings)[:60]}"
        for number, readings in enumerate(_leaves(data))
        if not any(reading in haystack for reading in readings for haystack in haystacks)
    ]


def _written(mail: ParsedMail) -> Iterable[str]:
    header = "".join(f"{name}{value}" for name, value in mail.headers)
    yield header + (mail.text or "")
    yield header + (mail.html or "")
    for file in mail.attachments:
        yield file.content.decode("latin-1")


def _leaves(data: bytes) -> Iterable[set[str]]:
    """An independent walk: the standard library's parser, whose own failures on some mails are skipped.

    For each leaf the ways in which its content may rightly be read: with or without the transfer encoding (a wrong
    label may be ignored), in its own charset or byte by byte.
    """
    for part in _outer_parts(data):
        if _unopened(part):
            for piece in _behind_delimiters(part):
                yield from _leaves(piece)
            continue
        if part.is_multipart():
            readings = {_essence("".join(f"{name}{value}" for name, value in _first_inner(part)))}
        else:
            readings = _readings(part)
        if any(readings):  # a reading without a letter would be found anywhere
            yield {reading for reading in readings if reading}


def _outer_parts(data: bytes) -> "Iterable[email.message.Message[str, str]]":
    """Every leaf, and what a mail carries in a part as one."""
    try:
        parts = list(email.message_from_bytes(data).walk())
    except (MessageError, ValueError, LookupError, RecursionError):
        return
    inside: set[int] = set()
    for part in parts:
        carries = part.get_content_maintype() == "message" and part.is_multipart()
        if id(part) not in inside and (carries or not (part.is_multipart() or _says_it_misread(part))):
            yield part
        if carries:
            inside.update(id(inner) for inner in part.walk())


def _says_it_misread(part: "email.message.Message[str, str]") -> bool:
    """It took header lines for the beginning of the body."""
    return any(isinstance(defect, MissingHeaderBodySeparatorDefect) for defect in part.defects)


def _unopened(part: "email.message.Message[str, str]") -> bool:
    """It did not find the boundary, as when that is folded: what it has is the whole body."""
    unfound = part.get_content_maintype() == "multipart" and not part.is_multipart()
    return unfound and re.search(_DELIMITER, str(part.get_payload()), re.MULTILINE) is not None


def _behind_delimiters(part: "email.message.Message[str, str]") -> list[bytes]:
    raw = str(part.get_payload())
    _, *pieces = re.split(_DELIMITER, raw, flags=re.MULTILINE)
    if re.search(r"^--.*--\s*$", raw, re.MULTILINE):
        pieces.pop()
    return [piece.encode("utf-8", "surrogateescape") for piece in pieces]


def _first_inner(part: "email.message.Message[str, str]") -> list[tuple[str, str]]:
    """The fields of a forwarded mail, or of the last block of a delivery report."""
    inner = part.get_payload(-1)
    assert isinstance(inner, email.message.Message)
    return [(name, str(value)) for name, value in inner.items()]


def _readings(part: "email.message.Message[str, str]") -> set[str]:
    raw = str(part.get_payload()).encode("utf-8", "surrogateescape")
    contents = [_decoded(part, raw), raw]
    if not _letters(_read_as(contents[0], "latin-1")):
        return set()
    if "base64" in str(part.get("Content-Transfer-Encoding")).lower():
        digits = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
        contents.append(base64.b64decode(digits[: len(digits) // 4 * 4]))
    charsets = ["latin-1", part.get_content_charset("utf-8"), *MULTI_BYTE]
    if part.get_content_charset("us-ascii") == "us-ascii" and not contents[0].isascii():
        charsets += UNLABELLED
    texts = [_read_as(content, charset) for content in contents for charset in charsets]
    return {_essence(text) for text in texts} | {_letters(text) for text in texts}


def _decoded(part: "email.message.Message[str, str]", raw: bytes) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        return raw
    return payload if isinstance(payload, bytes) else raw


def _read_as(content: bytes, charset: str) -> str:
    try:
        return content.decode(charset, "ignore")
    except (LookupError, ValueError):
        return content.decode("latin-1")


def _essence(text: str) -> str:
    """Letters and digits of ASCII: the same in almost every charset and with any line ends."""
    return re.sub(r"[^A-Za-z0-9]+", "", text)


def _letters(text: str) -> str:
    """Letters of every alphabet, for texts that have none of ASCII."""
    return re.sub(r"[\W_]+", "", text)
