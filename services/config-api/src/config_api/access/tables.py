"""Tokens as stored: a hash, never the token."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, Column, DateTime, Identity, LargeBinary, Text, func
from sqlmodel import Field, SQLModel


class TokenRow(SQLModel, table=True):
    __tablename__ = "tokens"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    name: str = Field(sa_column=Column(Text, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    instance: str | None = Field(default=None, sa_column=Column(Text))
    department_ids: list[int] | None = Field(default=None, sa_column=Column(ARRAY(BigInteger)))
    actions: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text)))
    # SHA-256 is enough: a token has 256 random bits, so there is nothing to guess.
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    expires_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
