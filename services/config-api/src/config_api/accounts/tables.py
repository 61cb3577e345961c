"""Accounts and authorization requests as stored; tokens and verifiers are sealed, states and codes only hashed."""
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
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlmodel import Field, SQLModel


class AccountRow(SQLModel, table=True):
    __tablename__ = "accounts"
    __table_args__ = (
        UniqueConstraint("department_id", "account_name", name="accounts_name"),
        Index("accounts_application", "oauth_application_id"),
        Index("accounts_renewal", "renew_at", postgresql_where=text("renew_at IS NOT NULL")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    department_id: int = Field(sa_column=Column(BigInteger, ForeignKey("departments.id"), nullable=False))
    account_name: str = Field(sa_column=Column(Text, nullable=False))
    account_description: str = Field(default="", sa_column=Column(Text, nullable=False))
    status: str = Field(default="active", sa_column=Column(Text, nullable=False))
    oauth_application_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("oauth_applications.id"), nullable=False)
    )
    server_type: str = Field(sa_column=Column(Text, nullable=False))
    authentication_flow: str = Field(sa_column=Column(Text, nullable=False))

    authorization_state: str = Field(default="not_authorized", sa_column=Column(Text, nullable=False))
    authorization_reason: str | None = Field(default=None, sa_column=Column(Text))
    authorization_detail: str | None = Field(default=None, sa_column=Column(Text))
    authorization_changed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    authorized_user_name: str | None = Field(default=None, sa_column=Column(Text))
    tokens: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    # Grows with every change of the tokens: whoever asked the provider with older ones keeps its answer to itself.
    token_number: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    access_token_expires_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # Null: nothing is renewed.
    renew_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    renewed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # After a failure that may pass the provider is left alone until then.
    put_off_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    failed_renewals: int = Field(default=0, sa_column=Column(Integer, nullable=False))

    version: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    updated_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class AuthorizationRequestRow(SQLModel, table=True):
    """A sign-in that was begun. Kept for a day, so that a late or repeated return is told what it is."""

    __tablename__ = "authorization_requests"
    __table_args__ = (
        UniqueConstraint("state_hash", name="authorization_requests_state"),
        Index("authorization_requests_code", "code_hash", postgresql_where=text("code_hash IS NOT NULL")),
        Index("authorization_requests_age", "created_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    oauth_application_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("oauth_applications.id", ondelete="CASCADE"), nullable=False)
    )
    account_id: int | None = Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"))
    )
    state_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    # PKCE verifier, nonce, redirect URI and scopes, as JSON.
    flow: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    code_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    asked_by: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    returned_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    redeemed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
