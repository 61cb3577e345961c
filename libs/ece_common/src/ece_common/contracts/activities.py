"""Activities: one e-mail, in or out, and where it stands."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Base64Encoder, EncodedBytes, Field

from ece_common.contracts import activity_words, examples
from ece_common.contracts.base import Address, Body, Id, Line, Name, Note, Sent, Strict, SubjectLine
from ece_common.contracts.mistakes import MEDIA_TYPE

Direction = Literal["inbound", "outbound"]
Subtype = Literal[
    "email",
    "email_permanent_undeliverable",
    "email_temporary_undeliverable",
    "auto_reply",
    "complaint",
    "unparsed",
]
ActivityStatus = Literal["new", "assigned", "in_progress", "completed"]
"""Inbound: new, assigned to someone, in progress, completed. Outbound: in progress until its delivery ended."""
AttachmentState = Literal["available", "quarantined", "deleted"]

MAXIMUM_BODY = 10 * 1024 * 1024
Text = Annotated[Body, Field(max_length=MAXIMUM_BODY)]
Recipients = Annotated[list[Address], Field(max_length=500)]


class Header(Sent, words=activity_words.HEADER):
    name: str
    value: str


class Attachment(Sent, words=activity_words.ATTACHMENT):
    n: int
    name: str
    content_type: str
    size: int
    state: AttachmentState
    inline: bool = False
    content_id: str | None = None


class Activity(Sent, words=activity_words.ACTIVITY):
    model_config = examples.ACTIVITY

    id: int
    department_id: int | None
    """Null: the system's own mail, such as a service notification."""
    alias_id: int | None
    queue_id: int | None
    direction: Direction
    subtype: Subtype
    status: ActivityStatus
    assigned_to: str | None
    from_: str | None = Field(alias="from")
    from_name: str | None
    to: list[str]
    cc: list[str]
    bcc: list[str]
    reply_to: list[str]
    subject: str
    text: str | None
    html: str | None
    headers: list[Header]
    message_id: str | None
    in_reply_to: str | None
    parent_id: int | None
    received_at: datetime | None
    created_at: datetime
    updated_at: datetime
    evidence: dict[str, Any] | None
    """Why an incoming mail counts as a bounce or the like: `contracts.evidence.Evidence` without its empty fields."""
    policy_version: str | None
    """The state of its department's policies that was applied to an incoming mail."""
    unparsed_reason: str | None
    priority: int | None = None
    """1 is the most urgent. Set by the workflow, as are the next ones."""
    due_at: datetime | None = None
    tags: list[str] = []
    routing_error: str | None = None
    """The rule that failed on this mail, which therefore went to the exception queue."""
    attachments: list[Attachment]


class ActivitySummary(Sent, words=activity_words.ACTIVITY):
    """An activity in a list: all but the bodies and headers."""

    model_config = examples.ACTIVITY_SUMMARY

    id: int
    department_id: int | None
    """Null: the system's own mail, such as a service notification."""
    alias_id: int | None
    queue_id: int | None
    direction: Direction
    subtype: Subtype
    status: ActivityStatus
    assigned_to: str | None
    from_: str | None = Field(alias="from")
    from_name: str | None
    to: list[str]
    subject: str
    message_id: str | None
    in_reply_to: str | None
    parent_id: int | None
    received_at: datetime | None
    created_at: datetime
    updated_at: datetime
    priority: int | None = None
    due_at: datetime | None = None
    tags: list[str] = []
    routing_error: str | None = None


class ActivityChange(Strict, words=activity_words.ACTIVITY):
    """RFC 7396 merge patch of what a person may change on an activity."""

    model_config = examples.ACTIVITY_CHANGE

    status: ActivityStatus | None = None
    queue_id: Id | None = None


def _somebody(value: str) -> str:
    if not value.strip():
        raise ValueError("must name somebody; null gives it back to the queue")
    return value.strip()


Assignee = Annotated[Line, AfterValidator(_somebody)]


class Assignment(Strict):
    model_config = examples.ASSIGNMENT

    assigned_to: Assignee | None = Field(description="Who works on it; null gives it back to the queue.")


class Transfer(Strict, words=activity_words.LETTER):
    """To another department: into `queue_id`, or its default queue."""

    model_config = examples.TRANSFER

    department_id: Id
    queue_id: Id | None = None
    note: Note = Field(default="", description="Why; kept in the audit log.")


class _StrictBase64(Base64Encoder):
    """Python's own decoder skips what is not base64, and the file would arrive broken."""

    @classmethod
    def decode(cls, data: bytes) -> bytes:
        try:
            return base64.b64decode(b"".join(data.split()), validate=True)
        except binascii.Error as problem:
            raise ValueError(f"is not base64 (RFC 4648 section 4): {problem}") from None


Base64Content = Annotated[bytes, EncodedBytes(encoder=_StrictBase64)]


class NewAttachment(Strict, words=activity_words.ATTACHMENT):
    name: Name
    content_type: Annotated[str, Field(max_length=255, pattern=MEDIA_TYPE)] = "application/octet-stream"
    content_base64: Base64Content


Attachments = Annotated[list[NewAttachment], Field(max_length=100)]


class NewReply(Strict, words=activity_words.LETTER):
    """An answer to an activity. Only `text` or `html` is needed; all else follows from the activity."""

    model_config = examples.NEW_REPLY

    text: Text | None = None
    html: Text | None = None
    to: Recipients | None = None
    cc: Recipients = []
    bcc: Recipients = []
    subject: SubjectLine | None = None
    from_address: Address | None = None
    attachments: Attachments = []
    automatic: bool = Field(
        default=False, description="An automatic answer: envelope sender <> and Auto-Submitted (RFC 3834)."
    )


class NewMessage(Strict, words=activity_words.LETTER):
    """A new outbound e-mail of a department (compose). From defaults to the default alias."""

    model_config = examples.NEW_MESSAGE

    text: Text | None = None
    html: Text | None = None
    to: Annotated[Recipients, Field(min_length=1)]
    cc: Recipients = []
    bcc: Recipients = []
    subject: SubjectLine
    from_address: Address | None = None
    attachments: Attachments = []


DeliveryStatus = Literal["queued", "sending", "sent", "failed", "uncertain", "cancelled"]
RecipientKind = Literal["to", "cc", "bcc", "automatic_bcc", "send_mail_to"]
RecipientStatus = Literal["queued", "sent", "failed", "uncertain", "cancelled"]


class DeliveryRecipient(Sent, words=activity_words.RECIPIENT):
    address: str
    kind: RecipientKind
    status: RecipientStatus
    smtp_code: int | None
    enhanced_code: str | None
    smtp_reply: str | None
    bounced_by: int | None


class Delivery(Sent, words=activity_words.DELIVERY):
    """How far an outbound activity has come."""

    model_config = examples.DELIVERY

    activity_id: int
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime | None
    last_error: str | None
    recipients: list[DeliveryRecipient]
