"""Delivery exceptions as stored: the predefined ones too, a row for each department."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Index, Integer, Text, func, text
from sqlmodel import Field, SQLModel


class DeliveryExceptionRow(SQLModel, table=True):
    __tablename__ = "delivery_exceptions"
    __table_args__ = (
        Index("delivery_exceptions_phrase", "department_id", "type", "phrase_key", unique=True),
        Index("delivery_exceptions_predefined", "predefined", postgresql_where=text("predefined IS NOT NULL")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    department_id: int = Field(sa_column=Column(BigInteger, ForeignKey("departments.id"), nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    description: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=text("''")))
    type: str = Field(sa_column=Column(Text, nullable=False))
    phrase: str = Field(sa_column=Column(Text, nullable=False))
    # The phrase folded: equal for phrases that match the same mails.
    phrase_key: str = Field(sa_column=Column(Text, nullable=False))
    failure: str = Field(sa_column=Column(Text, nullable=False))
    # Which of the predefined ones this is a copy of; it stays what it is when the copy is edited.
    predefined: str | None = Field(default=None, sa_column=Column(Text))
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default=text("1")))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    updated_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )

    @property
    def system_provided(self) -> bool:
        return self.predefined is not None


class WithdrawnRow(SQLModel, table=True):
    """A predefined one that an administrator deleted from all departments (R261): future ones do not get it."""

    __tablename__ = "withdrawn_delivery_exceptions"

    predefined: str = Field(sa_column=Column(Text, primary_key=True))
    at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
