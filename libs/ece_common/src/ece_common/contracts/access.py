"""Tokens: who may call."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from ece_common.contracts import examples
from ece_common.contracts.base import Name, Sent, Strict

TokenKind = Literal["administrator", "retriever", "dispatcher"]


class NewToken(Strict):
    """A worker's token is bound to its kind and instance: it opens that instance's mailboxes and no other."""

    model_config = examples.NEW_TOKEN

    name: Name
    kind: TokenKind = "administrator"
    instance: Annotated[str, Field(max_length=64)] | None = None
    expires_at: datetime | None = None


class Token(Sent):
    model_config = examples.TOKEN

    id: int
    name: str
    kind: TokenKind
    instance: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class MintedToken(Token):
    model_config = examples.MINTED_TOKEN

    token: str
    """Shown this once; only a hash of it is kept."""


class Me(Sent):
    model_config = examples.ME

    name: str
    kind: TokenKind
    instance: str | None
