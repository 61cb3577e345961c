"""Alembic's entry: runs the steps in one transaction, under a lock, so that two pods may start at once."""

from typing import Any

from alembic import context
from sqlalchemy import Connection, text

from config_api.schema import METADATA

# Any number will do, as long as nobody else uses it in this database.
MIGRATION_LOCK = 0x0ECE_0001


def _run(connection: Connection, options: dict[str, Any]) -> None:
    context.configure(connection=connection, target_metadata=METADATA, **options)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        context.run_migrations()


_run(context.config.attributes["connection"], {"compare_type": True})
