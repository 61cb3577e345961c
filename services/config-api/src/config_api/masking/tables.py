"""Masking patterns and channels as stored."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Column, DateTime, ForeignKey, Identity, Index, Integer, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel


class PatternRow(SQLModel, table=True):
    __tablename__ = "masking_patterns"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    name: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    description: str = Field(default="", sa_column=Column(Text, nullable=False))
    active: bool = Field(default=True, sa_column=Column(Boolean, nullable=False))
    masking_character: str = Field(default="*", sa_column=Column(Text, nullable=False))
    java_regular_expression: str = Field(sa_column=Column(Text, nullable=False))
    javascript_regular_expression: str = Field(sa_column=Column(Text, nullable=False))
    unmask_from_left: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    unmask_from_right: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    apply_luhn: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    # Whether the engine without backtracking takes it: found out when it is saved.
    linear: bool = Field(default=True, sa_column=Column(Boolean, nullable=False))
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    updated_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class ChannelRow(SQLModel, table=True):
    """The e-mail channel of the partition (no department), or of a department that took it over."""

    __tablename__ = "masking_channels"
    __table_args__ = (
        Index("masking_channels_partition", text("(department_id IS NULL)"), unique=True,
              postgresql_where=text("department_id IS NULL")),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    department_id: int | None = Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("departments.id"), unique=True)
    )
    mask_incoming: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    mask_outgoing: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    # In the order in which they are applied.
    pattern_ids: list[int] = Field(default_factory=list, sa_column=Column(ARRAY(BigInteger), nullable=False))
    # The partition's only.
    departments_may_override: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    # The department's only: false gives the configuration back to the partition.
    own: bool = Field(default=True, sa_column=Column(Boolean, nullable=False))
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    updated_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
