"""Inbound workflows: ordered rules that say where a mail goes and what happens to it (R42, R47)."""

import re
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from ece_common.contracts import activity_words
from ece_common.contracts import workflow_examples as examples
from ece_common.contracts.activities import Header, Subtype
from ece_common.contracts.base import Body, Id, Line, Name, Note, Sent, Strict, SubjectLine

MAXIMUM_RULES = 100
MAXIMUM_ALIASES = 1000
MAXIMUM_TAGS = 20
_TEXT = "string"
_LIST = "list(string)"

FIELDS: dict[str, tuple[str, str]] = {
    "from": (_TEXT, "the sender's address; empty when the mail names none"),
    "from_name": (_TEXT, "the sender's name"),
    "to": (_LIST, "addresses"),
    "cc": (_LIST, "addresses"),
    "reply_to": (_LIST, "addresses"),
    "subject": (_TEXT, "the decoded subject"),
    "text": (_TEXT, "the plain body, its first 16,384 characters"),
    "html": (_TEXT, "the HTML body, its first 16,384 characters"),
    "subtype": (_TEXT, "`email`, `auto_reply`, `email_permanent_undeliverable` ..."),
    "alias": (_TEXT, "the address of the alias that the mail came to"),
    "headers": ("map(string, string)", "by name in lower case; values of a repeated field on a line each"),
    "has_attachments": ("bool", ""),
    "attachments": (_LIST, "names of files"),
    "size": ("int", "bytes of the mail"),
    "received_at": ("timestamp", "when the mail server got it"),
    "auto_submitted": (_TEXT, "the Auto-Submitted field (RFC 3834); empty for people's mail"),
    "routing_error": (_TEXT, "why the mail entered the exception queue; empty unless a rule failed"),
}
"""What a condition can ask about a mail, with type and meaning."""

PLACEHOLDERS = ("subject", "from", "from_name", "alias", "activity_id", "received_at")
PLACEHOLDER = re.compile(r"\{(\w*)\}")


def _known_placeholders(value: str) -> str:
    for name in PLACEHOLDER.findall(value):
        if name not in PLACEHOLDERS:
            right = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
            raise ValueError(f"has an unknown placeholder {{{name}}}; known are {right}")
    return value


Template = AfterValidator(_known_placeholders)
Tag = Annotated[Line, StringConstraints(min_length=1, max_length=64)]
Tags = Annotated[list[Tag], Field(max_length=MAXIMUM_TAGS)]
Priority = Annotated[int, Field(ge=1, le=10, description="1 is the most urgent.")]


class AutoAcknowledge(Strict, words=activity_words.RULE):
    """An automatic answer. Never to what was sent automatically itself, to senders without an address, or to an
    alias of ours; and not more than `at_most_per_day` to one address of a department (RFC 3834).
    """

    subject: Annotated[SubjectLine, Template] = Field(
        default="Re: {subject}", description="Placeholders: {subject}, {from}, {from_name}, {alias}, {activity_id}, "
        "{received_at}.",
    )  # fmt: skip
    text: Annotated[Body, Field(min_length=1, max_length=20_000), Template]
    at_most_per_day: int = Field(default=3, ge=1, le=20)


class RuleActions(Strict, words=activity_words.RULE):
    """What a rule does. Of several that match, each adds its tags; what a later one names replaces the earlier."""

    queue_id: Id | None = None
    priority: Priority | None = None
    service_level_minutes: int | None = Field(
        default=None, ge=1, le=525_600, description="`due_at` is so long after the mail came in."
    )
    auto_acknowledge: AutoAcknowledge | None = None
    tags: Tags = []
    stop: bool = Field(default=False, description="Later rules are not looked at.")


class Rule(Strict, words=activity_words.RULE):
    """When its condition holds, its actions are taken."""

    name: Name
    when: Annotated[Body, StringConstraints(min_length=1, max_length=2000)] = Field(
        description="A condition in CEL (cel.dev) over: "
        + "; ".join(f"`{name}` ({kind}){': ' * bool(words)}{words}" for name, (kind, words) in FIELDS.items())
        + ". `lower()` of a text is in lower case. It compares: `+` and `map` are not available."
    )
    actions: RuleActions


def _distinct(rules: list[Rule]) -> list[Rule]:
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two rules are called {name!r}; each needs a name of its own")
    return rules


Rules = Annotated[list[Rule], Field(max_length=MAXIMUM_RULES), AfterValidator(_distinct)]
AliasIds = Annotated[list[Id], Field(max_length=MAXIMUM_ALIASES)]


class NewWorkflow(Strict, words=activity_words.WORKFLOW):
    """`alias_ids`: whose mail it takes. With `on_exception_queue` it takes what enters the exception queue instead,
    of these aliases, or with none named of the whole department.
    """

    model_config = examples.NEW_WORKFLOW

    name: Name
    description: Note = ""
    active: bool = True
    on_exception_queue: bool = False
    alias_ids: AliasIds = []
    rules: Rules = []


class WorkflowChange(Strict, words=activity_words.WORKFLOW):
    """RFC 7396 merge patch: lists are replaced as a whole."""

    model_config = examples.WORKFLOW_CHANGE

    name: Name | None = None
    description: Note | None = None
    active: bool | None = None
    on_exception_queue: bool | None = None
    alias_ids: AliasIds | None = None
    rules: Rules | None = None


class Workflow(Sent, words=activity_words.WORKFLOW):
    model_config = examples.WORKFLOW

    id: int
    department_id: int
    name: str
    description: str
    active: bool
    on_exception_queue: bool
    alias_ids: list[int]
    rules: list[Rule]
    created_at: datetime
    updated_at: datetime


class TriedMail(Strict, words=activity_words.TRIAL):
    """A mail to try a workflow on; what is left out is empty."""

    from_: Line | None = Field(default=None, alias="from")
    from_name: Line | None = None
    to: Annotated[list[Line], Field(max_length=100)] = []
    cc: Annotated[list[Line], Field(max_length=100)] = []
    reply_to: Annotated[list[Line], Field(max_length=100)] = []
    subject: SubjectLine = ""
    text: Annotated[Body, Field(max_length=100_000)] | None = None
    html: Annotated[Body, Field(max_length=100_000)] | None = None
    subtype: Subtype = "email"
    alias: Line = ""
    headers: Annotated[list[Header], Field(max_length=200)] = []
    attachments: Annotated[list[Line], Field(max_length=100)] = Field(default=[], description="Names of files.")
    size: int = Field(default=0, ge=0, lt=2**63)
    received_at: datetime | None = None
    auto_submitted: Line | None = None


class WorkflowTrial(Strict, words=activity_words.TRIAL):
    """Either an activity that is there or a mail."""

    model_config = examples.WORKFLOW_TRIAL

    activity_id: Id | None = None
    mail: TriedMail | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.activity_id is None) == (self.mail is None):
            raise ValueError("give either activity_id or mail")
        return self


class TriedWorkflow(Sent, words=activity_words.TRIAL):
    """What the workflow would do; nothing was done."""

    model_config = examples.TRIED_WORKFLOW

    matched: list[str]
    """Names of the rules that match, in order."""
    takes: bool
    """Whether the workflow is given such mail: delivery reports go to the exception queue first."""
    queue_id: int | None
    priority: int | None
    due_at: datetime | None
    tags: list[str]
    auto_acknowledge: AutoAcknowledge | None
    """What would be sent, unless the sender is automatic itself or got enough of them today."""
    routing_error: str | None
