"""The event feed and the audit log, as read over REST."""

from datetime import datetime
from typing import Any

from ece_common.contracts import examples, words
from ece_common.contracts.base import Sent


class Event(Sent, words=words.EVENT):
    model_config = examples.EVENT

    id: int
    type: str
    subject: str
    """What it is about: `alias/7`, `activity/12`."""
    department_id: int | None
    data: dict[str, Any]
    at: datetime


class EventPage(Sent, words=words.EVENT):
    """Events in the order in which they became visible. Pass `next_after` as `?after=` to go on."""

    model_config = examples.EVENT_PAGE

    items: list[Event]
    next_after: str


class AuditEntry(Sent, words=words.AUDIT):
    model_config = examples.AUDIT_ENTRY

    id: int
    at: datetime
    principal: str
    action: str
    subject: str
    department_id: int | None
    changes: dict[str, Any]
    """Field names with old and new value; of a secret only that it changed."""
