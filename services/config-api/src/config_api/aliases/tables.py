"""Aliases and their history as stored; passwords are sealed."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

_ALIVE = text("deleted_at IS NULL")


class AliasRow(SQLModel, table=True):
    """A deleted alias keeps its row, without secrets: mail that still waits to go out needs its address (R114)."""

    __tablename__ = "aliases"
    __table_args__ = (
        Index("aliases_one_default", "department_id", unique=True,
              postgresql_where=text("default_alias AND deleted_at IS NULL")),
        Index("aliases_address", "email_key", unique=True, postgresql_where=_ALIVE),
        Index("aliases_account", "account_id", postgresql_where=text("account_id IS NOT NULL")),
        Index("aliases_name", "department_id", "name", unique=True, postgresql_where=_ALIVE),
        CheckConstraint("deleted_at IS NOT NULL OR department_id IS NOT NULL", name="aliases_department"),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    # Null only when the department went after the alias.
    department_id: int | None = Field(
        sa_column=Column(BigInteger, ForeignKey("departments.id", ondelete="SET NULL"), index=True)
    )
    account_id: int | None = Field(default=None, sa_column=Column(BigInteger, ForeignKey("accounts.id")))
    # The mailbox belongs to somebody else than the account's user, who may open it.
    shared_mailbox: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    # Made as a basic alias: its own servers and passwords are kept for the day it leaves the account (R197).
    converted: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    name: str = Field(sa_column=Column(Text, nullable=False))
    description: str = Field(default="", sa_column=Column(Text, nullable=False))
    email_address: str = Field(sa_column=Column(Text, nullable=False))
    # The address casefolded: Python's folding, which Postgres's lower() does not know.
    email_key: str = Field(sa_column=Column(Text, nullable=False))
    automatic_bcc: str | None = Field(default=None, sa_column=Column(Text))
    send_mail_to: str | None = Field(default=None, sa_column=Column(Text))
    default_alias: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    redirection_email_addresses: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False)
    )

    status: str = Field(default="active", sa_column=Column(Text, nullable=False))
    status_reason: str | None = Field(default=None, sa_column=Column(Text))
    status_changed_by: str = Field(default="administrator", sa_column=Column(Text, nullable=False))
    status_changed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    # Inactive, and the system may make it active again by itself (R124, R132).
    recoverable: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    failed_attempts: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    next_attempt_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # The last few reports that were counted: a repeat changes nothing.
    recent_attempts: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))

    incoming_server_type: str = Field(sa_column=Column(Text, nullable=False))
    incoming_server_name: str = Field(sa_column=Column(Text, nullable=False))
    incoming_user_name: str = Field(sa_column=Column(Text, nullable=False))
    incoming_password: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    incoming_use_ssl: bool = Field(sa_column=Column(Boolean, nullable=False))
    # Null: not set explicitly, follows server type and SSL.
    incoming_port: int | None = Field(default=None, sa_column=Column(Integer))
    incoming_folder: str = Field(sa_column=Column(Text, nullable=False))
    incoming_tls: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))

    outgoing_server_type: str = Field(sa_column=Column(Text, nullable=False))
    outgoing_use_smtp: str | None = Field(default=None, sa_column=Column(Text))
    outgoing_server_name: str = Field(sa_column=Column(Text, nullable=False))
    outgoing_user_name: str | None = Field(default=None, sa_column=Column(Text))
    outgoing_password: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    outgoing_use_ssl: bool = Field(sa_column=Column(Boolean, nullable=False))
    outgoing_port: int | None = Field(default=None, sa_column=Column(Integer))
    outgoing_tls: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))

    after_retrieval: str = Field(default="delete", sa_column=Column(Text, nullable=False))
    move_to: str | None = Field(default=None, sa_column=Column(Text))
    mailbox_generation: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    updated_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    deleted_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class TransitionRow(SQLModel, table=True):
    """One change of status."""

    __tablename__ = "transitions"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    alias_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("aliases.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    from_: str = Field(sa_column=Column("from", Text, nullable=False))
    to: str = Field(sa_column=Column(Text, nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    detail: str = Field(default="", sa_column=Column(Text, nullable=False))
    changed_by: str = Field(sa_column=Column(Text, nullable=False))
    attempts: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    epoch: int | None = Field(default=None, sa_column=Column(BigInteger))
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
