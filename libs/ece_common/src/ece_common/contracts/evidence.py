"""Why a mail was taken for a bounce, an automatic reply or a complaint: kept with the activity."""

from typing import Annotated, Literal

from pydantic import Field

from ece_common.contracts import policy_words
from ece_common.contracts.base import Strict
from ece_common.contracts.policies import Failure, PhraseType

EvidenceSource = Literal[
    "delivery_status", "codes_in_text", "words_in_text", "bounce_library", "phrase", "headers", "feedback_report"
]
"""delivery_status: a machine-readable report (RFC 3464). codes_in_text: status codes in a report for people.
words_in_text: its words. bounce_library: flufl.bounce knew the server's style. phrase: a delivery exception of the
department. headers: RFC 3834. feedback_report: RFC 5965."""
MAXIMUM_RECIPIENTS = 100
Short = Annotated[str, Field(max_length=1000)]


class MatchedPhrase(Strict, words=policy_words.MATCHED_PHRASE):
    """The delivery exception that decided."""

    id: int
    type: PhraseType
    phrase: Short
    failure: Failure
    found_in: Literal["from", "subject", "raw_subject"]


class ReportedRecipient(Strict):
    """One recipient a report speaks of. What the report does not say is left out."""

    address: Short | None = None
    original_address: Short | None = None
    """As the sender wrote it, where the server forwarded the mail to another one."""
    action: Annotated[str, Field(max_length=100)] | None = None
    status: Annotated[str, Field(max_length=20)] | None = None
    """Enhanced status code (RFC 3463), `5.1.1`."""
    smtp_code: Annotated[int, Field(ge=200, le=599)] | None = None
    diagnostic: Short | None = None
    failure: Failure | None = None
    """None: delivered, relayed, or not said."""


class ReportedMessage(Strict):
    """What came back of the message that the mail is about."""

    return_tag: Annotated[str, Field(max_length=200)] | None = None
    """Worth nothing before it was verified: anybody can write one."""
    message_id: Short | None = None


class HiddenText(Strict):
    """A text of the mail that was masked as a whole, since a pattern could not be applied to it in time."""

    part: Annotated[str, Field(max_length=100)]
    pattern: Short
    reason: Annotated[str, Field(max_length=100)]


class Evidence(Strict):
    source: EvidenceSource | None = None
    """None: a plain mail that says something of itself in `auto_submitted`."""
    failure: Failure | None = None
    phrase: MatchedPhrase | None = None
    recipients: Annotated[list[ReportedRecipient], Field(max_length=MAXIMUM_RECIPIENTS)] = []
    reporting_mta: Short | None = None
    reported: ReportedMessage | None = None
    feedback_type: Annotated[str, Field(max_length=100)] | None = None
    auto_submitted: Short | None = None
    """The header Auto-Submitted as it was written (RFC 3834 section 5)."""
    hidden: Annotated[list[HiddenText], Field(max_length=1000)] = []
