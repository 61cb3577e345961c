"""Tokens: who may call."""

from datetime import UTC, datetime
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from ece_common.contracts import examples, words
from ece_common.contracts.base import Id, Name, Sent, Strict
from ece_common.contracts.mistakes import NAMED

TokenKind = Literal["administrator", "retriever", "dispatcher"]
Action = Literal[
    "manage_masking_patterns",
    "delete_system_provided_delivery_exceptions",
    "restore_blocked_attachment",
    "delete_blocked_attachment",
    "pick_from_exception_queue",
]
"""The guide's actions that a token may have or lack (R34, R233, R235, R246, R261)."""
ACTIONS: tuple[Action, ...] = get_args(Action)
PARTITION_ONLY: frozenset[Action] = frozenset(
    {"manage_masking_patterns", "delete_system_provided_delivery_exceptions"}
)
"""What concerns all departments: for tokens that are for the whole partition."""


def _storable(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("must say its time zone, as in 2030-01-31T00:00:00Z")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999") from None


class NewToken(Strict, words=words.TOKEN):
    """A worker's token is bound to its kind and instance: it opens that instance's mailboxes and no other."""

    model_config = examples.NEW_TOKEN

    name: Name
    kind: TokenKind = "administrator"
    instance: Annotated[str, Field(min_length=1, max_length=64, pattern=NAMED)] | None = None
    expires_at: Annotated[datetime, AfterValidator(_storable)] | None = None
    department_ids: Annotated[list[Id], Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="An administrator's departments: others' resources are not there for it. Null: all."
    )
    actions: Annotated[list[Action], Field(max_length=20)] | None = Field(
        default=None,
        description="Which of the guide's actions it allows; an operation that needs another one is 403 with the "
        "action's name. Null: all.",
    )


class Token(Sent, words=words.TOKEN):
    model_config = examples.TOKEN

    id: int
    name: str
    kind: TokenKind
    instance: str | None
    department_ids: list[int] | None = None
    actions: list[str] | None = None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class MintedToken(Token):
    model_config = examples.MINTED_TOKEN

    token: str
    """Shown this once; only a hash of it is kept."""


class Me(Sent, words=words.ME):
    """`worker`: the installation's own token for its workers, of either kind and every instance."""

    model_config = examples.ME

    name: str
    kind: TokenKind | Literal["worker"]
    instance: str | None
    department_ids: list[int] | None = None
    actions: list[str] | None = None
