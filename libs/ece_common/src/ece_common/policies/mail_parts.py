"""The files inside a forwarded mail (message/rfc822), with the standard library's parser. Pure."""

import email
from collections.abc import Iterator
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import collapse_rfc2231_value

from ece_common.policies.archives import HEAD, UNKNOWN_PACKING, Entry, Sealed
from ece_common.policies.bounds import Bounds

_BROKEN = (MessageError, ValueError, LookupError, RecursionError, AttributeError, TypeError)


def opened(content: bytes, name: str, bounds: Bounds) -> Iterator[Entry]:
    """Every part with a name, each under each of its names; mails within the mail are walked as well."""
    del name
    try:
        for part in email.message_from_bytes(content).walk():
            bounds.entry()
            if not part.is_multipart():
                yield from _named(part)
    except _BROKEN as problem:
        raise Sealed(UNKNOWN_PACKING) from problem


def _named(part: "Message[str, str]") -> Iterator[Entry]:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    given = {part.get_filename(), part.get_param("name"), part.get_param("filename", header="content-disposition")}
    names = {_decoded(collapse_rfc2231_value(one)) for one in given if one}
    longest, *others = sorted({*names, ""}, key=len, reverse=True)
    yield Entry(longest, data[:HEAD], lambda: data, content_type=part.get_content_type())
    yield from map(Entry, others)


def _decoded(name: str) -> str:
    return str(make_header(decode_header(name))) if "=?" in name else name
