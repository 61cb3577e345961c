"""Inbound workflows, service levels, what an exception queue's alarm has told, tokens with departments and actions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0006"
down_revision: str | Sequence[str] | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("activities", sa.Column("priority", sa.SmallInteger(), nullable=True))
    op.add_column("activities", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "activities", sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("activities", sa.Column("routing_error", sa.Text(), nullable=True))
    op.create_table(
        "workflows",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("department_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("on_exception_queue", sa.Boolean(), nullable=False),
        sa.Column("rules", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("department_id", "name", name="workflows_name"),
    )
    op.create_table(
        "workflow_aliases",
        sa.Column("workflow_id", sa.BigInteger(), nullable=False),
        sa.Column("alias_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["alias_id"], ["aliases.id"]),
        sa.PrimaryKeyConstraint("workflow_id", "alias_id"),
    )
    op.create_index("workflow_aliases_alias", "workflow_aliases", ["alias_id"], unique=False)
    op.create_table(
        "acknowledgements",
        sa.Column("department_id", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("department_id", "address", "day"),
    )
    op.create_table(
        "exception_alarms",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name="exception_alarms_one_row"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("tokens", sa.Column("department_ids", postgresql.ARRAY(sa.BigInteger()), nullable=True))
    op.add_column("tokens", sa.Column("actions", postgresql.ARRAY(sa.Text()), nullable=True))


def downgrade() -> None:
    # A token that was narrowed down must not become one for everything.
    op.execute("DELETE FROM tokens WHERE department_ids IS NOT NULL OR actions IS NOT NULL")
    op.drop_column("tokens", "actions")
    op.drop_column("tokens", "department_ids")
    op.drop_table("exception_alarms")
    op.drop_table("acknowledgements")
    op.drop_table("workflow_aliases")
    op.drop_table("workflows")
    for name in ("routing_error", "tags", "due_at", "priority"):
        op.drop_column("activities", name)
