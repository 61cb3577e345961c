"""The files in a winmail.dat: Outlook's TNEF, read with tnefparse inside bounds that it lacks itself. Pure."""

import logging
from collections.abc import Iterator
from struct import error as struct_error
from struct import pack
from typing import SupportsIndex

from tnefparse import properties
from tnefparse.mapi import IMESSAGE_SIG, decode_mapi
from tnefparse.tnef import TNEF, TNEFObject

from ece_common.policies.archives import HEAD, UNKNOWN_PACKING, Entry, Sealed
from ece_common.policies.bounds import Bounds

MAXIMUM_PROPERTIES = 4096
_NAMES = frozenset(
    {
        properties.MAPI_ATTACH_FILENAME,
        properties.MAPI_ATTACH_LONG_FILENAME,
        properties.MAPI_ATTACH_EXTENSION,
        properties.MAPI_ATTACH_TRANSPORT_NAME,
        properties.MAPI_DISPLAY_NAME,
    }
)
_BROKEN = (ValueError, IndexError, KeyError, TypeError, AttributeError, LookupError, OverflowError, struct_error)

# What it cannot read is said with the attachment, not in the log.
logging.getLogger("tnefparse").setLevel(logging.CRITICAL)


class _Guarded(bytes):
    """Reading past the end fails instead of giving nothing: a count in the file cannot make the library loop on."""

    def __getitem__(self, key: "SupportsIndex | slice", /) -> "int | bytes":  # pyright: ignore[reportIncompatibleMethodOverride]
        if isinstance(key, slice) and isinstance(key.stop, int) and key.stop > len(self) + 3:  # padding
            raise IndexError("past the end")
        return super().__getitem__(key)


def opened(content: bytes, name: str, bounds: Bounds) -> Iterator[Entry]:
    """Every attachment under every name it has: the short one, the long one, the one it is shown by."""
    del name
    try:
        for names, data in _attachments(content, bounds):
            first, *others = [*dict.fromkeys(filter(None, names)), ""]
            yield Entry(first, data[:HEAD], lambda data=data: data)
            yield from map(Entry, others)
    except _BROKEN as problem:
        raise Sealed(UNKNOWN_PACKING) from problem


def _attachments(content: bytes, bounds: Bounds) -> Iterator[tuple[list[str], bytes]]:
    names: list[str] = []
    data = b""
    for one in _objects(content, bounds):
        if one.name == TNEF.ATTATTACHRENDDATA:  # begins the next attachment
            if names or data:
                yield names, data
            names, data = [], b""
        elif one.name in (TNEF.ATTATTACHTITLE, TNEF.ATTATTACHTRANSPORTFILENAME):
            names.append(one.data.decode("cp1252", "replace").strip("\0"))
        elif one.name == TNEF.ATTATTACHDATA:
            data = one.data
        elif one.name == TNEF.ATTATTACHMENT:
            more, inner = _described(one.data)
            names = more + names
            data = inner or data
    if names or data:
        yield names, data


def _objects(content: bytes, bounds: Bounds) -> Iterator[TNEFObject]:
    """Sliced to their own size: given the rest of the file each time, the library needs quadratic time."""
    at = 6
    while at + TNEF.MIN_OBJ_SIZE <= len(content):
        bounds.entry()
        length = int.from_bytes(content[at + 5 : at + 9], "little") + 11
        one = TNEFObject(content[at : at + length])
        at += length
        if one.level == TNEF.LVL_ATTACHMENT:
            yield one


def _described(data: bytes) -> tuple[list[str], bytes]:
    """Names and content among an attachment's properties."""
    count = min(int.from_bytes(data[:4], "little"), MAXIMUM_PROPERTIES)
    names: list[str] = []
    content = b""
    for found in decode_mapi(_Guarded(pack("<I", count) + data[4:]), "cp1252"):
        if found.name in _NAMES:
            value = found.data
            name = value if isinstance(value, str) else bytes(value).decode("cp1252", "replace")
            names.insert(0 if found.name == properties.MAPI_ATTACH_LONG_FILENAME else len(names), name)
        elif found.name == properties.MAPI_ATTACH_DATA_OBJ:
            content = bytes(found.data).removeprefix(IMESSAGE_SIG)
    return [one.strip("\0") for one in names], content
