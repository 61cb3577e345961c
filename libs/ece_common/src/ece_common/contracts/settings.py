"""Partition and department settings: every name, default and range in one place (guide chapter 2)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ece_common.contracts import settings_examples, settings_words
from ece_common.contracts.base import Address, Host, Line, Port, Secret, Sent, Strict, SubjectLine
from ece_common.contracts.blocked_extensions import extension
from ece_common.contracts.mistakes import WEB_SERVER

KIB = 1024
MIB = 1024 * 1024

FromOnTransfer = Literal["do_not_change", "use_default_alias_of_destination_department"]
LargeEmailAction = Literal["skip_and_notify", "delete_and_notify"]
BounceEvidence = Literal["delivery_status_first", "phrases_only"]
UncertainDelivery = Literal["hold", "resend"]


def _extension(value: str) -> str:
    """Kept as it was typed, and read as a department's own list is."""
    if value.strip() in ("*", ".*", "*.*"):
        raise ValueError("must be an extension alone; to block every file set block_all_attachments of a department")
    extension(value)
    return value.strip()


Extension = Annotated[Line, Field(min_length=1, max_length=64), AfterValidator(_extension)]
Extensions = Annotated[list[Extension], Field(max_length=1000)]

MaximumEmailSize = Annotated[int, Field(ge=KIB, le=150 * MIB)]
MaximumBodySize = Annotated[int, Field(ge=10 * KIB, le=10 * MIB)]
BatchSize = Annotated[int, Field(ge=1, le=250)]
Attempts = Annotated[int, Field(ge=1, le=100)]
RetryAfter = Annotated[int, Field(ge=1, le=86_400)]
PollInterval = Annotated[int, Field(ge=1, le=86_400)]
EventsKeptDays = Annotated[int, Field(ge=7, le=3650)]


class SharedSettings(Sent, words=settings_words.SHARED):
    """What a partition sets for every department and a department may set for itself."""

    from_on_transfer: FromOnTransfer = "do_not_change"


class PartitionSettings(SharedSettings, words=settings_words.PARTITION):
    """All partition settings with their values in force. Sizes in bytes, times in seconds."""

    model_config = settings_examples.PARTITION

    default_smtp_server: str | None = None
    default_smtp_protocol: Literal["SMTP", "ESMTP"] = "SMTP"
    default_smtp_port: int = 25
    smtp_flag: Literal["never", "when_authorization_fails"] = "never"
    default_smtp_user_name: str | None = None
    web_server_url: str | None = None
    attachments_allowed: list[str] = []
    attachments_blocked: list[str] = []
    maximum_email_size: int = 25 * MIB
    action_for_large_email: LargeEmailAction = "skip_and_notify"
    maximum_body_size: int = MIB
    message_note_for_large_body: str = "Email body was too large. It is saved as an attachment"
    retriever_batch_size: int = 100
    notification_to_address: str | None = None
    notification_from_address: str | None = None
    connection_attempts: int = 3
    retry_after_seconds: int = 600
    poll_interval_seconds: int = 30
    bounce_evidence: BounceEvidence = "delivery_status_first"
    uncertain_delivery: UncertainDelivery = "hold"
    events_kept_days: int = 365
    departments_may_override: list[str] = ["from_on_transfer"]
    default_smtp_password_set: bool = False


class PartitionSettingsChange(Strict, words=settings_words.PARTITION):
    """RFC 7396 merge patch: a field left out stays, null goes back to the default."""

    model_config = settings_examples.PARTITION_CHANGE

    default_smtp_server: Host | None = None
    default_smtp_protocol: Literal["SMTP", "ESMTP"] | None = None
    default_smtp_port: Port | None = None
    smtp_flag: Literal["never", "when_authorization_fails"] | None = None
    default_smtp_user_name: Line | None = None
    default_smtp_password: Secret | None = None
    web_server_url: Annotated[SubjectLine, Field(pattern=WEB_SERVER)] | None = None
    attachments_allowed: Extensions | None = None
    attachments_blocked: Extensions | None = None
    maximum_email_size: MaximumEmailSize | None = None
    action_for_large_email: LargeEmailAction | None = None
    maximum_body_size: MaximumBodySize | None = None
    message_note_for_large_body: Line | None = None
    retriever_batch_size: BatchSize | None = None
    notification_to_address: Address | None = None
    notification_from_address: Address | None = None
    connection_attempts: Attempts | None = None
    retry_after_seconds: RetryAfter | None = None
    poll_interval_seconds: PollInterval | None = None
    bounce_evidence: BounceEvidence | None = None
    uncertain_delivery: UncertainDelivery | None = None
    events_kept_days: EventsKeptDays | None = None
    from_on_transfer: FromOnTransfer | None = None
    departments_may_override: list[Literal["from_on_transfer"]] | None = None


class DepartmentSettings(SharedSettings, words=settings_words.DEPARTMENT):
    """A department's settings in force; `overrides` names those that it sets itself."""

    model_config = settings_examples.DEPARTMENT

    email_for_scan: Literal["inbound_emails_only", "both_inbound_and_outbound_emails"] = "inbound_emails_only"
    block_all_attachments: bool = False
    action_on_blocked_attachments: Literal["quarantine", "delete"] = "quarantine"
    encrypted_archives: Literal["block", "allow"] = "block"
    outgoing_blocked_attachments: Literal["refuse", "strip"] = "refuse"
    overrides: list[str] = []


class DepartmentSettingsChange(Strict, words=settings_words.DEPARTMENT):
    """RFC 7396 merge patch: null goes back to what the partition says, or to the default."""

    model_config = settings_examples.DEPARTMENT_CHANGE

    from_on_transfer: FromOnTransfer | None = None
    email_for_scan: Literal["inbound_emails_only", "both_inbound_and_outbound_emails"] | None = None
    block_all_attachments: bool | None = None
    action_on_blocked_attachments: Literal["quarantine", "delete"] | None = None
    encrypted_archives: Literal["block", "allow"] | None = None
    outgoing_blocked_attachments: Literal["refuse", "strip"] | None = None
