"""Indexes by which lists of activities and the audit log stay quick at ten million rows."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | Sequence[str] | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_FROM = sa.text('(left(lower(from_address), 320)) COLLATE "C"')


def upgrade() -> None:
    op.drop_index("activities_from", "activities")
    op.create_index("activities_from", "activities", [_FROM, "id"])
    op.create_index(
        "activities_open",
        "activities",
        ["status", "department_id", "id"],
        postgresql_where=sa.text("status <> 'completed'"),
    )
    op.create_index(
        "activities_subtype", "activities", ["subtype", "id"], postgresql_where=sa.text("subtype <> 'email'")
    )
    op.create_index(
        "activities_assigned",
        "activities",
        ["assigned_to", "id"],
        postgresql_where=sa.text("assigned_to IS NOT NULL"),
    )
    op.create_index("audit_log_department", "audit_log", ["department_id", "id"])
    op.create_index("audit_log_principal", "audit_log", ["principal", "id"])


def downgrade() -> None:
    op.drop_index("audit_log_principal", "audit_log")
    op.drop_index("audit_log_department", "audit_log")
    op.drop_index("activities_assigned", "activities")
    op.drop_index("activities_subtype", "activities")
    op.drop_index("activities_open", "activities")
    op.drop_index("activities_from", "activities")
    op.create_index("activities_from", "activities", [sa.text("lower(from_address)")], postgresql_using="hash")
