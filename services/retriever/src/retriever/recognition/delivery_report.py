"""What a machine-readable delivery report says of every recipient (RFC 3464, RFC 6533). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ece_common.contracts.evidence import MAXIMUM_RECIPIENTS, ReportedRecipient
from ece_common.contracts.policies import Failure
from retriever.recognition import report_fields, status_codes
from retriever.recognition.report_fields import Block

_RECIPIENT = ("final-recipient", "original-recipient")
_ABOUT_A_RECIPIENT = (*_RECIPIENT, "action", "status", "diagnostic-code", "x-actual-recipient")
_DELIVERED = ("delivered", "relayed", "expanded")
_UNSAID = ("0.0", ".0.0")


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    recipients: list[ReportedRecipient]
    reporting_mta: str | None

    @property
    def failure(self) -> Failure | None:
        """Permanent when it is for any recipient; None: everything was delivered."""
        failures = {one.failure for one in self.recipients}
        return "permanent" if "permanent" in failures else "temporary" if "temporary" in failures else None


def read(content: bytes) -> DeliveryReport | None:
    """None when nothing in it says what became of a recipient."""
    found = report_fields.blocks(content, begins=_RECIPIENT[:1])
    groups = _merged([block for block in found if any(name in block for name in _ABOUT_A_RECIPIENT)])
    recipients = [recipient(group) for group in groups[:MAXIMUM_RECIPIENTS]]
    if not any(one.action or one.status or one.smtp_code for one in recipients):
        return None
    mta = next((block["reporting-mta"] for block in found if "reporting-mta" in block), None)
    return DeliveryReport(recipients, report_fields.typed(mta)[:1000] or None)


def _merged(groups: Sequence[Block]) -> list[Block]:
    """A blank line in the wrong place parts a recipient from what is said of it, before it or behind it."""
    merged: list[Block] = []
    for group in groups:
        if merged and not (_names_one(group) and _names_one(merged[-1])) and not set(group) & set(merged[-1]):
            merged[-1] = {**merged[-1], **group}
        else:
            merged.append(group)
    return merged


def _names_one(group: Block) -> bool:
    return any(name in group for name in _RECIPIENT)


def recipient(group: Block) -> ReportedRecipient:
    action = group.get("action", "").partition(" ")[0].partition("(")[0].strip().lower() or None
    diagnostic = report_fields.typed(group.get("diagnostic-code")) or group.get("status", "")
    codes = status_codes.worst(diagnostic)
    said = next(iter(status_codes.enhanced_in(group.get("status", ""))), None)
    status = codes.enhanced if codes.enhanced and (said is None or said.endswith(_UNSAID)) else said
    final = report_fields.address(group.get("final-recipient")) or report_fields.address(
        group.get("x-actual-recipient")
    )
    original = report_fields.address(group.get("original-recipient"))
    return ReportedRecipient(
        address=final or original,
        original_address=original if original != final else None,
        action=action[:100] if action else None,
        status=status or (group["status"].strip()[:5] if group.get("status", "").strip().startswith("2.") else None),
        smtp_code=codes.smtp,
        diagnostic=diagnostic[:1000] or None,
        failure=_failure(action, status, codes.smtp, group.get("status", "")),
    )


def _failure(action: str | None, status: str | None, smtp: int | None, said: str) -> Failure | None:
    if action in _DELIVERED:
        return None
    if action is not None and action.startswith("delay"):
        return "temporary"
    by_code = status_codes.failure_of(status or said.strip()) or (
        status_codes.failure_of(str(smtp)) if smtp is not None else None
    )
    if by_code is None and action is not None and action.startswith("fail"):
        return "permanent"
    return by_code
