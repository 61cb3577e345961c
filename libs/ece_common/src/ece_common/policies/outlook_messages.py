"""The files in a message that Outlook saved (.msg): a compound file, read with olefile. Pure."""

import io
from collections.abc import Iterator

import olefile

from ece_common.policies.archives import HEAD, UNKNOWN_PACKING, Entry, Sealed
from ece_common.policies.attachment_names import extensions
from ece_common.policies.bounds import Bounds

_ATTACHMENT = "__attach_version1.0_"
# Properties of an attachment: its names (long, short, shown, extension), in Unicode or in eight bits; its content.
_NAMES = ("3707", "3704", "3001", "3703")
_CODINGS = {"001F": "utf-16-le", "001E": "cp1252"}
_CONTENT = "__substg1.0_37010102"
_LONGEST_NAME = 4096
_MESSAGES = frozenset({"msg", "oft"})
_BROKEN = (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError, MemoryError)


def opened(content: bytes, name: str, bounds: Bounds) -> Iterator[Entry]:
    """Every attachment under every name it has, those of messages in the message as well. Other compound files (old
    office documents, installers) have none; one that is no message may be broken.
    """
    try:
        with olefile.OleFileIO(io.BytesIO(content)) as message:
            yield from _attachments(message, bounds)
    except _BROKEN as problem:
        if _MESSAGES.intersection(extensions(name)):
            raise Sealed(UNKNOWN_PACKING) from problem


def _attachments(message: "olefile.OleFileIO[str]", bounds: Bounds) -> Iterator[Entry]:
    storages: dict[tuple[str, ...], dict[str, list[str]]] = {}
    # The library lists all of them at once, each with its way through the storages: too many are turned away before.
    bounds.room_for(len(message.direntries))  # pyright: ignore[reportAttributeAccessIssue] - not in its stubs
    for path in message.listdir():
        bounds.entry()
        if len(path) > 1 and path[-2].startswith(_ATTACHMENT):
            storages.setdefault(tuple(path[:-1]), {})[path[-1]] = path
    for streams in storages.values():
        bounds.entry()
        names = list(dict.fromkeys(filter(None, _names(message, streams, bounds))))
        data = _content(message, streams.get(_CONTENT), bounds)
        first, *others = [*names, ""]
        yield Entry(first, data[:HEAD], lambda data=data: data)
        yield from map(Entry, others)


def _names(message: "olefile.OleFileIO[str]", streams: dict[str, list[str]], bounds: Bounds) -> Iterator[str]:
    for kind in _NAMES:
        for suffix, coding in _CODINGS.items():
            path = streams.get(f"__substg1.0_{kind}{suffix}")
            if path is not None:
                bounds.spend(message.get_size(path))  # all of it is read, however little is asked for
                yield message.openstream(path).read(_LONGEST_NAME).decode(coding, "replace").strip("\0")


def _content(message: "olefile.OleFileIO[str]", path: list[str] | None, bounds: Bounds) -> bytes:
    if path is None:
        return b""
    bounds.spend(message.get_size(path))
    return bytes(message.openstream(path).read())
