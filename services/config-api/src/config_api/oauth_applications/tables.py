"""OAuth applications as stored; secrets are sealed."""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Identity, Integer, LargeBinary, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel


class ApplicationRow(SQLModel, table=True):
    """Either a client secret or a certificate with its key."""

    __tablename__ = "oauth_applications"
    __table_args__ = (UniqueConstraint("name", name="oauth_applications_name"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    name: str = Field(sa_column=Column(Text, nullable=False))
    description: str = Field(default="", sa_column=Column(Text, nullable=False))
    provider: str = Field(sa_column=Column(Text, nullable=False))
    endpoint: str | None = Field(default=None, sa_column=Column(Text))
    tenant_id: str | None = Field(default=None, sa_column=Column(Text))
    issuer: str | None = Field(default=None, sa_column=Column(Text))
    client_id: str = Field(sa_column=Column(Text, nullable=False))
    client_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    client_secret_expires_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    certificate: str | None = Field(default=None, sa_column=Column(Text))
    certificate_private_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    certificate_expires_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # Of a custom provider only: those of Microsoft's clouds stand in `providers`.
    servers: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))
    application_scopes: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    # The last warning that was told about the present expiry, in days before it.
    warned_days: int | None = Field(default=None, sa_column=Column(Integer))
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    updated_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
