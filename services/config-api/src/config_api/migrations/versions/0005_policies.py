"""Blocked file extensions, quarantine, delivery exceptions, masking."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from ece_common.policies.folding import fold
from ece_common.policies.predefined import delivery_exceptions

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _moments() -> tuple[sa.Column, ...]:
    return tuple(
        sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
        for name in ("created_at", "updated_at")
    )


def upgrade() -> None:
    # Which state of its department's policies a mail went through.
    op.add_column("activities", sa.Column("policy_version", sa.Text(), nullable=True))
    op.create_table(
        "delivery_exceptions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("department_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("phrase", sa.Text(), nullable=False),
        sa.Column("phrase_key", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("predefined", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        *_moments(),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "delivery_exceptions_phrase", "delivery_exceptions", ["department_id", "type", "phrase_key"], unique=True
    )
    op.create_index(
        "delivery_exceptions_predefined", "delivery_exceptions", ["predefined"],
        unique=False, postgresql_where=sa.text("predefined IS NOT NULL"),
    )
    op.create_table(
        "withdrawn_delivery_exceptions",
        sa.Column("predefined", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("predefined"),
    )
    op.create_table(
        "blocked_file_extensions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("department_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("blocked_file_extension", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        *_moments(),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("department_id", "blocked_file_extension", name="blocked_file_extensions_extension"),
    )
    _create_masking()
    _create_quarantine()
    _give_predefined()


def _create_quarantine() -> None:
    op.create_table(
        "blocked_attachments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("department_id", sa.BigInteger(), nullable=False),
        sa.Column("activity_id", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'quarantined'"), nullable=False),
        sa.Column("extension", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["activity_id"], ["activities.id"]),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("activity_id", "n", name="blocked_attachments_attachment"),
    )
    op.create_index(
        "blocked_attachments_quarantined", "blocked_attachments", ["department_id", "id"],
        unique=False, postgresql_where=sa.text("state = 'quarantined'"),
    )


def _create_masking() -> None:
    op.create_table(
        "masking_patterns",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("masking_character", sa.Text(), nullable=False),
        sa.Column("java_regular_expression", sa.Text(), nullable=False),
        sa.Column("javascript_regular_expression", sa.Text(), nullable=False),
        sa.Column("unmask_from_left", sa.Integer(), nullable=False),
        sa.Column("unmask_from_right", sa.Integer(), nullable=False),
        sa.Column("apply_luhn", sa.Boolean(), nullable=False),
        sa.Column("linear", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *_moments(),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "masking_channels",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("department_id", sa.BigInteger(), nullable=True),
        sa.Column("mask_incoming", sa.Boolean(), nullable=False),
        sa.Column("mask_outgoing", sa.Boolean(), nullable=False),
        sa.Column("pattern_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("departments_may_override", sa.Boolean(), nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("department_id"),
    )
    op.create_index(
        "masking_channels_partition", "masking_channels", [sa.text("(department_id IS NULL)")],
        unique=True, postgresql_where=sa.text("department_id IS NULL"),
    )
    op.execute(
        "INSERT INTO masking_channels (mask_incoming, mask_outgoing, pattern_ids, departments_may_override, own,"
        " version) VALUES (false, false, '{}', false, true, 1)"
    )


def _give_predefined() -> None:
    """Departments that are there already have the predefined ones too (R253)."""
    give = sa.text(
        "INSERT INTO delivery_exceptions (department_id, name, type, phrase, phrase_key, failure, predefined)"
        " SELECT id, :phrase, :type, :phrase, :key, :failure, :predefined FROM departments ORDER BY id"
    )
    for one in delivery_exceptions():
        values = {**one._asdict(), "key": fold(one.phrase), "predefined": f"{one.type}:{one.phrase}"}
        op.execute(give.bindparams(**values))


def downgrade() -> None:
    op.drop_table("blocked_attachments")
    op.drop_table("masking_channels")
    op.drop_table("masking_patterns")
    op.drop_column("activities", "policy_version")
    op.drop_table("blocked_file_extensions")
    op.drop_table("withdrawn_delivery_exceptions")
    op.drop_table("delivery_exceptions")
