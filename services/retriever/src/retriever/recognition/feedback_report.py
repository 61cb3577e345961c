"""Complaints of recipients, passed on by their providers (RFC 5965), and Outlook.com's form of them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from ece_common.contracts.evidence import MAXIMUM_RECIPIENTS, ReportedRecipient
from retriever.parsing import ParsedMail
from retriever.recognition import report_fields

_OUTLOOK_FIELD = b"x-hmxmroriginalrecipient:"
_OUTLOOK_HEAD = 4096
_NO_COMPLAINTS = ("not-spam", "auth-failure")
_RECIPIENT_FIELDS = ("original-rcpt-to", "removal-recipient", "redacted-address")


@dataclass(frozen=True, slots=True)
class FeedbackReport:
    kind: str
    """Feedback-Type: `abuse`, `fraud`, `not-spam`, `auth-failure` and others."""
    recipients: list[ReportedRecipient]

    @property
    def is_complaint(self) -> bool:
        """`not-spam` says the opposite (RFC 6430); `auth-failure` is a server's and tells of DKIM (RFC 6591)."""
        return self.kind not in _NO_COMPLAINTS


def read(mail: ParsedMail) -> FeedbackReport | None:
    for file in mail.attachments:
        if file.content_type == "message/feedback-report":
            return _arf(file.content)
    recipient = _outlook(mail)
    return FeedbackReport("abuse", [ReportedRecipient(address=recipient)]) if recipient else None


def _arf(content: bytes) -> FeedbackReport:
    blocks = report_fields.blocks(content, begins=_RECIPIENT_FIELDS)
    kind = next((block["feedback-type"] for block in blocks if "feedback-type" in block), "abuse")
    addresses = dict.fromkeys(
        address
        for block in blocks
        for name in _RECIPIENT_FIELDS
        if (address := report_fields.address(block.get(name))) is not None
    )
    recipients = [ReportedRecipient(address=address) for address in list(addresses)[:MAXIMUM_RECIPIENTS]]
    return FeedbackReport(kind.partition(" ")[0].strip().lower()[:100] or "abuse", recipients)


def _outlook(mail: ParsedMail) -> str | None:
    """The junk mail reporting programme sends the mail back with one field more, and no report."""
    return next((address for address in _outlook_fields(mail) if address), None)


def _outlook_fields(mail: ParsedMail) -> Iterator[str | None]:
    for name, value in mail.headers:
        if name.lower().encode() + b":" == _OUTLOOK_FIELD:
            yield report_fields.address(value)
    for file in mail.attachments:
        if file.content_type == "message/rfc822" and _OUTLOOK_FIELD in file.content[:_OUTLOOK_HEAD].lower():
            blocks = report_fields.blocks(file.content[:_OUTLOOK_HEAD])
            yield next((report_fields.address(block.get("x-hmxmroriginalrecipient")) for block in blocks), None)
