"""What a body is without its transfer encoding (RFC 2045 section 6), salvaged where it is broken."""

import binascii
import io
import re
from collections.abc import Iterator

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_STRAY = bytes(code for code in range(256) if code not in _ALPHABET)
_OF_BASE64 = _ALPHABET + b"=\r\n\t"
_PADDING = re.compile(rb"(=+)")
_MAXIMUM_PIECES = 500_000
"""More than the lines of any mail we download. Each costs a hundred bytes of memory, whatever it holds."""


def decode(body: bytes, encoding: str) -> bytes:
    """Never fails, and never returns nothing for something: what cannot be decoded stays as it is."""
    match encoding:
        case "base64":
            return base64(body)
        case "quoted-printable":
            return binascii.a2b_qp(body)
        case "x-uuencode" | "uuencode" | "uue" | "x-uue":
            return _uuencoded(body)
        case _:
            return body


def base64(body: bytes) -> bytes:
    stray = len(body.translate(None, _OF_BASE64))
    if stray * 20 > len(body) and b" " in body.strip():
        return body  # words under a wrong label: base64 has no blanks in its lines
    padding = body.find(b"=")
    if padding < 0 or not body[padding:].strip(b"=\r\n\t "):
        try:
            return binascii.a2b_base64(body) or _or_raw(b"", body)
        except binascii.Error:
            pass
    return _or_raw(b"".join(_pieces(body)), body)


def _pieces(body: bytes) -> Iterator[bytes]:
    """Several encoded pieces one behind the other: the decoder would stop at the first padding and lose the rest.

    An equals sign where no padding can stand is a stray one, and what follows it goes on where the piece stopped.
    """
    held: list[bytes] = []
    length = padding = 0
    for number, found in enumerate(_PADDING.split(body, _MAXIMUM_PIECES)):
        if number % 2:
            padding += len(found)
            if length % 4 == 0 or (length % 4 > 1 and padding >= 4 - length % 4):
                yield _piece(b"".join(held))
                held, length, padding = [], 0, 0
        elif digits := found.translate(None, _STRAY):
            held.append(digits)
            length, padding = length + len(digits), 0
    yield _piece(b"".join(held))


def _piece(digits: bytes) -> bytes:
    whole = len(digits) - (1 if len(digits) % 4 == 1 else 0)
    return binascii.a2b_base64(digits[:whole] + b"=" * (-whole % 4))


def _or_raw(decoded: bytes, body: bytes) -> bytes:
    return decoded or (body if body.strip(b"=\r\n\t ") else b"")


def _uuencoded(body: bytes) -> bytes:
    begin = re.search(rb"^begin [0-7]{3,4} [^\n]*\n", body, re.MULTILINE)
    if begin is None:
        return body
    decoded = bytearray()
    # Line by line out of one buffer: a list of them is many times larger than the mail when they are short.
    for ended in io.BytesIO(body[begin.end() :]):
        line = ended.rstrip(b"\r\n")
        if line.strip() in (b"end", b"`"):
            break
        try:
            decoded += binascii.a2b_uu(line)
        except binascii.Error:
            # Some encoders pad lines: the first character says how many bytes count.
            length = (((line[0] - 32) & 63) * 4 + 5) // 3 if line else 0
            try:
                decoded += binascii.a2b_uu(line[:length])
            except binascii.Error:
                return body
    return bytes(decoded)
