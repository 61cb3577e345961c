"""How many deliveries are uncertain is counted without reading those that are not."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | Sequence[str] | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "deliveries_uncertain", "deliveries", ["activity_id"], postgresql_where=sa.text("status = 'uncertain'")
    )


def downgrade() -> None:
    op.drop_index("deliveries_uncertain", "deliveries")
