"""Instances, replicas, leases and assignments: who works on which alias."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from ece_common.contracts import (
    alias_words,
    examples,
    settings_words,
    worker_answer_examples,
    worker_examples,
    worker_words,
)
from ece_common.contracts.aliases import (
    AfterRetrieval,
    AliasStatus,
    IncomingType,
    OutgoingType,
    TlsOptions,
    UseSmtp,
)
from ece_common.contracts.base import Epoch, Id, Line, Name, Note, Sent, ServiceKind, Strict
from ece_common.contracts.mistakes import NAMED
from ece_common.contracts.policies import DepartmentPolicies
from ece_common.contracts.settings import BounceEvidence, LargeEmailAction

AliasIds = Annotated[list[Id], Field(max_length=100_000)]
ReplicaName = Annotated[str, Field(min_length=1, max_length=128, pattern=NAMED)]


class NewInstance(Strict, words=alias_words.INSTANCE):
    model_config = examples.NEW_INSTANCE

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=NAMED)]
    description: Note = ""
    alias_ids: AliasIds = []


class InstanceChange(Strict, words=alias_words.INSTANCE):
    """RFC 7396 merge patch; `alias_ids` replaces the whole list."""

    model_config = examples.INSTANCE_CHANGE

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=NAMED)] | None = None
    description: Note | None = None
    alias_ids: AliasIds | None = None


class Replica(Sent, words=alias_words.REPLICA):
    """A running process of an instance, as its last heartbeat told."""

    name: str
    live: bool
    started_at: datetime
    last_heartbeat_at: datetime
    lease_expires_at: datetime
    aliases: int
    counters: dict[str, int]


class Instance(Sent, words=alias_words.INSTANCE):
    model_config = examples.INSTANCE

    id: int
    kind: ServiceKind
    name: str
    description: str
    alias_ids: list[int]
    replicas: list[Replica]
    created_at: datetime
    updated_at: datetime


class Holding(Strict, words=worker_words.WORKER):
    """A lease a replica believes it holds."""

    alias_id: Id
    epoch: Epoch


class Heartbeat(Strict, words=worker_words.WORKER):
    """A replica says that it lives. `incarnation` is made once at process start.

    `holding` lists the leases it works under: one that the Config API wants back and that is no longer listed is
    free for another replica at once. `leaving` gives all of them back (SIGTERM).
    """

    model_config = worker_examples.HEARTBEAT

    incarnation: Annotated[Line, Field(min_length=8, max_length=64)]
    holding: Annotated[list[Holding], Field(max_length=100_000)] = []
    leaving: bool = False
    counters: Annotated[dict[Name, int], Field(max_length=100)] = {}


class HeartbeatAnswer(Sent, words=worker_words.WORKER):
    model_config = worker_answer_examples.HEARTBEAT_ANSWER

    lease_seconds: float
    lease_expires_at: datetime | None
    beat_after_seconds: float
    leases: list[Holding]
    """Leases in force for this replica after the beat; work on nothing else."""


class RetrieverSettings(Sent, words=settings_words.PARTITION):
    maximum_email_size: int
    action_for_large_email: LargeEmailAction
    maximum_body_size: int
    message_note_for_large_body: str
    retriever_batch_size: int
    connection_attempts: int
    retry_after_seconds: int
    poll_interval_seconds: int
    bounce_evidence: BounceEvidence


class IncomingAccess(Sent, words={**alias_words.INCOMING, **worker_words.WORKER}):
    """How to get into a mailbox. The one place where a password leaves the Config API, over TLS."""

    server_type: IncomingType
    server_name: str
    port: int
    use_ssl: bool
    user_name: str
    password: str = Field(repr=False)
    access_token: str | None = Field(default=None, repr=False)
    """OAuth: authenticate as `user_name` with this instead of the password. Not part of what makes a mailbox another
    one: a session that was opened with an older token goes on."""
    access_token_expires_at: datetime | None = None
    account_id: int | None = None
    """Whose token it is: under another account the mailbox is opened anew."""
    folder: str
    tls: TlsOptions = TlsOptions()


class AssignedAlias(Sent, words=worker_words.WORKER):
    """One mailbox to work on, under a lease."""

    alias_id: int
    department_id: int
    email_address: str
    epoch: int
    mailbox_generation: int
    """Grows when server, user or folder change: the ledger of known mails starts anew."""
    status: AliasStatus
    recoverable: bool
    """An inactive alias that the system may try again; when false it is only kept, not retrieved."""
    next_attempt_at: datetime | None
    failed_attempts: int
    handed_over_at: datetime | None
    """When another replica last held this alias: its lock on the mailbox may still linger."""
    incoming: IncomingAccess
    after_retrieval: AfterRetrieval
    move_to: str | None


class RetrieverAssignment(Sent, words=worker_words.WORKER):
    model_config = worker_answer_examples.RETRIEVER_ASSIGNMENT

    instance: str
    replica: str
    lease_seconds: float
    settings: RetrieverSettings
    aliases: list[AssignedAlias]
    policies: dict[int, DepartmentPolicies] = {}
    """By department, for every department of these aliases that has any."""


class OutgoingAccess(Sent, words={**alias_words.OUTGOING, **worker_words.WORKER}):
    """How to hand a message over to a server."""

    server_type: OutgoingType
    server_name: str
    port: int
    use_ssl: bool
    use_smtp: UseSmtp
    user_name: str | None
    password: str | None = Field(default=None, repr=False)
    access_token: str | None = Field(default=None, repr=False)
    access_token_expires_at: datetime | None = None
    alias_id: int | None = None
    """Whose access token it is: another one is asked for by this."""
    tls: TlsOptions = TlsOptions()


class DispatcherSettings(Sent):
    maximum_connections: int = 8
    """Per server and user: Microsoft 365 refuses more than three, so adaptors lower it on 432."""


class DispatcherAssignment(Sent, words=worker_words.WORKER):
    model_config = worker_answer_examples.DISPATCHER_ASSIGNMENT

    instance: str
    replica: str
    lease_seconds: float
    settings: DispatcherSettings
    alias_ids: list[int]
    serves_unassigned: bool
    """The `default` instance also sends for aliases in no instance and for deleted ones."""
