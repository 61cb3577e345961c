"""What passes between the outbound queue and a dispatcher: claims, the sending mark, outcomes."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from ece_common.contracts import activity_words, worker_answer_examples, worker_examples, worker_words
from ece_common.contracts.activities import RecipientKind
from ece_common.contracts.base import Id, Line, Sent, Strict
from ece_common.contracts.instances import OutgoingAccess, ReplicaName


def _storable(value: object) -> object:
    """A server may say anything; a report must not fail on it."""
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode() if isinstance(value, str) else value


Reply = Annotated[str, BeforeValidator(_storable), Field(max_length=2000)]


class ClaimRequest(Strict, words=worker_words.WORKER):
    """Ask for work. Answers as soon as there is some, at the latest after `wait` seconds with none."""

    model_config = worker_examples.CLAIM_REQUEST

    instance: ReplicaName
    replica: ReplicaName
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    wait: Annotated[float, Field(ge=0, le=60)] = 0
    paused_routes: Annotated[list[str], Field(max_length=10_000)] = []
    """Routes this replica holds back just now (throttled, unreachable): nothing of theirs is handed out."""


class PendingRecipient(Sent, words=worker_words.WORKER):
    position: int
    address: str
    kind: RecipientKind


class OutboundAttachment(Sent, words=activity_words.ATTACHMENT):
    n: int
    name: str
    content_type: str
    size: int


class OutboundMessage(Sent, words={**activity_words.ACTIVITY, **worker_words.WORKER}):
    """A claimed message: this dispatcher alone may send it until the claim expires.

    The Config API has already decided sender and recipients; the dispatcher writes and sends.
    Attachments are fetched by `GET /v1/outbound-claims/{claim_id}/attachments/{n}`.
    """

    activity_id: int
    claim_id: str
    claim_expires_at: datetime
    route: str
    envelope_from: str
    """The alias's address, or empty for automatic answers (null reverse-path, RFC 5321 section 4.5.5)."""
    from_: str = Field(alias="from")
    from_name: str | None
    to: list[str]
    cc: list[str]
    recipients: list[PendingRecipient]
    """The envelope: those still to be sent to. Bcc stands here and in no header."""
    subject: str
    text: str | None
    html: str | None
    message_id: str
    in_reply_to: str | None
    references: list[str]
    date: datetime
    automatic: bool
    return_tag: str | None
    """Value of the private header by which a later delivery report is recognised as about this message."""
    attachments: list[OutboundAttachment]
    attempts: int


class ClaimAnswer(Sent, words=worker_words.WORKER):
    model_config = worker_answer_examples.CLAIM_ANSWER

    claims: list[OutboundMessage]
    routes: dict[str, OutgoingAccess]


class RecipientVerdict(Strict, words=worker_words.WORKER):
    position: Annotated[int, Field(ge=0, lt=2**31)]
    status: Literal["sent", "deferred", "failed"]
    smtp_code: Annotated[int, Field(ge=0, le=999)] | None = None
    enhanced_code: Annotated[Line, Field(max_length=20)] | None = None
    smtp_reply: Reply | None = None


class Outcome(Strict, words=worker_words.WORKER):
    """What became of one claim.

    - `sending`: the durable mark before DATA; answered `refused` when the claim is lost: then do not send.
    - `judged`: the server answered; one verdict a recipient.
    - `uncertain`: the connection died after the final dot; nobody knows.
    - `deferred`: trouble before the final dot; an attempt, tried again on the schedule.
    - `waiting`: the alias's trouble (authentication, TLS, quota, throttling): not an attempt of the message.
    - `released`: given back untouched (SIGTERM).
    """

    activity_id: Id
    claim_id: Annotated[str, Field(max_length=100)]
    outcome: Literal["sending", "judged", "uncertain", "deferred", "waiting", "released"]
    recipients: Annotated[list[RecipientVerdict], Field(max_length=1000)] = []
    reason: Annotated[Line, Field(max_length=100)] | None = None
    detail: Reply | None = None
    retry_after_seconds: Annotated[float, Field(ge=0, le=7 * 86_400)] | None = None
    used_smtp_fallback: bool = False


class OutcomeBatch(Strict, words=worker_words.WORKER):
    model_config = worker_examples.OUTCOME_BATCH

    instance: ReplicaName
    replica: ReplicaName
    outcomes: Annotated[list[Outcome], Field(min_length=1, max_length=1000)]


class OutcomeResult(Strict, words=worker_words.WORKER):
    index: int
    result: Literal["accepted", "refused"]
    reason: str | None = None


class OutcomeAnswer(Strict, words=worker_words.WORKER):
    model_config = worker_answer_examples.OUTCOME_ANSWER

    results: list[OutcomeResult]
