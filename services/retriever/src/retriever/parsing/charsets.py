"""Which characters some bytes are, whatever their label says."""

import codecs
import re
from functools import lru_cache

from charset_normalizer import from_bytes

GUESS_FROM = 16 * 1024
"""Bytes that are looked at when the charset has to be guessed; guessing costs milliseconds."""

# Labels as mail carries them -> the codec that reads what is really sent under them (mostly WHATWG's mapping).
_MEANT = {
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso_8859-1": "cp1252",
    "ansi": "cp1252",
    "ansi_x3.110-1983": "cp1252",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "big5": "big5hkscs",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-6-i": "iso8859-6",
    "windows-874": "cp874",
    "tis-620": "cp874",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "x-utf-8": "utf-8",
    "unicode": "utf-16",
}
# Python's own tricks that stand among its text codecs: some decode escapes, idna needs quadratic time.
_NOT_FOR_MAIL = frozenset({"idna", "punycode", "unicode_escape", "raw-unicode-escape", "unicode-escape", "undefined"})
GUESS_AT_LEAST = 24
"""Bytes below which a guess is no better than chance: three letters pass for almost any charset."""
# Charsets of machines that never sent mail, or that fit any bytes at all.
_NEVER_GUESSED = [
    "utf_7", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le", "cp037", "cp273", "cp424",
    "cp500", "cp875", "cp1026", "cp1140",
]  # fmt: skip
_SURROGATE = re.compile("[\ud800-\udfff]")


def decode(data: bytes, label: str | None) -> str:
    """The text of `data`: by its label, else UTF-8, else the likeliest charset, else with replacement characters."""
    for codec in _candidates(data, label):
        try:
            return clean(data.decode(codec))
        except (UnicodeError, ValueError):
            continue
    return clean(data.decode(_guessed(data) or codec_for(label) or "cp1252", "replace"))


def _guessed(data: bytes) -> str | None:
    if len(data) < GUESS_AT_LEAST:
        return None
    best = from_bytes(data[:GUESS_FROM], steps=5, cp_exclusion=_NEVER_GUESSED).best()
    return best.encoding if best is not None else None


def _candidates(data: bytes, label: str | None) -> tuple[str, ...]:
    if data.isascii() and not _switches_by_escape(data):
        # Also when labelled UTF-16: ASCII without a NUL is never that. UTF-7 alone hides other letters in ASCII.
        return ("utf-7", "ascii") if codec_for(label) == "utf-7" else _wide(data, label)
    named = codec_for(label)
    return (named, "utf-8") if named and named != "ascii" else ("utf-8",)


def _wide(data: bytes, label: str | None) -> tuple[str, ...]:
    named = codec_for(label)
    wide = named is not None and named.startswith(("utf-16", "utf-32")) and b"\0" in data
    return (named, "ascii") if named is not None and wide else ("ascii",)


def _switches_by_escape(data: bytes) -> bool:
    """ISO-2022 and HZ write other alphabets in seven bits."""
    return b"\x1b" in data or b"~{" in data


@lru_cache(maxsize=256)
def codec_for(label: str | None) -> str | None:
    """The codec behind a charset label; None when there is none."""
    if not label or len(label) > 64:
        return None
    plain = label.strip(" \t\"'").lower()
    try:
        found = codecs.lookup(_MEANT.get(plain, plain))
    except (LookupError, ValueError, UnicodeError):
        return None
    if found.name in _NOT_FOR_MAIL or not getattr(found, "_is_text_encoding", True):
        return None
    return found.name


def clean(text: str) -> str:
    """Without NUL (Postgres refuses it) and without halves of surrogate pairs (JSON and UTF-8 refuse them)."""
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
