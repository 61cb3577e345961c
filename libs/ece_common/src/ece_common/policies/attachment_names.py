"""Every extension a file name shows to a person or to a machine, whatever it hides it behind. Pure.

The last extension is what a file is opened by, so `invoice.pdf.exe` is an exe. One further in counts only where
something pretends that the name ends there: `invoice.exe.pdf` is a PDF for every system, and blocking it would block
`order from amazon.com.pdf` with `.com`; but `invoice.exe      .pdf`, `invoice.exe;.pdf` and `a.exe::$DATA` are exes.
"""

import re
import unicodedata
from urllib.parse import unquote

LOOKED_AT = 1000
"""Characters of a name; of a longer one its end counts, and its beginning up to half of this."""
LONGEST_EXTENSION = 64

# Characters that pass for a full stop, beside those that Unicode itself folds to one.
_DOTS: dict[int, str] = dict.fromkeys(
    (0x00B7, 0x06D4, 0x0701, 0x0702, 0x1803, 0x1809, 0x2024, 0x2E3C, 0x3002, 0xA4F8, 0xFF61, 0x10A50), "."
)
# Letters that look like Latin ones, in lower case: Cyrillic and Greek.
_LOOK_ALIKE = str.maketrans("аеорсухіјѕԁһӏԛԝмткпгвоιοκνρχαετυ", "aeopcyxijsdhlqwmtknrboiokvpxaetu")
# Where a name may be cut short: NUL, an NTFS stream, a parameter, quotes, a line, a run of blanks.
_CUT = re.compile(r"[\x00-\x1f:;\"'<>|?*\u2028\u2029]|[ \t_\xa0]{3,}|\s+(?=\.)")
_ENDS = " .\t\r\n\"'"


def normalized(extension: str) -> str:
    """`.EXE`, `*.exe` and `exe` as they are compared: `exe`. Empty when nothing is left."""
    return _plain(extension).strip().lstrip("*").strip(_ENDS)


def shortened(name: str, longest: int = 1000) -> str:
    """Beginning and end of a name that is too long to be told."""
    return name if len(name) <= longest else f"{name[: longest // 2 - 1]}…{name[-longest // 2 :]}"


def extensions(name: str) -> list[str]:
    """In order of discovery, each once, without dots; of `a.tar.gz` both `gz` and `tar.gz`. Folders do not count."""
    found: dict[str, None] = {}
    for reading in _readings(name):
        for piece in (reading, *_CUT.split(reading)):
            for extension in _last(piece):
                found.setdefault(extension)
    return list(found)


def _readings(name: str) -> dict[str, None]:
    """The name as it stands, as it looks, and both with percent-encoding undone."""
    if len(name) > LOOKED_AT:
        name = name[: LOOKED_AT // 2] + name[-LOOKED_AT // 2 :]
    readings: dict[str, None] = {}
    for reading in (name, unquote(name)) if "%" in name else (name,):
        readings[_plain(_file(reading))] = None
        if not name.isascii():
            readings[_plain(_file(reading)).translate(_LOOK_ALIKE)] = None
    return readings


def _file(path: str) -> str:
    return path.replace("\\", "/").rstrip("/ .").rpartition("/")[2]


def _plain(text: str) -> str:
    """Lower case, compatibility forms folded (full width), nothing invisible left in it (right-to-left override)."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text.translate(_DOTS)).translate(_DOTS)
    return "".join(mark for mark in folded if unicodedata.category(mark) != "Cf").lower()


def _last(piece: str) -> list[str]:
    """The extension a piece ends with, and the two together where there are two (`tar.gz`)."""
    stem, dot, extension = piece.rstrip(_ENDS).rpartition(".")
    extension = extension.strip()
    if not dot or not extension or len(extension) > LONGEST_EXTENSION:
        return []
    inner = stem.rpartition(".")[2].strip()
    pair = [f"{inner}.{extension}"] if "." in stem and inner and len(inner) <= LONGEST_EXTENSION else []
    return [extension, *pair]
