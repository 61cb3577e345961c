"""Bounces and complaints that Amazon SES tells of in JSON, in a mail of its notification service. Pure.

The shape of the JSON is documented with SES ("Amazon SNS notification contents").
"""

import contextlib
import json
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from ece_common.contracts.evidence import MAXIMUM_RECIPIENTS, ReportedMessage, ReportedRecipient
from ece_common.contracts.policies import Failure
from retriever.parsing import ParsedMail, charsets
from retriever.recognition import delivery_report
from retriever.recognition.returned_message import RETURN_TAG_HEADER

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


class _Field(_Part):
    name: _Text = ""
    value: _Text = ""


class _Sent(_Part):
    """What the notice is about; its header is told when SES is set so."""

    fields: Annotated[list[_Field], Field(alias="headers")] = []


class _Envelope(_Part):
    """The notification service's own, around the notice: with its delivery protocol `email-json`."""

    message: Annotated[str, Field(alias="Message")]


class _Notice(_Part):
    kind: Annotated[str, Field(validation_alias=AliasChoices("notificationType", "eventType"))]
    bounce: _Bounce | None = None
    complaint: _Complaint | None = None
    mail: _Sent = _Sent()


@dataclass(frozen=True, slots=True)
class ProviderNotice:
    kind: Literal["bounce", "complaint", "other"]
    failure: Failure | None
    recipients: list[ReportedRecipient]
    reported: ReportedMessage | None = None


def read(mail: ParsedMail) -> ProviderNotice | None:
    """None when the mail is none of that service, or says something else than its documentation."""
    if (mail.from_ or "").lower() != _SENDER or mail.text is None:
        return None
    try:
        notice = _parsed(mail.text)
    except (ValueError, ValidationError, RecursionError):
        return None
    reported = _reported(notice.mail.fields)
    if notice.bounce is not None and notice.kind == "Bounce":
        failure: Failure = "temporary" if notice.bounce.kind == "Transient" else "permanent"
        bounced = [_bounced(one, failure) for one in _bounded(notice.bounce.recipients)]
        return ProviderNotice("bounce", failure, bounced, reported)
    if notice.complaint is not None and notice.kind == "Complaint":
        complained = [ReportedRecipient(address=one.address[:1000]) for one in _bounded(notice.complaint.recipients)]
        return ProviderNotice("complaint", None, complained, reported)
    return ProviderNotice("other", None, [])


def _parsed(text: str) -> _Notice:
    found = _first_object(text)
    with contextlib.suppress(ValidationError):
        found = _first_object(_Envelope.model_validate(found).message)
    return _Notice.model_validate(found)


def _first_object(text: str) -> object:
    start = text.find("{")
    return json.JSONDecoder().raw_decode(text[start : start + _LONGEST])[0] if start >= 0 else None


def _reported(fields: list[_Field]) -> ReportedMessage | None:
    named = {one.name.lower(): one.value.strip() for one in reversed(fields)}
    tag, message_id = named.get(RETURN_TAG_HEADER.lower()), named.get("message-id")
    if not tag and not message_id:
        return None
    return ReportedMessage(return_tag=tag[:200] if tag else None, message_id=message_id[:998] if message_id else None)


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
