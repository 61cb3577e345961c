"""Positions of the event feed go on growing when a dump is restored into a cluster whose transaction ids start anew."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | Sequence[str] | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_FUNCTIONS = (
    "CREATE FUNCTION feed_position() RETURNS bigint LANGUAGE sql VOLATILE AS"
    " 'SELECT pg_current_xact_id()::text::bigint + value FROM feed_offset'",
    "CREATE FUNCTION feed_horizon() RETURNS bigint LANGUAGE sql STABLE AS"
    " 'SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + value FROM feed_offset'",
)


def upgrade() -> None:
    op.create_table(
        "feed_offset",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name="feed_offset_one_row"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO feed_offset (id, value) VALUES (1, 0)")
    for function in _FUNCTIONS:
        op.execute(function)
    op.alter_column("events", "xid", server_default=sa.text("feed_position()"))


def downgrade() -> None:
    op.alter_column("events", "xid", server_default=sa.text("(pg_current_xact_id()::text::bigint)"))
    op.execute("DROP FUNCTION feed_horizon()")
    op.execute("DROP FUNCTION feed_position()")
    op.drop_table("feed_offset")
