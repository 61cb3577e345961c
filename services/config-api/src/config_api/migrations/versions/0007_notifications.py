"""Service notifications by mail: the system's own mail has neither department nor alias."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | Sequence[str] | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.alter_column("activities", "department_id", nullable=True)
    op.alter_column("deliveries", "alias_id", nullable=True)
    op.create_table(
        "notified",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name="notified_one_row"),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("notified")
    op.execute("DELETE FROM deliveries WHERE alias_id IS NULL")
    op.execute("DELETE FROM activities WHERE department_id IS NULL")
    op.alter_column("deliveries", "alias_id", nullable=False)
    op.alter_column("activities", "department_id", nullable=False)
