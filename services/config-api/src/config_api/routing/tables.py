"""Queues as stored."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

from datetime import datetime

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
