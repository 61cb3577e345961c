"""A mail in a file as a workflow is tried on it. Pure, but for reading the file."""

from collections.abc import Iterator
from email import message_from_bytes
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.policy import default
from typing import Any

# What conditions see of a mail, and what the trial takes (contracts.workflows.TriedMail).
_BODY = 16_384
_LINE = 255
_SUBJECT = 2000
_MANY = 100
_HEADERS = 200


def tried(content: bytes) -> dict[str, Any]:
    """The fields of the mail that are there, as `POST .../evaluate` takes them."""
    mail = message_from_bytes(content, policy=default)
    assert isinstance(mail, EmailMessage)
    senders = _mailboxes(mail, "from")
    body = {
        "from": senders[0][1] if senders else None,
        "from_name": senders[0][0] if senders else None,
        "to": _addresses(mail, "to"),
        "cc": _addresses(mail, "cc"),
        "reply_to": _addresses(mail, "reply-to"),
        "subject": _line(mail["subject"], _SUBJECT),
        "text": _part(mail, "plain"),
        "html": _part(mail, "html"),
        "headers": [{"name": name, "value": _line(value, _SUBJECT)} for name, value in _headers(mail)][:_HEADERS],
        "attachments": [_line(one.get_filename() or "", _LINE) for one in mail.iter_attachments()][:_MANY],
        "size": len(content),
        "auto_submitted": _line(mail["auto-submitted"], _LINE),
    }
    return {name: value for name, value in body.items() if value not in (None, "", [])}


def _headers(mail: EmailMessage) -> Iterator[tuple[str, str]]:
    for name, value in mail.items():
        yield str(name), str(value)


def _mailboxes(mail: EmailMessage, field: str) -> list[tuple[str, str]]:
    return [
        (_line(one.display_name, _LINE), _line(one.addr_spec, _LINE))
        for header in mail.get_all(field, [])
        if isinstance(header, AddressHeader)
        for one in header.addresses
    ]


def _addresses(mail: EmailMessage, field: str) -> list[str]:
    return [address for _, address in _mailboxes(mail, field)][:_MANY]


def _part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body(preferencelist=(kind,))
    if found is None:
        return ""
    try:
        text = found.get_content()
    except (LookupError, UnicodeError, ValueError):
        # a charset nobody knows, or base64 that is none
        text = found.get_payload()
    return _storable(str(text))[:_BODY]


def _line(value: object, most: int) -> str:
    """One line without control characters, as a condition sees it."""
    text = "" if value is None else _storable(str(value))
    return "".join(one if one.isprintable() else " " for one in text)[:most]


def _storable(text: str) -> str:
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
