"""Queues, workflows and alarms as stored."""
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
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class QueueRow(SQLModel, table=True):
    __tablename__ = "queues"
    __table_args__ = (
        UniqueConstraint("department_id", "name", name="queues_name"),
        Index("queues_one_default", "department_id", unique=True, postgresql_where=text("is_default")),
        Index("queues_one_exception", "department_id", unique=True, postgresql_where=text("is_exception")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    department_id: int = Field(sa_column=Column(BigInteger, ForeignKey("departments.id"), nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    description: str = Field(default="", sa_column=Column(Text, nullable=False))
    is_default: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    is_exception: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    updated_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class WorkflowRow(SQLModel, table=True):
    __tablename__ = "workflows"
    __table_args__ = (UniqueConstraint("department_id", "name", name="workflows_name"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    department_id: int = Field(sa_column=Column(BigInteger, ForeignKey("departments.id"), nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    description: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=text("''")))
    active: bool = Field(sa_column=Column(Boolean, nullable=False))
    on_exception_queue: bool = Field(sa_column=Column(Boolean, nullable=False))
    rules: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    """`contracts.workflows.Rule` each, in order."""
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default=text("1")))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    updated_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class WorkflowAliasRow(SQLModel, table=True):
    __tablename__ = "workflow_aliases"
    __table_args__ = (Index("workflow_aliases_alias", "alias_id"),)

    workflow_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True)
    )
    alias_id: int = Field(sa_column=Column(BigInteger, ForeignKey("aliases.id"), primary_key=True))


class ExceptionAlarmRow(SQLModel, table=True):
    """One row: when it was last looked whether exception queues wait too long."""

    __tablename__ = "exception_alarms"
    __table_args__ = (CheckConstraint("id = 1", name="exception_alarms_one_row"),)

    id: int = Field(default=1, sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    told_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
