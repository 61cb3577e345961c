"""Deliveries, their recipients, and the trouble of an alias's outgoing server, as stored."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

import uuid
from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Text,
    Uuid,
    func,
    text,
)
from sqlmodel import Field, SQLModel


class DeliveryRow(SQLModel, table=True):
    """How far an outbound activity has come.

    A claim is open while `claim_expires_at` is set. `claim_id` stays after it was closed, so that a repeated report
    is known as one.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("deliveries_due", "available_at", "activity_id", postgresql_where=text("status = 'queued'")),
        Index("deliveries_sending", "claim_expires_at", postgresql_where=text("status = 'sending'")),
        Index("deliveries_uncertain", "activity_id", postgresql_where=text("status = 'uncertain'")),
        Index("deliveries_claim", "claim_id", postgresql_where=text("claim_expires_at IS NOT NULL")),
    )

    activity_id: int = Field(sa_column=Column(BigInteger, ForeignKey("activities.id"), primary_key=True))
    alias_id: int | None = Field(sa_column=Column(BigInteger, ForeignKey("aliases.id")))
    status: str = Field(default="queued", sa_column=Column(Text, nullable=False))
    automatic: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    attempts: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    next_attempt_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # When it may be claimed: the next attempt, or the end of the claim that is open.
    available_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    give_up_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    last_error: str | None = Field(default=None, sa_column=Column(Text))
    claim_id: uuid.UUID | None = Field(default=None, sa_column=Column(Uuid))
    claim_expires_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    claimed_by: str | None = Field(default=None, sa_column=Column(Text))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class RecipientRow(SQLModel, table=True):
    __tablename__ = "delivery_recipients"

    activity_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("deliveries.activity_id", ondelete="CASCADE"), primary_key=True)
    )
    position: int = Field(sa_column=Column(Integer, primary_key=True))
    address: str = Field(sa_column=Column(Text, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    status: str = Field(default="queued", sa_column=Column(Text, nullable=False))
    smtp_code: int | None = Field(default=None, sa_column=Column(Integer))
    enhanced_code: str | None = Field(default=None, sa_column=Column(Text))
    smtp_reply: str | None = Field(default=None, sa_column=Column(Text))
    bounced_by: int | None = Field(default=None, sa_column=Column(BigInteger))


class TroubleRow(SQLModel, table=True):
    """Why an alias's mail waits: kept so that a trouble is told once, not with every message."""

    __tablename__ = "outbound_troubles"

    alias_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("aliases.id", ondelete="CASCADE"), primary_key=True)
    )
    reason: str = Field(sa_column=Column(Text, nullable=False))
    since: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class AcknowledgementRow(SQLModel, table=True):
    """How many automatic answers an address got from a department on a day: so that two machines do not go on."""

    __tablename__ = "acknowledgements"

    department_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    address: str = Field(sa_column=Column(Text, primary_key=True))
    day: date = Field(sa_column=Column(Date, primary_key=True))
    count: int = Field(sa_column=Column(Integer, nullable=False))
