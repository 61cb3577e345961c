"""What lies in an archive: names and contents, one after the other, within bounds. Pure."""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from struct import unpack_from
from typing import Protocol

from ece_common.policies import sniffing
from ece_common.policies.bounds import Bounds, TooMuch

HEAD = 4096
"""Bytes of each entry that are unpacked to see what it is."""
LZMA_MEMORY = 64 * 1024 * 1024
OPAQUE = frozenset(
    {
        "rar", "7z", "cab", "iso", "ar", "lz", "Z", "lzop", "zst", "pgp", "img", "udf", "vhd", "vhdx", "vmdk", "wim",
        "dmg", "ace", "arj", "lzh", "lha", "zoo", "cpio", "alz", "xar", "r00", "z01",
    }
)  # fmt: skip
"""Kinds that nothing here can open."""
BY_NAME = {
    "zip": "zip", "zipx": "zip", "jar": "zip", "tar": "tar", "lzma": "xz", "tlz": "xz", "z": "Z", "lzo": "lzop",
    **{name: name for name in OPAQUE},
}  # fmt: skip
"""What a file is opened as that is called so, where its beginning does not tell: a ZIP archive may have anything
before it, and other archives have no signature, or one that is not known here."""
ENCRYPTED, UNKNOWN_PACKING = "is encrypted", "cannot be opened here"

_BROKEN = (
    OSError, EOFError, ValueError, RuntimeError, NotImplementedError, MemoryError, IndexError, KeyError,
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
)  # fmt: skip
_LOCAL_HEADER = re.compile(rb"PK\x03\x04")
_PACKED_SUFFIX = re.compile(r"\.(gz|gzip|z|bz2|bzip2|xz|lzma)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in an archive. `whole` reads all of it, and only before the next entry is asked for."""

    name: str
    head: bytes = field(repr=False, default=b"")
    whole: Callable[[], bytes] | None = field(repr=False, default=None)
    sealed: str | None = None
    """Why nobody here can see its content."""
    content_type: str = ""


class Sealed(Exception):
    """The archive as a whole cannot be seen into, for the reason given."""


Opener = Callable[[bytes, str, Bounds], Iterator[Entry]]


def opener(kind: str | None) -> Opener | None:
    """What opens a file of this kind; None when it is no archive."""
    return _opaque if kind in OPAQUE else _OPENERS.get(kind or "")


def _opaque(content: bytes, name: str, bounds: Bounds) -> Iterator[Entry]:
    del content, name, bounds
    raise Sealed(UNKNOWN_PACKING)


def _zip(content: bytes, name: str, bounds: Bounds) -> Iterator[Entry]:
    del name
    # The library makes an object of every entry at once: too many are turned away before.
    bounds.room_for(content.count(b"PK\x01\x02"))
    bounds.room_for(content.count(b"PK\x03\x04"))
    listed: set[str] = set()
    broken: Exception | None = None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for info in archive.infolist():
                bounds.entry()
                listed.add(info.orig_filename)
                if not info.is_dir() or info.file_size:
                    yield _zipped(archive, info, bounds)
                    yield from map(Entry, _unicode_names(info.extra))
    except _BROKEN as problem:
        broken = problem
    yield from _unlisted(content, listed, bounds)
    if broken is not None:
        raise Sealed(UNKNOWN_PACKING) from broken


def _unicode_names(extra: bytes) -> Iterator[str]:
    """The name in an entry's extra field (APPNOTE 4.6.9), which many programs prefer."""
    while len(extra) >= 9:
        kind, size = unpack_from("<HH", extra)
        if kind == 0x7075:
            yield extra[9 : 4 + size].decode("utf-8", "replace")
        extra = extra[4 + size :]


def _zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, bounds: Bounds) -> Entry:
    if info.flag_bits & 0x1:
        return Entry(info.orig_filename, sealed=ENCRYPTED)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return Entry(info.orig_filename, sealed=UNKNOWN_PACKING)

    def read(size: int) -> bytes:
        with archive.open(info) as unpacking:
            return _taken(unpacking, size, bounds)

    try:
        head = read(HEAD)
    except _BROKEN:
        return Entry(info.orig_filename, sealed=UNKNOWN_PACKING)
    return Entry(info.orig_filename, head, lambda: read(-1))


