"""The outbox of events and the append-only audit log, written in the transaction of the change they tell of."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Identity, Index, SmallInteger, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession


class EventRow(SQLModel, table=True):
    __tablename__ = "events"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    # Ids are given before commit, so a reader could pass one that commits later. Ordered by transaction and read
    # only below the oldest running one, nothing is ever skipped.
    xid: int | None = Field(
        default=None,
        sa_column=Column(BigInteger, nullable=False, index=True, server_default=text("feed_position()")),
    )
    type: str = Field(sa_column=Column(Text, nullable=False))
    subject: str = Field(sa_column=Column(Text, nullable=False))
    department_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    data: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class OffsetRow(SQLModel, table=True):
    """One row: how far positions of the feed are ahead of this cluster's transaction ids. Grown by `migrate`."""

    __tablename__ = "feed_offset"
    __table_args__ = (CheckConstraint("id = 1", name="feed_offset_one_row"),)

    id: int = Field(default=1, sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    value: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class PurgedRow(SQLModel, table=True):
    """One row: the position of the last event that was purged. Everything up to it is gone, nothing after it."""

    __tablename__ = "events_purged"
    __table_args__ = (CheckConstraint("id = 1", name="events_purged_one_row"),)

    id: int = Field(default=1, sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    xid: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    event_id: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class AuditRow(SQLModel, table=True):
    __tablename__ = "audit_log"
    __table_args__ = (
        Index("audit_log_department", "department_id", "id"),
        Index("audit_log_principal", "principal", "id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    principal: str = Field(sa_column=Column(Text, nullable=False))
    action: str = Field(sa_column=Column(Text, nullable=False, index=True))
    subject: str = Field(sa_column=Column(Text, nullable=False, index=True))
    department_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    changes: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


def event(
    session: AsyncSession,
    kind: str,
    subject: str,
    data: Mapping[str, Any],
    *,
    department_id: int | None = None,
) -> None:
    """Tell the feed. `kind` is dotted (`alias.status_changed`), `subject` is `alias/7`; no secret in `data`."""
    session.add(EventRow(type=kind, subject=subject, department_id=department_id, data=dict(data)))


def audit(
    session: AsyncSession,
    principal: str,
    action: str,
    subject: str,
    changes: Mapping[str, Any],
    *,
    department_id: int | None = None,
) -> None:
    """Record who did what. Of a secret, `changes` says only that it changed."""
    session.add(
        AuditRow(
            principal=principal, action=action, subject=subject, department_id=department_id, changes=dict(changes)
        )
    )
