"""What a condition may ask about a mail: names, types and bounds. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_LONGEST_TEXT = 16_384
_LONGEST_LINE = 2_000
_MOST = 100
_NO_SURROGATES = str.maketrans(dict.fromkeys(range(0xD800, 0xE000), "\ufffd"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One mail. Conditions see the first 16,384 characters of the bodies, 2,000 of a line, 100 of a list."""

    from_: str | None = None
    from_name: str | None = None
    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    reply_to: Sequence[str] = ()
    subject: str = ""
    text: str | None = None
    html: str | None = None
    subtype: str = "email"
    alias: str = ""
    headers: Sequence[tuple[str, str]] = ()
    attachments: Sequence[str] = ()
    size: int = 0
    received_at: datetime = field(default=datetime(2000, 1, 1, tzinfo=UTC))
    auto_submitted: str | None = None
    routing_error: str | None = None

    def values(self) -> dict[str, Any]:
        """By the names that conditions use (`contracts.workflows.FIELDS`)."""
        return {
            "from": _line(self.from_),
            "from_name": _line(self.from_name),
            "to": _lines(self.to),
            "cc": _lines(self.cc),
            "reply_to": _lines(self.reply_to),
            "subject": _line(self.subject),
            "text": _safe(self.text, _LONGEST_TEXT),
            "html": _safe(self.html, _LONGEST_TEXT),
            "subtype": self.subtype,
            "alias": _line(self.alias),
            "headers": _headers(self.headers),
            "has_attachments": bool(self.attachments),
            "attachments": _lines(self.attachments),
            "size": self.size,
            "received_at": self.received_at,
            "auto_submitted": _line(self.auto_submitted),
            "routing_error": _line(self.routing_error),
        }


def _safe(value: str | None, limit: int) -> str:
    return (value or "")[:limit].translate(_NO_SURROGATES)


def _line(value: str | None) -> str:
    return _safe(value, _LONGEST_LINE)


def _lines(values: Sequence[str]) -> list[str]:
    return [_line(value) for value in values[:_MOST]]


def _headers(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """By name in lower case; of a field that stands there more than once the values, one a line."""
    found: dict[str, str] = {}
    for name, value in headers:
        key = _line(name).lower()
        if key in found:
            found[key] = _line(f"{found[key]}\n{value}")
        elif len(found) < _MOST:
            found[key] = _line(value)
    return found


def samples() -> tuple[Facts, Facts]:
    """A mail that has nothing and one that has everything, as large as a condition gets to see."""
    address = "customer.with.a.long.name@sub.domain.example"
    full = Facts(
        from_=address, from_name="A customer", to=[address] * _MOST, cc=[address] * _MOST, reply_to=[address],
        subject="a" * _LONGEST_LINE, text="a" * _LONGEST_TEXT, html="<p>" + "a" * _LONGEST_TEXT, alias=address,
        headers=[(f"x-{n}", "a" * 200) for n in range(_MOST)], attachments=["invoice.pdf"] * _MOST, size=10_000_000,
        received_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC), auto_submitted="no",
    )  # fmt: skip
    return Facts(), full
