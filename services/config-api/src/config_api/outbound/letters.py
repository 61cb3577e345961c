"""A message to send, before it is written down."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ece_common.contracts.activities import NewAttachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message to send, everything decided but who gets it in the end (addressing.py)."""

    department_id: int | None
    alias_id: int | None
    """Neither: the system's own mail, which goes by the default SMTP server."""
    from_address: str
    to: list[str]
    cc: list[str]
    bcc: list[str]
    subject: str
    text: str | None
    html: str | None
    attachments: Sequence[NewAttachment] = ()
    parent_id: int | None = None
    in_reply_to: str | None = None
    references: list[str] = field(default_factory=list[str])
    automatic: bool = False
