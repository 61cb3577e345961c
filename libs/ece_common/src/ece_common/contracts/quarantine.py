"""Blocked attachments: kept apart until somebody restores or deletes them (R229 to R237)."""

from datetime import datetime

from ece_common.contracts import policy_examples, policy_words
from ece_common.contracts.activities import Direction
from ece_common.contracts.base import Sent


class BlockedAttachment(Sent, words=policy_words.BLOCKED_ATTACHMENT):
    model_config = policy_examples.BLOCKED_ATTACHMENT

    id: int
    department_id: int
    activity_id: int
    n: int
    """Its number among the activity's attachments."""
    direction: Direction
    name: str
    content_type: str
    size: int
    extension: str | None
    """The blocked extension that was found; null: all are blocked, or nobody could look into it."""
    path: str
    """From the attachment inwards: `winmail.dat > a.zip > invoice.pdf.exe`."""
    reason: str
    blocked_at: datetime
