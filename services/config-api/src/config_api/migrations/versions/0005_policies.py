"""Blocked file extensions, quarantine, delivery exceptions, masking."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # Which state of its department's policies a mail went through.
    op.add_column("activities", sa.Column("policy_version", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("activities", "policy_version")
