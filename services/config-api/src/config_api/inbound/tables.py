"""The ledger of mails that were taken, as stored. It outlives the activities."""
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
    LargeBinary,
    Text,
    func,
    text,
)
from sqlmodel import Field, SQLModel


class LedgerRow(SQLModel, table=True):
    """One mail of a mailbox generation: where it lay and a keyed hash of its bytes."""

    __tablename__ = "inbound_ledger"
    __table_args__ = (
        Index("inbound_ledger_key", "alias_id", "generation", "source_key", "keyed_hash", unique=True),
        # After a new UIDVALIDITY the mails that still lie there are found again by their hash.
        Index("inbound_ledger_unsettled", "alias_id", "generation", "keyed_hash",
              postgresql_where=text("NOT settled")),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    alias_id: int = Field(sa_column=Column(BigInteger, ForeignKey("aliases.id", ondelete="CASCADE"), nullable=False))
    generation: int = Field(sa_column=Column(BigInteger, nullable=False))
    source_key: str = Field(sa_column=Column(Text, nullable=False))
    uidvalidity: int | None = Field(default=None, sa_column=Column(BigInteger))
    keyed_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    fingerprint: str = Field(sa_column=Column(Text, nullable=False))
    # Null: told of, not taken (too large).
    activity_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    settled: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
