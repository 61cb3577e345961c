"""How far the feed was turned into mail."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

from sqlalchemy import BigInteger, CheckConstraint, Column, SmallInteger
from sqlmodel import Field, SQLModel


class NotifiedRow(SQLModel, table=True):
    """One row: the position in the feed up to which everything was told, or did not need to be."""

    __tablename__ = "notified"
    __table_args__ = (CheckConstraint("id = 1", name="notified_one_row"),)

    id: int = Field(default=1, sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    xid: int = Field(sa_column=Column(BigInteger, nullable=False))
    event_id: int = Field(sa_column=Column(BigInteger, nullable=False))
