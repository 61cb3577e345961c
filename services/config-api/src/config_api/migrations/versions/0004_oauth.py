"""OAuth applications, accounts and their tokens."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "oauth_applications",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=True),
        sa.Column("tenant_id", sa.Text(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("client_secret", sa.LargeBinary(), nullable=True),
        sa.Column("client_secret_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("certificate_private_key", sa.LargeBinary(), nullable=True),
        sa.Column("certificate_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("servers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("application_scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("warned_days", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="oauth_applications_name"),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("department_id", sa.BigInteger(), nullable=False),
        sa.Column("account_name", sa.Text(), nullable=False),
        sa.Column("account_description", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("oauth_application_id", sa.BigInteger(), nullable=False),
        sa.Column("server_type", sa.Text(), nullable=False),
        sa.Column("authentication_flow", sa.Text(), nullable=False),
        sa.Column("authorization_state", sa.Text(), nullable=False),
        sa.Column("authorization_reason", sa.Text(), nullable=True),
        sa.Column("authorization_detail", sa.Text(), nullable=True),
        sa.Column("authorization_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("authorized_user_name", sa.Text(), nullable=True),
        sa.Column("tokens", sa.LargeBinary(), nullable=True),
        sa.Column("token_number", sa.BigInteger(), nullable=False),
        sa.Column("access_token_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("renew_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("renewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("put_off_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_renewals", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["oauth_application_id"], ["oauth_applications.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("department_id", "account_name", name="accounts_name"),
    )
    op.create_index("accounts_application", "accounts", ["oauth_application_id"], unique=False)
    op.create_index(
        "accounts_renewal", "accounts", ["renew_at"], unique=False, postgresql_where=sa.text("renew_at IS NOT NULL")
    )
    op.create_table(
        "authorization_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("oauth_application_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("flow", sa.LargeBinary(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["oauth_application_id"], ["oauth_applications.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("state_hash", name="authorization_requests_state"),
    )
    op.create_index(
        "authorization_requests_code",
        "authorization_requests",
        ["code_hash"],
        unique=False,
        postgresql_where=sa.text("code_hash IS NOT NULL"),
    )
    op.create_index("authorization_requests_age", "authorization_requests", ["created_at"], unique=False)
    op.add_column("worker_jobs", sa.Column("account_id", sa.BigInteger(), nullable=True))
    # An alias that is tried in an account is another thing to wait for than the alias as it is.
    op.drop_index("worker_jobs_one_of_a_kind", table_name="worker_jobs")
    op.create_index(
        "worker_jobs_one_of_a_kind",
        "worker_jobs",
        ["kind", "target_id", sa.text("COALESCE(account_id, 0)")],
        unique=True,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.add_column(
        "aliases", sa.Column("shared_mailbox", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    # Made as a basic alias, whose own servers and passwords are kept for the day it leaves the account (R197).
    op.add_column("aliases", sa.Column("converted", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_foreign_key("aliases_account_id_fkey", "aliases", "accounts", ["account_id"], ["id"])
    op.create_index(
        "aliases_account", "aliases", ["account_id"], unique=False, postgresql_where=sa.text("account_id IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("aliases_account", table_name="aliases")
    op.drop_constraint("aliases_account_id_fkey", "aliases", type_="foreignkey")
    op.drop_column("aliases", "converted")
    op.drop_column("aliases", "shared_mailbox")
    op.drop_index("worker_jobs_one_of_a_kind", table_name="worker_jobs")
    op.execute("DELETE FROM worker_jobs WHERE account_id IS NOT NULL")
    op.drop_column("worker_jobs", "account_id")
    op.create_index(
        "worker_jobs_one_of_a_kind",
        "worker_jobs",
        ["kind", "target_id"],
        unique=True,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.drop_table("authorization_requests")
    op.drop_table("accounts")
    op.drop_table("oauth_applications")