def _unlisted(content: bytes, listed: set[str], bounds: Bounds) -> Iterator[Entry]:
    """Files that stand in the archive and not in its directory: some programs unpack these instead."""
    for header in _LOCAL_HEADER.finditer(content):
        at = header.start()
        if at + 30 > len(content):
            return
        (length,) = unpack_from("<H", content, at + 26)
        raw = content[at + 30 : at + 30 + length]
        names = {raw.decode("cp437"), raw.decode("utf-8", "replace")}
        if not names & listed and not raw.endswith(b"/"):
            bounds.entry()
            yield Entry(raw.decode("utf-8", "replace"))


def _tar(content: bytes, name: str, bounds: Bounds) -> Iterator[Entry]:
    del name
    yield from _members(io.BytesIO(content), bounds)


def _members(stream: "_Stream", bounds: Bounds) -> Iterator[Entry]:
    try:
        with tarfile.open(fileobj=_Metered(stream, bounds), mode="r|") as archive:  # pyright: ignore[reportArgumentType, reportCallIssue]
            for member in archive:
                bounds.entry()
                unpacking = archive.extractfile(member) if member.isreg() else None
                head = unpacking.read(HEAD) if unpacking is not None else b""
                yield Entry(member.name, head, _rest(unpacking, head))
                archive.members = []  # pyright: ignore[reportAttributeAccessIssue] - it keeps every member otherwise
    except _BROKEN as problem:
        raise Sealed(UNKNOWN_PACKING) from problem


def _rest(unpacking: "_Stream | None", head: bytes) -> Callable[[], bytes] | None:
    return (lambda: head + unpacking.read()) if unpacking is not None else None


def _compressed(content: bytes, name: str, bounds: Bounds) -> Iterator[Entry]:
    """One file, or a tar archive: its own name is the archive's without the last extension."""
    try:
        head = _taken(_decompressing(content), HEAD, bounds)
    except _BROKEN as problem:
        raise Sealed(UNKNOWN_PACKING) from problem
    if sniffing.kind(head) == "tar":
        yield from _members(_decompressing(content), bounds)
        return
    inner = _PACKED_SUFFIX.sub("", name)
    for one in {inner, _gzip_name(content)} - {""}:
        bounds.entry()
        yield Entry(one, head, lambda: _taken(_decompressing(content), -1, bounds))


def _gzip_name(content: bytes) -> str:
    """The name a gzip file carries of itself (RFC 1952 section 2.3.1)."""
    if not content.startswith(b"\x1f\x8b") or len(content) < 12 or not content[3] & 0x08:
        return ""
    at = 10 + (2 + int.from_bytes(content[10:12], "little") if content[3] & 0x04 else 0)
    return content[at : at + 1024].partition(b"\0")[0].decode("latin-1")


class _Stream(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def _decompressing(content: bytes) -> _Stream:
    packed = io.BytesIO(content)
    if content.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=packed)
    return bz2.BZ2File(packed) if content.startswith(b"BZh") else _Xz(packed)


class _Xz:
    """As lzma.LZMAFile, which lets a file of a hundred bytes ask for gigabytes of memory."""

    def __init__(self, packed: io.BytesIO) -> None:
        self._packed = packed
        self._decompressor = lzma.LZMADecompressor(memlimit=LZMA_MEMORY)

    def read(self, size: int = -1, /) -> bytes:
        if self._decompressor.eof:
            return b""
        fresh = self._packed.read(64 * 1024) if self._decompressor.needs_input else b""
        return self._decompressor.decompress(fresh, size)


class _Metered:
    """Reads on, and says how much it was."""

    def __init__(self, stream: _Stream, bounds: Bounds) -> None:
        self._stream, self._bounds = stream, bounds

    def read(self, size: int = -1, /) -> bytes:
        return _taken(self._stream, size, self._bounds)


def _taken(stream: _Stream, size: int, bounds: Bounds) -> bytes:
    """`size` bytes or what there is; -1: everything, which must fit into the bounds."""
    wanted = bounds.unpacked + 1 if size < 0 else min(size, bounds.unpacked + 1)
    pieces: list[bytes] = []
    while wanted > 0 and (piece := stream.read(min(wanted, 1024 * 1024))):
        bounds.spend(len(piece))
        pieces.append(piece)
        wanted -= len(piece)
    return b"".join(pieces)


_OPENERS: dict[str, Opener] = {
    "zip": _zip, "tar": _tar, "gz": _compressed, "bz2": _compressed, "xz": _compressed,
}  # fmt: skip

__all__ = ["ENCRYPTED", "HEAD", "UNKNOWN_PACKING", "Entry", "Opener", "Sealed", "TooMuch", "opener"]
