"""Status codes in what servers wrote: enhanced ones (RFC 3463) and SMTP replies (RFC 5321 section 4.2). Pure.

Numbers that only look like codes are the trap: addresses, versions, sizes, ports, years. So an enhanced code stands
alone, and a reply code stands where a reply begins.
"""

import re
from typing import NamedTuple

from ece_common.contracts.policies import Failure

_FAILURES: dict[str, Failure] = {"5": "permanent", "4": "temporary"}
# Not a piece of an IP address or a version. A hyphen before it is that of a reply of several lines: 550-5.1.1.
_ENHANCED = re.compile(r"(?:(?<![\w.\-/])|(?<=\b[245]\d\d-))([245]\.\d{1,2}\.\d{1,3})(?![\w]|[.\-/]\w)")
_VERSION = re.compile(r"(?:version|ver\.?|v|release|server|build|exim|sendmail|postfix)[ /:(]*$", re.IGNORECASE)
_INTRODUCED_BY = (
    r"said", r"response(?: was)?", r"reply", r"replied", r"responded", r"answered", r"error(?: code| message| was)?",
    r"with", r"status(?: code)?", r"failure", r"failed", r"code", r"returned", r"reason", r"smtp", r"server",
    r"diagnostic", r"rcpt to", r"data", r"mail from", r"message", r"state \d+",
    r"<<<", r"->", r";", r"\)", r"\]", r">",
)  # fmt: skip
# A reply code begins a line, or stands after what introduces a reply.
_REPLY = re.compile(
    r"(?:^[ \t>*\-]{0,12}(?:\d{3}[ \-])?"
    rf"|(?:{'|'.join(_INTRODUCED_BY)})[ \t]{{0,3}}[:=;(\[#\"'<]{{0,3}}[ \t]{{0,3}}(?:smtp;[ \t]*)?)"
    r"([245][0-5]\d)(?:[ \-#:,;)\]][ \t]{0,3}|$)(?=\D|[245]\.\d)",
    re.IGNORECASE | re.MULTILINE,
)
_BEFORE_ENHANCED = re.compile(r"(?<![\d.])([45][0-5]\d)[ \-]{1,2}#?[245]\.\d{1,2}\.\d{1,3}(?![\d.]*\.\d)")


class Codes(NamedTuple):
    enhanced: str | None
    smtp: int | None

    @property
    def failure(self) -> Failure | None:
        """An enhanced code says more than a reply code, which may belong to an earlier step."""
        if self.enhanced is not None:
            return failure_of(self.enhanced)
        return failure_of(str(self.smtp)) if self.smtp is not None else None


def failure_of(code: str) -> Failure | None:
    return _FAILURES.get(code[:1])


def enhanced_in(text: str) -> list[str]:
    """Every enhanced code of a failure, in order."""
    return [
        found[1]
        for found in _ENHANCED.finditer(text)
        if found[1][0] != "2" and not _VERSION.search(text, max(found.start() - 16, 0), found.start())
    ]


def replies_in(text: str) -> list[int]:
    """Every SMTP reply code of a failure, in order."""
    before = [(found.start(1), int(found[1])) for found in _BEFORE_ENHANCED.finditer(text)]
    begun = [(found.start(1), int(found[1])) for found in _REPLY.finditer(text) if found[1][0] != "2"]
    return [code for _, code in sorted(set(before + begun))]


def worst(text: str) -> Codes:
    """The codes that decide for the whole of a text: a permanent one before a temporary one."""
    enhanced, replies = enhanced_in(text), replies_in(text)
    return Codes(
        enhanced=next((code for code in enhanced if code[0] == "5"), next(iter(enhanced), None)),
        smtp=next((code for code in replies if code >= 500), next(iter(replies), None)),
    )
