"""Blocked file extensions as stored."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlmodel import Field, SQLModel


class BlockedExtensionRow(SQLModel, table=True):
    __tablename__ = "blocked_file_extensions"
    __table_args__ = (
        UniqueConstraint("department_id", "blocked_file_extension", name="blocked_file_extensions_extension"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    department_id: int = Field(sa_column=Column(BigInteger, ForeignKey("departments.id"), nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    description: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=text("''")))
    # In one spelling: with its dot, without case.
    blocked_file_extension: str = Field(sa_column=Column(Text, nullable=False))
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default=text("1")))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    updated_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
