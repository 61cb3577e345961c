"""Jobs as stored: no password or token among them, the worker gets those when it claims."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class JobRow(SQLModel, table=True):
    """Times are Postgres's: every process and every worker means the same by them."""

    __tablename__ = "worker_jobs"
    __table_args__ = (
        Index("worker_jobs_open", "instance_id", "created_at", postgresql_where=text("done_at IS NULL")),
        # One at a time: whoever asks for the same meanwhile waits for the same answer.
        Index("worker_jobs_one_of_a_kind", "kind", "target_id", text("COALESCE(account_id, 0)"), unique=True,
              postgresql_where=text("done_at IS NULL")),
        Index("worker_jobs_expires", "expires_at"),
    )  # fmt: skip

    id: uuid.UUID = Field(sa_column=Column(Uuid, primary_key=True))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    # The alias that is tested, or the activity that is read again.
    target_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    # Tested as if the alias were in this account.
    account_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    instance_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("instances.id", ondelete="CASCADE"), nullable=False)
    )
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    # When nobody waits for it any more.
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    claimed_by: str | None = Field(default=None, sa_column=Column(Text))
    claimed_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    result: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    done_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
