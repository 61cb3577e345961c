"""What a header value says: unfolded, with encoded words (RFC 2047) and raw 8-bit bytes as text."""

import binascii
import re

from retriever.parsing import charsets, transfer

MAXIMUM_VALUE = 100_000
"""Bytes of one field that are read."""

# No piece can cross a question mark, so hostile input costs linear time. The optional one before the end is for
# senders that leave a literal question mark as the last character of a Q word.
_ENCODED_WORD = re.compile(r"=\?([^?\s]+)\?([bBqQ])\?([^?]*\??)\?=")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


def unfold(value: bytes, hint: str | None = None) -> str:
    """The value on one line, encoded words left as they stand."""
    value = value[:MAXIMUM_VALUE]
    text = value.decode("ascii") if value.isascii() else charsets.decode(value, hint)
    if "\n" in text:
        text = " ".join([line.strip() for line in text.split("\n")])
    return text if text.isprintable() else _CONTROL.sub(" ", charsets.clean(text))


def read(value: bytes, hint: str | None = None) -> str:
    """The value as a person would read it. `hint`: the charset of raw 8-bit bytes that are not UTF-8."""
    text = unfold(value, hint)
    return decode_words(text) if "=?" in text else text


def decode_words(text: str) -> str:
    """RFC 2047 section 6.2: white space between two encoded words is not shown.

    Neighbours of one charset are joined before they are decoded: senders split multi-byte characters.
    """
    pieces: list[str] = []
    pending: list[bytes] = []
    charset: str | None = None
    position = 0
    for word in _ENCODED_WORD.finditer(text):
        gap = text[position : word.start()]
        label = word[1].partition("*")[0].lower()  # RFC 2231 section 5: charset*language
        if pending and (gap.strip() or label != charset):
            pieces.append(charsets.decode(b"".join(pending), charset))
            pending = []
        if gap.strip() or not position:
            pieces.append(gap)
        pending.append(_word_bytes(word[2], word[3]))
        charset = label
        position = word.end()
    if pending:
        pieces.append(charsets.decode(b"".join(pending), charset))
    pieces.append(text[position:])
    decoded = "".join(pieces)
    return decoded if decoded.isprintable() else _CONTROL.sub(" ", decoded)


def _word_bytes(encoding: str, encoded: str) -> bytes:
    data = encoded.encode("utf-8", "replace")
    return transfer.base64(data) if encoding in "bB" else binascii.a2b_qp(data, header=True)
