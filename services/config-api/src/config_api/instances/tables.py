"""Instances, their aliases, their replicas and the leases, as stored."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel


class InstanceRow(SQLModel, table=True):
    __tablename__ = "instances"
    __table_args__ = (UniqueConstraint("kind", "name", name="instances_name"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    description: str = Field(default="", sa_column=Column(Text, nullable=False))
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    # Grows with every change that alters an assignment: the ETag of the workers' long poll.
    assignment_version: int = Field(default=1, sa_column=Column(BigInteger, nullable=False, server_default=text("1")))
    # When any replica was last heard. A gap means that we were away, and then nothing is handed over for a while.
    last_beat_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    no_handover_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    updated_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class MembershipRow(SQLModel, table=True):
    """An alias of an instance. Any number of dispatcher instances, but one retriever instance."""

    __tablename__ = "instance_aliases"
    __table_args__ = (
        Index("instance_aliases_one_retriever", "alias_id", unique=True,
              postgresql_where=text("kind = 'retriever'")),
        Index("instance_aliases_alias", "alias_id"),
    )  # fmt: skip

    instance_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("instances.id", ondelete="CASCADE"), primary_key=True)
    )
    alias_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("aliases.id", ondelete="CASCADE"), primary_key=True)
    )
    # The instance's, repeated for the unique index.
    kind: str = Field(sa_column=Column(Text, nullable=False))


class ReplicaRow(SQLModel, table=True):
    """A running process. Its leases last as long as it does: one beat renews them all by writing this row."""

    __tablename__ = "replicas"

    instance_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("instances.id", ondelete="CASCADE"), primary_key=True)
    )
    name: str = Field(sa_column=Column(Text, primary_key=True))
    incarnation: str = Field(sa_column=Column(Text, nullable=False))
    # Earlier processes of this name, and those that said good-bye: their late beats are refused.
    superseded: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    counters: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))
    started_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    last_beat_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class LeaseRow(SQLModel, table=True):
    """Who works on an alias. Free when `replica` is null; the row stays, because its epoch only grows."""

    __tablename__ = "leases"

    alias_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("aliases.id", ondelete="CASCADE"), primary_key=True)
    )
    instance_id: int | None = Field(
        sa_column=Column(BigInteger, ForeignKey("instances.id", ondelete="SET NULL"), index=True)
    )
    replica: str | None = Field(default=None, sa_column=Column(Text))
    epoch: int = Field(default=1, sa_column=Column(BigInteger, nullable=False))
    wanted_back: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    handed_over_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
