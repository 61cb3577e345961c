"""Blocked attachments as stored. The content stays with the activity's attachment."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

from datetime import datetime

from sqlalchemy import (
    BigInteger,
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


class BlockedAttachmentRow(SQLModel, table=True):
    """What was restored or deleted keeps its row, so that whoever tries again is told what became of it."""

    __tablename__ = "blocked_attachments"
    __table_args__ = (
        UniqueConstraint("activity_id", "n", name="blocked_attachments_attachment"),
        Index("blocked_attachments_quarantined", "department_id", "id",
              postgresql_where=text("state = 'quarantined'")),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    department_id: int = Field(sa_column=Column(BigInteger, ForeignKey("departments.id"), nullable=False))
    activity_id: int = Field(sa_column=Column(BigInteger, ForeignKey("activities.id"), nullable=False))
    n: int = Field(sa_column=Column(Integer, nullable=False))
    # quarantined, restored or deleted.
    state: str = Field(
        default="quarantined", sa_column=Column(Text, nullable=False, server_default=text("'quarantined'"))
    )
    extension: str | None = Field(default=None, sa_column=Column(Text))
    path: str = Field(default="", sa_column=Column(Text, nullable=False))
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    blocked_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    resolved_by: str | None = Field(default=None, sa_column=Column(Text))
    resolved_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
