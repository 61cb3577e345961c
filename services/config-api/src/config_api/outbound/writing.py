"""An outgoing message is written down: activity, delivery, recipients and files in one transaction."""

from config_api import changes
from config_api.acting import Act
from config_api.activities import views
from config_api.activities.tables import ActivityRow, AttachmentRow
from config_api.outbound import addressing, answering, screening
from config_api.outbound.letters import Letter
from config_api.outbound.retry_schedule import TRIED_FOR
from config_api.outbound.screening import Screened
from config_api.outbound.tables import DeliveryRow, RecipientRow
from config_api.quarantine.tables import BlockedAttachmentRow
from ece_common.contracts.activities import Activity, Attachment
from ece_common.errors import Invalid

MAXIMUM_RECIPIENTS = 500


def require_body(text: str | None, html: str | None) -> None:
    if not text and not html:
        raise Invalid.field("text", "is required, unless there is `html`")


async def write(act: Act, letter: Letter) -> Activity:
    recipients = addressing.distinct((("to", letter.to), ("cc", letter.cc), ("bcc", letter.bcc)))
    if len(recipients) > MAXIMUM_RECIPIENTS:
        raise Invalid.field("to", f"takes at most {MAXIMUM_RECIPIENTS} recipients together with `cc` and `bcc`")
    checked = await screening.screened(act, letter)
    letter = checked.letter
    row = _activity(act, checked)
    act.session.add(row)
    await act.session.flush()
    assert row.id is not None
    act.session.add(
        DeliveryRow(
            activity_id=row.id, alias_id=letter.alias_id, automatic=letter.automatic, next_attempt_at=act.now,
            available_at=act.now, give_up_at=act.now + TRIED_FOR, created_at=act.now,
        )
    )  # fmt: skip
    files = _attachments(row.id, checked)
    act.session.add_all(files)
    await act.session.flush()
    act.session.add_all(_blocked(act, row, checked))
    act.session.add_all(
        RecipientRow(activity_id=row.id, position=one.position, address=one.address, kind=one.kind)
        for one in recipients
    )
    _tell(act, row)
    await changes.announce(act.session, changes.OUTBOUND)
    return views.shown(row, [Attachment.model_validate(file) for file in files])


def _activity(act: Act, checked: Screened) -> ActivityRow:
    letter = checked.letter
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
        policy_version=checked.policy_version,
        auto_submitted="auto-replied" if letter.automatic else None,
        created_at=act.now,
        updated_at=act.now,
    )


def _attachments(activity_id: int, checked: Screened) -> list[AttachmentRow]:
    """Blocked ones are stored beside the others, and not sent."""
    return [
        AttachmentRow(
            activity_id=activity_id,
            n=n,
            name=one.name,
            content_type=one.content_type,
            size=len(one.content_base64),
            state="available" if not verdict.blocked else "quarantined" if checked.keeps_content else "deleted",
            content=one.content_base64 if checked.keeps_content or not verdict.blocked else None,
        )
        for n, (one, verdict) in enumerate(zip(checked.letter.attachments, checked.verdicts, strict=True), 1)
    ]


def _blocked(act: Act, row: ActivityRow, checked: Screened) -> list[BlockedAttachmentRow]:
    if not checked.keeps_content or row.department_id is None or row.id is None:
        return []
    return [
        BlockedAttachmentRow(
            department_id=row.department_id,
            activity_id=row.id,
            n=n,
            extension=verdict.extension,
            path=verdict.path,
            reason=verdict.reason,
            blocked_at=act.now,
        )
        for n, verdict in enumerate(checked.verdicts, 1)
        if verdict.blocked
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
