"""What a retriever hands in: a batch of mails, as multipart/form-data of two parts.

`batch` is an `InboundBatch` in JSON; `contents` is one binary part in which the originals and the decoded
attachments stand one behind the other. A `Slice` says where in `contents` a piece begins and how long it is, so that
large mail travels as binary.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from ece_common.contracts import worker_answer_examples, worker_examples, worker_words
from ece_common.contracts.activities import AttachmentState, Subtype
from ece_common.contracts.base import Epoch, Id, Strict
from ece_common.contracts.evidence import Evidence
from ece_common.contracts.mistakes import SHA256
from ece_common.contracts.policies import PolicyVersion

Long = Annotated[str, Field(max_length=100_000)]
AddressText = Annotated[str, Field(max_length=1000)]
"""An address as it was written; mail from outside need not be valid, and is stored all the same."""


Generation = Annotated[int, Field(ge=0, lt=2**63)]
"""Grows when a mailbox's server, user or folder changes."""


class Slice(Strict):
    offset: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=0)]


class Source(Strict, words=worker_words.WORKER):
    """Where on the mail server a message lies. With the alias and its generation this is the ledger's key."""

    folder: Annotated[str, Field(max_length=255)] = "inbox"
    uidvalidity: int | None = None
    uid: int | None = None
    uidl: Annotated[str, Field(max_length=255)] | None = None
    fingerprint: Annotated[str, Field(max_length=200)] = ""
    """Cheap to ask for (size and INTERNALDATE): tells a known mail from another under the same key."""


class BlockedAs(Strict):
    """Why an attachment is kept from the department."""

    extension: Annotated[str, Field(max_length=130)] | None = None
    """The blocked one that was found; None: all are blocked, or nobody could look into it."""
    path: Annotated[str, Field(max_length=1000)] = ""
    """From the attachment inwards: `winmail.dat > a.zip > invoice.pdf.exe`."""
    reason: Annotated[str, Field(max_length=2000)] = ""


class InboundAttachment(Strict, words=worker_words.WORKER):
    name: Annotated[str, Field(max_length=1000)]
    content_type: Annotated[str, Field(max_length=255)]
    content: Slice
    """Empty when the state is `deleted`: that content is not handed in."""
    size: Annotated[int, Field(ge=0)] | None = None
    """Of the content as it came; None: as long as `content`."""
    state: AttachmentState = "available"
    blocked: BlockedAs | None = None
    """Set exactly when the state is not `available`."""
    inline: bool = False
    content_id: Annotated[str, Field(max_length=1000)] | None = None


class InboundHeader(TypedDict):
    """A dict and no model: a mail has some fifteen of them, and models took half of all its validation."""

    name: str
    value: str


class InboundMessage(Strict, words=worker_words.WORKER):
    source: Source
    content_sha256: Annotated[str, Field(pattern=SHA256)]
    """Of the original bytes, whether or not they are handed in."""
    original: Slice | None
    """None where the original would show what was masked or blocked in it."""
    subtype: Subtype = "email"
    unparsed_reason: Long | None = None
    evidence: Evidence | None = None
    policy_version: PolicyVersion | None = None
    """Of the department's policies that were applied to it; None: none were."""
    auto_submitted: AddressText | None = None
    from_: AddressText | None = Field(default=None, alias="from")
    from_name: AddressText | None = None
    to: list[AddressText] = []
    cc: list[AddressText] = []
    reply_to: list[AddressText] = []
    delivered_to: list[AddressText] = []
    """Delivered-To, X-Original-To and the like: tells by which redirection address it came."""
    subject: Long = ""
    text: str | None = None
    html: str | None = None
    headers: list[InboundHeader] = []
    message_id: AddressText | None = None
    in_reply_to: AddressText | None = None
    references: list[AddressText] = []
    received_at: datetime | None = None
    attachments: Annotated[list[InboundAttachment], Field(max_length=10_000)] = []


class LargeMail(Strict, words=worker_words.WORKER):
    """A mail over `maximum_email_size`: not downloaded, told to the administrator."""

    source: Source
    size: int
    action: Literal["skip_and_notify", "delete_and_notify"]
    from_: AddressText | None = Field(default=None, alias="from")
    subject: Long = ""
    message_id: AddressText | None = None


class InboundBatch(Strict, words=worker_words.WORKER):
    model_config = worker_examples.INBOUND_BATCH

    alias_id: Id
    epoch: Epoch
    mailbox_generation: Generation
    messages: Annotated[list[InboundMessage], Field(max_length=500)] = []
    large: Annotated[list[LargeMail], Field(max_length=500)] = []
    settled: Annotated[list[Source], Field(max_length=1000)] = []
    """Mails committed before that are now deleted, flagged or moved on the server. Accepted under an old epoch."""


class InboundResult(Strict, words=worker_words.WORKER):
    index: int
    outcome: Literal["stored", "duplicate", "refused"]
    activity_id: int | None = None
    reason: str | None = None


class InboundAnswer(Strict, words=worker_words.WORKER):
    """One result a message, in order. `stored` and `duplicate` may be settled on the server; `refused` may not."""

    model_config = worker_examples.INBOUND_ANSWER

    results: list[InboundResult]


class KnownQuery(Strict, words=worker_words.WORKER):
    """Which of these mails does the ledger know? For mailboxes whose mail stays on the server."""

    model_config = worker_examples.KNOWN_QUERY

    alias_id: Id
    epoch: Epoch
    mailbox_generation: Generation
    sources: Annotated[list[Source], Field(max_length=1000)]


class KnownAnswer(Strict, words=worker_words.WORKER):
    model_config = worker_answer_examples.KNOWN_ANSWER

    known: list[int]
    """Indexes into `sources` whose key and fingerprint are in the ledger."""
