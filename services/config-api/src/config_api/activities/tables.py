"""Activities, their attachments and their originals, as stored."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    func,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel


def _addresses() -> Column[Any]:
    return Column(ARRAY(Text), nullable=False, server_default=sql("'{}'"))


class ActivityRow(SQLModel, table=True):
    """One e-mail. Written by COPY when it comes in (inbound/storing.py), as a row when it goes out."""

    __tablename__ = "activities"
    __table_args__ = (
        Index("activities_department", "department_id", "id"),
        Index("activities_alias", "alias_id", "id"),
        Index("activities_queue", "queue_id", "status", "id"),
        Index("activities_created", "created_at"),
        # A hash: what strangers wrote may be longer than a B-tree takes.
        Index("activities_message_id", "message_id", postgresql_using="hash"),
        # No hash: a sender of very many mails would fill one bucket, and each of its mails search through that.
        Index("activities_from", sql('(left(lower(from_address), 320)) COLLATE "C"'), "id"),
        # Most are completed e-mails of nobody: the others are what is asked for.
        Index("activities_open", "status", "department_id", "id", postgresql_where=sql("status <> 'completed'")),
        Index("activities_subtype", "subtype", "id", postgresql_where=sql("subtype <> 'email'")),
        Index("activities_assigned", "assigned_to", "id", postgresql_where=sql("assigned_to IS NOT NULL")),
        Index("activities_parent", "parent_id", postgresql_where=sql("parent_id IS NOT NULL")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    # Null: the system's own mail.
    department_id: int | None = Field(sa_column=Column(BigInteger, ForeignKey("departments.id")))
    alias_id: int | None = Field(default=None, sa_column=Column(BigInteger, ForeignKey("aliases.id")))
    queue_id: int | None = Field(default=None, sa_column=Column(BigInteger, ForeignKey("queues.id")))
    direction: str = Field(sa_column=Column(Text, nullable=False))
    subtype: str = Field(sa_column=Column(Text, nullable=False))
    status: str = Field(sa_column=Column(Text, nullable=False))
    assigned_to: str | None = Field(default=None, sa_column=Column(Text))
    from_: str | None = Field(default=None, sa_column=Column("from_address", Text))
    from_name: str | None = Field(default=None, sa_column=Column(Text))
    to: list[str] = Field(default_factory=list, sa_column=_addresses())
    cc: list[str] = Field(default_factory=list, sa_column=_addresses())
    bcc: list[str] = Field(default_factory=list, sa_column=_addresses())
    reply_to: list[str] = Field(default_factory=list, sa_column=_addresses())
    delivered_to: list[str] = Field(default_factory=list, sa_column=_addresses())
    subject: str = Field(default="", sa_column=Column(Text, nullable=False))
    text: str | None = Field(default=None, sa_column=Column(Text))
    html: str | None = Field(default=None, sa_column=Column(Text))
    # Only ever read back whole: JSON costs less to write than JSONB.
    headers: list[dict[str, str]] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False, server_default=sql("'[]'"))
    )
    message_id: str | None = Field(default=None, sa_column=Column(Text))
    in_reply_to: str | None = Field(default=None, sa_column=Column(Text))
    references: list[str] = Field(default_factory=list, sa_column=_addresses())
    # No foreign key: it would cost a look-up for each mail, and an activity is never deleted alone.
    parent_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    auto_submitted: str | None = Field(default=None, sa_column=Column(Text))
    evidence: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    policy_version: str | None = Field(default=None, sa_column=Column(Text))
    unparsed_reason: str | None = Field(default=None, sa_column=Column(Text))
    priority: int | None = Field(default=None, sa_column=Column(SmallInteger))
    due_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    tags: list[str] = Field(default_factory=list, sa_column=_addresses())
    routing_error: str | None = Field(default=None, sa_column=Column(Text))
    received_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default=sql("1")))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    updated_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class AttachmentRow(SQLModel, table=True):
    __tablename__ = "attachments"

    activity_id: int = Field(sa_column=Column(BigInteger, ForeignKey("activities.id"), primary_key=True))
    n: int = Field(sa_column=Column(Integer, primary_key=True))
    name: str = Field(sa_column=Column(Text, nullable=False))
    content_type: str = Field(sa_column=Column(Text, nullable=False))
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    state: str = Field(default="available", sa_column=Column(Text, nullable=False))
    inline: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    content_id: str | None = Field(default=None, sa_column=Column(Text))
    # STORAGE EXTERNAL: mostly compressed already, and never worth the time.
    content: bytes | None = Field(default=None, sa_column=Column(LargeBinary))


class OriginalRow(SQLModel, table=True):
    """The mail as the server had it. One that nothing could parse could not be masked either, so it is sealed."""

    __tablename__ = "originals"

    activity_id: int = Field(sa_column=Column(BigInteger, ForeignKey("activities.id"), primary_key=True))
    sealed: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
