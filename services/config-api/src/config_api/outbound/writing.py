"""An outgoing message is written down: activity, delivery, recipients and files in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from config_api import changes
from config_api.acting import Act
from config_api.activities import views
from config_api.activities.tables import ActivityRow, AttachmentRow
from config_api.outbound import addressing, answering
from config_api.outbound.retry_schedule import TRIED_FOR
from config_api.outbound.tables import DeliveryRow, RecipientRow
from ece_common.contracts.activities import Activity, Attachment, NewAttachment
from ece_common.errors import Invalid

MAXIMUM_RECIPIENTS = 500


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


def require_body(text: str | None, html: str | None) -> None:
    if not text and not html:
        raise Invalid.field("text", "is required, unless there is `html`")


async def write(act: Act, letter: Letter) -> Activity:
    recipients = addressing.distinct((("to", letter.to), ("cc", letter.cc), ("bcc", letter.bcc)))
    if len(recipients) > MAXIMUM_RECIPIENTS:
        raise Invalid.field("to", f"takes at most {MAXIMUM_RECIPIENTS} recipients together with `cc` and `bcc`")
    row = _activity(act, letter)
    act.session.add(row)
    await act.session.flush()
    assert row.id is not None
    act.session.add(
        DeliveryRow(
            activity_id=row.id, alias_id=letter.alias_id, automatic=letter.automatic, next_attempt_at=act.now,
            available_at=act.now, give_up_at=act.now + TRIED_FOR, created_at=act.now,
        )
    )  # fmt: skip
    files = _attachments(row.id, letter.attachments)
    act.session.add_all(files)
    await act.session.flush()
    act.session.add_all(
        RecipientRow(activity_id=row.id, position=one.position, address=one.address, kind=one.kind)
        for one in recipients
    )
    _tell(act, row)
    await changes.announce(act.session, changes.OUTBOUND)
    return views.shown(row, [Attachment.model_validate(file) for file in files])


def _activity(act: Act, letter: Letter) -> ActivityRow:
    return ActivityRow(
        department_id=letter.department_id,
        alias_id=letter.alias_id,
        direction="outbound",
        subtype="email",
        status="in_progress",
        from_=letter.from_address,
        to=letter.to,
        cc=letter.cc,
        bcc=letter.bcc,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        message_id=answering.new_message_id(letter.from_address),
        in_reply_to=letter.in_reply_to,
        references=letter.references,
        parent_id=letter.parent_id,
        auto_submitted="auto-replied" if letter.automatic else None,
        created_at=act.now,
        updated_at=act.now,
    )


def _attachments(activity_id: int, new: Sequence[NewAttachment]) -> list[AttachmentRow]:
    return [
        AttachmentRow(
            activity_id=activity_id,
            n=n,
            name=one.name,
            content_type=one.content_type,
            size=len(one.content_base64),
            content=one.content_base64,
        )
        for n, one in enumerate(new, 1)
    ]


def _tell(act: Act, row: ActivityRow) -> None:
    subject = f"activity/{row.id}"
    data = {
        "activity_id": row.id,
        "direction": "outbound",
        "subtype": row.subtype,
        "alias_id": row.alias_id,
        "queue_id": None,
        "parent_id": row.parent_id,
    }
    act.event("activity.created", subject, data, department_id=row.department_id)
    act.audit("activity.created", subject, {"parent_id": row.parent_id}, department_id=row.department_id)
