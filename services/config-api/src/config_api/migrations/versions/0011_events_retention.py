"""Events are kept for a while, not for ever: how far the feed was purged."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | Sequence[str] | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "events_purged",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name="events_purged_one_row"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO events_purged (id, xid, event_id) VALUES (1, 0, 0)")


def downgrade() -> None:
    op.drop_table("events_purged")
