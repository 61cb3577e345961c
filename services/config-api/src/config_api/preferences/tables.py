"""Settings as stored: only what differs from the defaults."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Index, Integer, LargeBinary, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class SettingsRow(SQLModel, table=True):
    """One row for the partition (`department_id` null, made by the migration), one for each department that sets."""

    __tablename__ = "settings"
    __table_args__ = (
        Index("settings_one_partition", text("(department_id IS NULL)"), unique=True,
              postgresql_where=text("department_id IS NULL")),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    department_id: int | None = Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("departments.id", ondelete="CASCADE"), unique=True)
    )
    chosen: dict[str, Any] = Field(default_factory=dict, sa_column=Column("values", JSONB, nullable=False))
    smtp_password: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    updated_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
