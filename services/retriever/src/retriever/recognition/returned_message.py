"""Where a report for people ends and the message it returns begins, and what that message said of itself. Pure.

Codes and words behind that line are a customer's or an agent's text and decide nothing.
"""

import re
from collections.abc import Collection, Iterator

from ece_common.contracts.evidence import ReportedMessage
from retriever.parsing import ParsedMail, charsets
from retriever.recognition import written_text

RETURN_TAG_HEADER = "X-ECE-Return-Tag"
READ = 64 * 1024
"""Bytes of each returned part that are searched."""
HEADER_READ = 16 * 1024
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_TYPES = frozenset(
    {
        "message/rfc822", "message/global", "message/rfc822-headers", "message/global-headers", "message/partial",
        "text/rfc822-headers", "text/rfc822",
    }
)  # fmt: skip

_HEADINGS = (
    r"this is a copy of", r"below this line is", r"here is a copy", r"copy of (?:the|your) (?:original )?message",
    r"(?:the )?(?:original|returned|undelivered|unsent|bounced) (?:message|mail)",
    r"message (?:headers?|text) follows?", r"(?:the )?headers? of the (?:original )?message", r"message contents?",
    r"your (?:original )?message (?:follows|reads)", r"the (?:text|body) of your message", r"original[- ]?nachricht",
    r"message d'origine", r"mensaje original", r"messaggio originale", r"following is the (?:original|returned)",
)  # fmt: skip
_HEADING = re.compile(rf"^[ \t]*(?:[\-=_*]{{2,}}[ \t]*)?(?:{'|'.join(_HEADINGS)})", re.IGNORECASE | re.MULTILINE)
_RULE = re.compile(r"[ \t]*[\-=_*]{2,}")
_REST_OF_A_HEADING = 40
"""Characters after which a line that begins like a heading is prose."""
# Fields that a message has and that a report does not list one after the other at the start of a line.
_HEADER = re.compile(
    r"^(?=(?:return-path|received|dkim-signature|delivered-to|x-[a-z\-]+|message-id|mime-version|from|date|to|subject):)"
    r"(?:[A-Za-z][A-Za-z0-9\-]{1,40}:[^\n]*\n(?:[ \t]+\S[^\n]*\n){0,40}){3}",
    re.IGNORECASE | re.MULTILINE,
)
_SENT_BY = re.compile(
    rb"^(?:from|sender|return-path|errors-to|reply-to)[ \t]*:[^\r\n]*(?:\r?\n[ \t]+[^\r\n]*){0,5}",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS = re.compile(rb"[^\s@<>\"(),:;\[\]]{1,64}@[A-Za-z0-9.\-]{1,255}")
_TAG = re.compile(rf"^[ \t>]*{RETURN_TAG_HEADER}:[ \t]*([\w.\-]{{1,200}})", re.IGNORECASE | re.MULTILINE)
_MESSAGE_ID = re.compile(r"^[ \t>]*message-id:[ \t]*(?:\r?\n[ \t]+)?(<[^<>\s]{1,998}>)", re.IGNORECASE | re.MULTILINE)


def split(text: str) -> tuple[str, str]:
    """What the server says, and what it returns."""
    cut = next((found.start() for found in _HEADING.finditer(text) if _is_heading(text, found)), len(text))
    header = _HEADER.search(text, 0, cut)
    if header is not None:
        cut = header.start()
    return text[:cut], text[cut:]


def _is_heading(text: str, found: re.Match[str]) -> bool:
    if _RULE.match(text, found.start()):
        return True
    line_end = text.find("\n", found.end())
    return 0 <= line_end - found.end() <= _REST_OF_A_HEADING


def in_a_part(mail: ParsedMail) -> bool:
    return any(file.content_type in _TYPES for file in mail.attachments)


def was_sent_by(mail: ParsedMail, returned: str, addresses: Collection[str]) -> bool:
    """Whether the message that came back, in a part of its own or in the text, names one of them as its sender."""
    sought = {address.lower().encode() for address in addresses}
    parts = (file.content for file in mail.attachments if file.content_type in _TYPES)
    return any(
        address.lower() in sought
        for part in (returned.encode(), *parts)
        for line in _SENT_BY.findall(_head(part))
        for address in _ADDRESS.findall(line)
    )


def _head(part: bytes) -> bytes:
    return _BLANK_LINE.split(part[:HEADER_READ].lstrip(b"\r\n"), 1)[0]


def of(mail: ParsedMail) -> ReportedMessage | None:
    """What came back of our message. The tag may stand anywhere: its signature tells who made it."""
    texts = list(_returned(mail))
    tag = next((found[1] for text in texts if (found := _TAG.search(text))), None)
    message_id = next((found[1] for text in texts if (found := _MESSAGE_ID.search(text))), None) or mail.in_reply_to
    return ReportedMessage(return_tag=tag, message_id=message_id) if tag or message_id else None


def _returned(mail: ParsedMail) -> Iterator[str]:
    for file in mail.attachments:
        if file.content_type in _TYPES or file.content_type.startswith("text/"):
            yield charsets.decode(file.content[:READ], None)
    if mail.text:
        yield mail.text[:READ]
    if mail.html:
        yield written_text.plain(mail.html[:READ])
