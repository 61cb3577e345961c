"""What a mail is: a customer's, a bounce, an automatic reply or a complaint, and why. Pure.

What is sure comes first: a machine-readable report, then codes and words in a report for people, then what a library
knows. The department's phrases decide everything else (R238), or all of it under `phrases_only`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ece_common.contracts.activities import Subtype
from ece_common.contracts.evidence import Evidence, EvidenceSource, ReportedRecipient
from ece_common.contracts.policies import Failure
from ece_common.contracts.settings import BounceEvidence
from ece_common.policies.delivery_exceptions import Looked, Matcher
from retriever.parsing import ParsedMail
from retriever.recognition import (
    bounce_library,
    delivery_report,
    feedback_report,
    headers,
    provider_notice,
    returned_message,
    signs,
    text_report,
)
from retriever.recognition.delivery_report import DeliveryReport
from retriever.recognition.signs import Signs

_BOUNCES: dict[Failure, Subtype] = {
    "permanent": "email_permanent_undeliverable",
    "temporary": "email_temporary_undeliverable",
}
_RECEIPT = "message/disposition-notification"
_EMBEDDED = re.compile(
    rb"^[ \t]*(?:reporting-mta|original-recipient|final-recipient)[ \t]*:", re.IGNORECASE | re.MULTILINE
)
_EMBEDDED_READ = 64 * 1024


@dataclass(frozen=True, slots=True)
class Recognised:
    subtype: Subtype
    evidence: Evidence | None


def recognise(mail: ParsedMail, original: bytes, matcher: Matcher, how: BounceEvidence) -> Recognised:
    found = _by_evidence(mail, original) if how == "delivery_status_first" else None
    if found is None:
        found = _by_phrase(mail, matcher) or Recognised(mail.subtype, None)
    if mail.auto_submitted is None:
        return found
    evidence = found.evidence or Evidence(source="headers" if found.subtype == "auto_reply" else None)
    return Recognised(found.subtype, evidence.model_copy(update={"auto_submitted": mail.auto_submitted[:1000]}))


def _by_phrase(mail: ParsedMail, matcher: Matcher) -> Recognised | None:
    phrase = matcher.match(Looked(mail.from_, mail.subject, mail.raw_subject))
    if phrase is None:
        return None
    reported = returned_message.of(mail)
    evidence = Evidence(source="phrase", failure=phrase.failure, phrase=phrase, reported=reported)
    return Recognised(_BOUNCES[phrase.failure], evidence)


def _by_evidence(mail: ParsedMail, original: bytes) -> Recognised | None:
    """None: nothing but phrases can tell."""
    known = _complaint(mail) or _notice(mail)
    if known is not None:
        return known
    shown = signs.of(mail)
    return _machine_readable(mail, shown) or _for_people(mail, original, shown)


def _complaint(mail: ParsedMail) -> Recognised | None:
    feedback = feedback_report.read(mail)
    if feedback is None:
        return None
    evidence = Evidence(
        source="feedback_report",
        feedback_type=feedback.kind,
        recipients=feedback.recipients,
        reported=returned_message.of(mail),
    )
    return Recognised("complaint" if feedback.is_complaint else mail.subtype, evidence)


def _notice(mail: ParsedMail) -> Recognised | None:
    notice = provider_notice.read(mail)
    if notice is None:
        return None
    if notice.kind == "complaint":
        complaint = Evidence(source="feedback_report", feedback_type="abuse", recipients=notice.recipients)
        found = Recognised("complaint", complaint)
    else:
        found = _bounce(mail, "delivery_status", notice.failure, notice.recipients)
    if found.evidence is None or notice.reported is None:
        return found
    return Recognised(found.subtype, found.evidence.model_copy(update={"reported": notice.reported}))


def _machine_readable(mail: ParsedMail, shown: Signs) -> Recognised | None:
    statuses = [file.content for file in mail.attachments if file.content_type in headers.STATUS_TYPES]
    # A person passing a report on, as it came or among other files, sends no report.
    report = delivery_report.read(b"\n\n".join(statuses)) if statuses and shown.header.server else None
    return _reported(mail, report) if report is not None else None


def _for_people(mail: ParsedMail, original: bytes, shown: Signs) -> Recognised | None:
    header = shown.header
    if _is_receipt(mail) and not shown.is_report:
        return Recognised(mail.subtype, None)
    if not header.any:
        return None
    embedded = _embedded(mail) if header.server else None
    if embedded is not None:
        return _reported(mail, embedded)
    if shown.is_report:
        return _told(mail, original, shown)
    recipients = [] if _passed_on(mail, shown) else bounce_library.read(original)
    return _bounce(mail, "bounce_library", _worst(recipients), recipients) if recipients else None


def _passed_on(mail: ParsedMail, shown: Signs) -> bool:
    """Nothing for the library: it finds a report wherever it stands, also in what somebody forwards."""
    header = shown.header
    attached = returned_message.in_a_part(mail) and not shown.ours
    return not shown.body or header.forward or (attached and not header.server)


def _told(mail: ParsedMail, original: bytes, shown: Signs) -> Recognised:
    report = text_report.read(mail, shown)
    recipients = report.recipients
    if not recipients and report.failure is not None:
        known = bounce_library.read(original)
        recipients = [one.model_copy(update={"failure": report.failure}) for one in known]
    return _bounce(mail, report.source, report.failure, recipients)


def _reported(mail: ParsedMail, report: DeliveryReport) -> Recognised:
    return _bounce(mail, "delivery_status", report.failure, report.recipients, report.reporting_mta)


def _embedded(mail: ParsedMail) -> DeliveryReport | None:
    """Servers and filters on the way turn a report's parts into text."""
    for text in _texts(mail):
        start = _EMBEDDED.search(text)
        report = delivery_report.read(text[start.start() :]) if start is not None else None
        if report is not None and any(one.action and one.address for one in report.recipients):
            return report
    return None


def _texts(mail: ParsedMail) -> Iterator[bytes]:
    if mail.text:
        yield mail.text[:_EMBEDDED_READ].encode()
    for file in mail.attachments:
        if file.content_type == "text/plain":
            yield file.content[:_EMBEDDED_READ]


def _is_receipt(mail: ParsedMail) -> bool:
    """A notice that a mail was opened or deleted (RFC 8098). Some servers refuse mail in this form: see signs.py."""
    return any(file.content_type == _RECEIPT for file in mail.attachments)


def _worst(recipients: Sequence[ReportedRecipient]) -> Failure:
    return "permanent" if any(one.failure == "permanent" for one in recipients) else "temporary"


def _bounce(
    mail: ParsedMail,
    source: EvidenceSource,
    failure: Failure | None,
    recipients: list[ReportedRecipient],
    reporting_mta: str | None = None,
) -> Recognised:
    """Without a failure it tells of a delivery that went well, and is no bounce."""
    evidence = Evidence(
        source=source,
        failure=failure,
        recipients=recipients,
        reporting_mta=reporting_mta,
        reported=returned_message.of(mail),
    )
    return Recognised(_BOUNCES[failure] if failure is not None else mail.subtype, evidence)
