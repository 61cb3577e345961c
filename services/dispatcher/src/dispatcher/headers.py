"""How a header value is written so that every reader gets the same words back. Pure (RFC 5322, 2047, 2231, 6532)."""

import email.utils
import re
from collections.abc import Iterable
from email.charset import Charset
from email.header import Header
from urllib.parse import quote

import idna

from ece_common.errors import Invalid

CRLF = "\r\n"
# RFC 5322 section 2.1.1: a line should have at most 78 characters and must have at most 998.
PREFERRED_LINE = 78
LONGEST_LINE = 998

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")
_ATOM_TEXT = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\- ]+\Z")
_UTF8 = Charset("utf-8")
# RFC 2047 counts an encoded word's 75 characters; a filename piece stays well under a line (RFC 2231 section 3).
_PIECE = 60


def refuse_control(name: str, value: str) -> str:
    """Header injection ends here, whatever came before (RFC 5322 section 2.2: no CR or LF in a field body)."""
    found = _CONTROL.search(value)
    if found:
        raise Invalid.field(name, f"holds the control character U+{ord(found.group()):04X}, which no header may")
    return value.encode("utf-8", "replace").decode("utf-8")


def ascii_address(address: str) -> str:
    """The address with its domain as A-labels (RFC 5890) where that makes it plain ASCII; else as it was."""
    local, at, domain = address.rpartition("@")
    if address.isascii() or not local.isascii():
        return address
    try:
        return f"{local}{at}{idna.encode(domain, uts46=True).decode('ascii')}"
    except idna.IDNAError:
        return address


def text_value(name: str, value: str, *, utf8: bool = False) -> str:
    """An unstructured value, folded. Not ASCII: encoded words, or as it is when the message needs SMTPUTF8 anyway."""
    value = refuse_control(name, value).replace("\t", " ")
    raw = (value.isascii() or utf8) and "=?" not in value and value == value.strip()
    if raw and len(name) + 2 + len(value) <= PREFERRED_LINE:
        return value
    if raw and (folded := _folded(value, len(name) + 2)) is not None:
        return folded
    return Header(value, _UTF8, header_name=name).encode(linesep=CRLF)


def _folded(value: str, used: int) -> str | None:
    """Broken before single spaces; None when a word is too long for a line or spaces would be lost by folding."""
    words = value.split(" ")
    if "" in words or any(len(word) > LONGEST_LINE // 4 for word in words):
        return None
    lines, room = [""], PREFERRED_LINE - used
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
            room = PREFERRED_LINE - 1
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return f"{CRLF} ".join(lines)


def display_name(field: str, name: str, *, utf8: bool = False) -> str:
    """A phrase: as it is, quoted, or as encoded words."""
    name = refuse_control(field, name).replace("\t", " ").strip()
    if (not name.isascii() and not utf8) or "=?" in name:
        return Header(name, _UTF8, header_name=field).encode(linesep=CRLF)
    if _ATOM_TEXT.match(name) and "  " not in name:
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mailbox(field: str, address: str, name: str | None = None, *, utf8: bool = False) -> str:
    """`Name <address>`; one that would need SMTPUTF8 where there is none becomes an empty group (RFC 6857 3.1.8)."""
    address = refuse_control(field, ascii_address(address))
    if not address.isascii() and not utf8:
        return f"{display_name(field, f'{name} {address}' if name else address)} :;"
    if any(character in address for character in " <>,;"):
        raise Invalid.field(field, f"{address!r} is not an address that can stand in a header")
    return f"{display_name(field, name, utf8=utf8)} <{address}>" if name else address


def mailboxes(field: str, addresses: Iterable[str], *, utf8: bool = False) -> str:
    """A list of addresses, one a line when they do not fit on one."""
    written = [mailbox(field, address, utf8=utf8) for address in addresses]
    one_line = ", ".join(written)
    return one_line if len(field) + 2 + len(one_line) <= PREFERRED_LINE else f",{CRLF} ".join(written)


def message_id(field: str, value: str) -> str:
    value = refuse_control(field, value).strip()
    if not value.startswith("<"):
        value = f"<{value}>"
    if not value.isascii() or " " in value or len(value) > LONGEST_LINE - len(field) - 2:
        raise Invalid.field(field, "must be a message identifier such as <id@example.com>")
    return value


def message_ids(field: str, values: Iterable[str]) -> str:
    """References: those that cannot be written are left out, since a thread survives a missing link."""
    written: list[str] = []
    for value in values:
        try:
            written.append(message_id(field, value))
        except Invalid:
            continue
    return f"{CRLF} ".join(written)


def parameter(name: str, value: str) -> str:
    """`; name="value"`, or its RFC 2231 form, in pieces when it is long."""
    value = refuse_control(name, value)
    if value.isascii() and len(value) <= PREFERRED_LINE - 20:
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return f';{CRLF} {name}="{quoted}"'
    encoded = quote(value, safe="", encoding="utf-8", errors="replace")
    if len(encoded) <= _PIECE:
        return f";{CRLF} {name}*=utf-8''{encoded}"
    pieces = _pieces(encoded)
    head = f";{CRLF} {name}*0*=utf-8''{pieces[0]}"
    return head + "".join(f";{CRLF} {name}*{n}*={piece}" for n, piece in enumerate(pieces[1:], 1))


def _pieces(encoded: str) -> list[str]:
    """Cut between octets, never inside a percent triplet."""
    pieces: list[str] = []
    while encoded:
        end = _PIECE
        while end < len(encoded) and "%" in encoded[end - 2 : end]:
            end -= 1
        pieces.append(encoded[:end])
        encoded = encoded[end:]
    return pieces


def ascii_fallback(name: str) -> str:
    """A file name for readers that know no RFC 2231, with the extension kept where it is ASCII."""
    plain = "".join(c if c.isascii() and c not in '"\\' else "_" for c in name)
    stem, dot, extension = plain.rpartition(".")
    return plain if len(plain) <= 50 else f"{(stem or plain)[:40]}{dot}{extension[-8:]}"


date_value = email.utils.format_datetime
