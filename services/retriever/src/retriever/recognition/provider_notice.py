"""Bounces and complaints that Amazon SES tells of in JSON, in a mail of its notification service. Pure.

The shape of the JSON is documented with SES ("Amazon SNS notification contents").
"""

import json
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from ece_common.contracts.evidence import MAXIMUM_RECIPIENTS, ReportedRecipient
from ece_common.contracts.policies import Failure
from retriever.parsing import ParsedMail, charsets
from retriever.recognition import delivery_report

_SENDER = "no-reply@sns.amazonaws.com"
_LONGEST = 256 * 1024


_Text = Annotated[str, AfterValidator(charsets.clean)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Recipient(_Part):
    address: Annotated[_Text, Field(alias="emailAddress")]
    action: _Text = "failed"
    status: _Text = ""
    diagnostic: Annotated[_Text, Field(alias="diagnosticCode")] = ""


class _Bounce(_Part):
    kind: Annotated[str, Field(alias="bounceType")] = "Undetermined"
    recipients: Annotated[list[_Recipient], Field(alias="bouncedRecipients")] = []


class _Complaint(_Part):
    recipients: Annotated[list[_Recipient], Field(alias="complainedRecipients")] = []


class _Notice(_Part):
    kind: Annotated[str, Field(validation_alias=AliasChoices("notificationType", "eventType"))]
    bounce: _Bounce | None = None
    complaint: _Complaint | None = None


@dataclass(frozen=True, slots=True)
class ProviderNotice:
    kind: Literal["bounce", "complaint", "other"]
    failure: Failure | None
    recipients: list[ReportedRecipient]


def read(mail: ParsedMail) -> ProviderNotice | None:
    """None when the mail is none of that service, or says something else than its documentation."""
    if (mail.from_ or "").lower() != _SENDER or mail.text is None:
        return None
    start = mail.text.find("{")
    try:
        found, _ = json.JSONDecoder().raw_decode(mail.text[start : start + _LONGEST]) if start >= 0 else (None, 0)
        notice = _Notice.model_validate(found)
    except (ValueError, ValidationError, RecursionError):
        return None
    if notice.bounce is not None and notice.kind == "Bounce":
        failure: Failure = "temporary" if notice.bounce.kind == "Transient" else "permanent"
        return ProviderNotice(
            "bounce", failure, [_bounced(one, failure) for one in _bounded(notice.bounce.recipients)]
        )
    if notice.complaint is not None and notice.kind == "Complaint":
        complained = [ReportedRecipient(address=one.address[:1000]) for one in _bounded(notice.complaint.recipients)]
        return ProviderNotice("complaint", None, complained)
    return ProviderNotice("other", None, [])


def _bounded(recipients: list[_Recipient]) -> list[_Recipient]:
    return recipients[:MAXIMUM_RECIPIENTS]


def _bounced(told: _Recipient, otherwise: Failure) -> ReportedRecipient:
    group = {
        "final-recipient": told.address,
        "action": told.action,
        "status": told.status,
        "diagnostic-code": told.diagnostic,
    }
    read = delivery_report.recipient(group)
    return read if told.status or told.diagnostic else read.model_copy(update={"failure": otherwise})
