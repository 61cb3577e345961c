"""Attachments as senders make them: archives, winmail.dat, forwarded mails, programs under other names."""

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from email.message import EmailMessage

PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00" + b"\0" * 52 + b"\x80\0\0\0" + b"\0" * 64 + b"PE\0\0" + b"\0" * 200
PDF = b"%PDF-1.7\n1 0 obj\n" + b" " * 100
TEXT = b"Nothing but words.\n" * 10


def zipped(*files: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return held.getvalue()


def with_unicode_name(name: str, other: str) -> bytes:
    """An archive whose entry has another name in its extra field (Info-ZIP's Unicode path)."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        info = zipfile.ZipInfo(name)
        written = other.encode()
        info.extra = struct.pack("<HHBI", 0x7075, 5 + len(written), 1, zlib.crc32(name.encode())) + written
        archive.writestr(info, TEXT)
    return held.getvalue()


def encrypted(archive: bytes) -> bytes:
    """The archive with the flag that says that its entries are encrypted."""
    held = bytearray(archive)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = held.find(signature)
        while at >= 0:
            held[at + offset] |= 1
            at = held.find(signature, at + 1)
    return bytes(held)


def tarred(*files: tuple[str, bytes], compressed: bool = False) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(held.getvalue()) if compressed else held.getvalue()


def winmail(*files: tuple[str, bytes], long_names: bool = True) -> bytes:
    """TNEF as Outlook writes it: for every attachment its rendering, short title, data, and MAPI properties."""
    pieces = [struct.pack("<IH", 0x223E9F78, 1), _attribute(1, 0x00089006, struct.pack("<I", 0x00010000))]
    for number, (name, content) in enumerate(files):
        short = name if not long_names else f"FILE{number}~1.DAT"
        pieces += [
            _attribute(2, 0x00069002, b"\x01\x00" + b"\0" * 12),
            _attribute(2, 0x00018010, short.encode() + b"\0"),
        ]
        pieces.append(_attribute(2, 0x0006800F, content))
        if long_names:
            pieces.append(_attribute(2, 0x00069005, _mapi_long_name(name)))
    return b"".join(pieces)


def _attribute(level: int, identifier: int, data: bytes) -> bytes:
    return struct.pack("<BII", level, identifier, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def _mapi_long_name(name: str) -> bytes:
    value = name.encode("utf-16-le") + b"\0\0"
    padded = value + b"\0" * (-len(value) % 4)
    return struct.pack("<IHHII", 1, 0x001F, 0x3707, 1, len(value)) + padded


def outlook_message(name: str, content: bytes) -> bytes:
    """A .msg with one attachment: a compound file of 512-byte sectors, its streams as long as the large ones."""
    streams = {
        "__substg1.0_3707001F": name.encode("utf-16-le").ljust(4096, b"\0"),
        "__substg1.0_37010102": content.ljust(4096, b"\0"),
    }
    sectors = [len(data) // 512 + (len(data) % 512 > 0) for data in streams.values()]
    starts = [2, 2 + sectors[0]]
    table = [0xFFFFFFFD, 0xFFFFFFFE]
    for start, count in zip(starts, sectors, strict=True):
        table += [*range(start + 1, start + count), 0xFFFFFFFE]
    directory = [
        _directory_entry("Root Entry", 5, child=1),
        _directory_entry("__attach_version1.0_#00000000", 1, child=2),
        _directory_entry("__substg1.0_3707001F", 2, right=3, start=starts[0], size=4096),
        _directory_entry("__substg1.0_37010102", 2, start=starts[1], size=len(streams["__substg1.0_37010102"])),
    ]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    header += bytes(6) + struct.pack("<IIIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, 0)
    header += b"\xff" * (512 - len(header))
    allocated = struct.pack(f"<{len(table)}I", *table).ljust(512, b"\xff")
    body = b"".join(data.ljust(count * 512, b"\0") for data, count in zip(streams.values(), sectors, strict=True))
    return header + allocated + b"".join(directory) + body


def _directory_entry(
    name: str, kind: int, *, right: int = -1, child: int = -1, start: int = 0, size: int = 0
) -> bytes:
    written = name.encode("utf-16-le") + b"\0\0"
    tree = struct.pack("<HBBiii", len(written), kind, 1, -1, right, child)
    return written.ljust(64, b"\0") + tree + bytes(36) + struct.pack("<IQ", start, size)


def forwarded(name: str, content: bytes) -> bytes:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Invoice", "ann@example.com", "support@shop.test"
    mail.set_content("See the attachment.")
    mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return mail.as_bytes()
