"""Aliases: the addresses customers write to, with their servers and their status (guide chapter 3)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ece_common.contracts import alias_words, examples, worker_answer_examples, worker_examples, worker_words
from ece_common.contracts.base import Address, Epoch, Host, Line, Name, Note, Port, Secret, Sent, Strict

AliasStatus = Literal["active", "inactive"]
Actor = Literal["administrator", "system"]
IncomingType = Literal["POP3", "IMAP"]
OutgoingType = Literal["SMTP", "ESMTP"]
UseSmtp = Literal["never", "when_authorization_fails"]
AfterRetrieval = Literal["delete", "mark_seen", "move", "keep"]
Condition = Literal["recoverable", "manual"]
"""Recoverable: the system tries again by itself (R124). Manual: only an administrator reactivates (R132)."""


def _split_list(value: Any) -> Any:  # noqa: ANN401 - the raw value of a request, judged by the field after this
    """R70: a list, or one string with the addresses separated by semicolons."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(";") if part.strip()]
    return value


Redirections = Annotated[list[Address], Field(max_length=100), BeforeValidator(_split_list)]


def _at_most_one(value: Any) -> Any:  # noqa: ANN401 - the raw value of a request
    """R56: one address; a list in a string is refused by name instead of as a broken address."""
    if isinstance(value, str) and any(mark in value for mark in ";,") and value.count("@") > 1:
        raise ValueError("takes at most one address; found several")
    return None if isinstance(value, str) and not value.strip() else value


OneAddress = Annotated[Address, BeforeValidator(_at_most_one)]


class TlsOptions(Strict, words=alias_words.TLS):
    """How a server's certificate is checked. Verification itself cannot be switched off."""

    ca_bundle: Annotated[str, Field(max_length=200_000)] | None = None
    minimum_version: Literal["TLSv1.2", "TLSv1.3"] = "TLSv1.2"


class NewIncoming(Strict, words=alias_words.INCOMING):
    server_type: IncomingType = "POP3"
    server_name: Host
    user_name: Annotated[Line, Field(min_length=1)]
    password: Secret
    verify_password: Secret | None = None
    use_ssl: bool = True
    port: Port | None = None
    folder: Name = "inbox"
    tls: TlsOptions = TlsOptions()


class NewOutgoing(Strict, words=alias_words.OUTGOING):
    server_type: OutgoingType = "SMTP"
    use_smtp: UseSmtp | None = None
    server_name: Host
    use_ssl: bool = False
    port: Port | None = None
    user_name: Line | None = None
    password: Secret | None = None
    verify_password: Secret | None = None
    tls: TlsOptions = TlsOptions()


class NewAlias(Strict, words=alias_words.ALIAS):
    model_config = examples.NEW_ALIAS

    name: Name
    description: Note = ""
    email_address: Address
    status: AliasStatus = "active"
    automatic_bcc: OneAddress | None = None
    send_mail_to: OneAddress | None = None
    default_alias: bool = False
    redirection_email_addresses: Redirections = []
    incoming: NewIncoming
    outgoing: NewOutgoing
    after_retrieval: AfterRetrieval = "delete"
    move_to: Name | None = None
    retriever_instance: Name | None = None


class IncomingChange(Strict, words=alias_words.INCOMING):
    server_type: IncomingType | None = None
    server_name: Host | None = None
    user_name: Annotated[Line, Field(min_length=1)] | None = None
    password: Secret | None = None
    verify_password: Secret | None = None
    use_ssl: bool | None = None
    port: Port | None = None
    folder: Name | None = None
    tls: TlsOptions | None = None


class OutgoingChange(Strict, words=alias_words.OUTGOING):
    server_type: OutgoingType | None = None
    use_smtp: UseSmtp | None = None
    server_name: Host | None = None
    use_ssl: bool | None = None
    port: Port | None = None
    user_name: Line | None = None
    password: Secret | None = None
    verify_password: Secret | None = None
    tls: TlsOptions | None = None


class AliasChange(Strict, words=alias_words.ALIAS):
    """RFC 7396 merge patch: a field left out stays; null clears an optional field or restores its default."""

    model_config = examples.ALIAS_CHANGE

    name: Name | None = None
    description: Note | None = None
    email_address: Address | None = None
    status: AliasStatus | None = None
    automatic_bcc: OneAddress | None = None
    send_mail_to: OneAddress | None = None
    default_alias: bool | None = None
    redirection_email_addresses: Redirections | None = None
    incoming: IncomingChange | None = None
    outgoing: OutgoingChange | None = None
    after_retrieval: AfterRetrieval | None = None
    move_to: Name | None = None


class Incoming(Sent, words=alias_words.INCOMING):
    server_type: IncomingType
    server_name: str
    user_name: str
    password_set: bool
    use_ssl: bool
    port: int
    folder: str
    tls: TlsOptions


class Outgoing(Sent, words=alias_words.OUTGOING):
    server_type: OutgoingType
    use_smtp: UseSmtp | None
    server_name: str
    use_ssl: bool
    port: int
    user_name: str | None
    password_set: bool
    tls: TlsOptions


class Alias(Sent, words=alias_words.ALIAS):
    """An alias as anyone may see it: no secret in it."""

    model_config = examples.ALIAS

    id: int
    department_id: int
    account_id: int | None
    shared_mailbox: bool = False
    name: str
    description: str
    email_address: str
    status: AliasStatus
    status_reason: str | None = Field(
        description="Why it is inactive. Of an active one: `secret_unreadable` when no master key opens its password "
        "or its account's tokens, so that no worker is given it."
    )
    status_changed_by: Actor
    status_changed_at: datetime
    failed_attempts: int
    retry_at: datetime | None
    automatic_bcc: str | None
    send_mail_to: str | None
    default_alias: bool
    redirection_email_addresses: list[str]
    incoming: Incoming
    outgoing: Outgoing
    after_retrieval: AfterRetrieval
    move_to: str | None
    retriever_instance: str | None
    created_at: datetime
    updated_at: datetime


FailureReason = Literal[
    "network_problem",
    "server_stopped",
    "mailbox_locked",
    "service_not_started",
    "authentication_failed",
    "certificate_not_valid",
    "folder_missing",
    "mailbox_access",
    "server_refuses",
    "throttled",
]


class StatusReport(Strict, words=worker_words.WORKER):
    """What a retriever saw on one attempt. The Config API counts; the worker does not.

    `from` is the status the worker acted on: a report that crosses an administrator's decision changes nothing.
    `attempt_id` makes a repeated report harmless.
    """

    model_config = worker_examples.STATUS_REPORT

    epoch: Epoch
    attempt_id: Annotated[Line, Field(min_length=8, max_length=64)]
    from_: AliasStatus = Field(alias="from")
    outcome: Literal["connected", "failed"]
    condition: Condition | None = Field(default=None, description="Required when the outcome is `failed`.")
    reason: FailureReason | None = None
    detail: Annotated[str, Field(max_length=1000)] = ""


class StatusTransition(Sent, words=alias_words.TRANSITION):
    """One row of an alias's history."""

    model_config = examples.STATUS_TRANSITION

    id: int
    alias_id: int
    from_: AliasStatus = Field(alias="from")
    to: AliasStatus
    reason: str
    detail: str
    changed_by: Actor
    attempts: int
    epoch: int | None
    at: datetime


class StatusAnswer(Sent, words=worker_words.WORKER):
    """Where the alias stands after a report."""

    model_config = worker_answer_examples.STATUS_ANSWER

    alias_id: int
    status: AliasStatus
    status_changed_by: Actor
    recoverable: bool
    failed_attempts: int
    next_attempt_at: datetime | None
    transition: StatusTransition | None = None
