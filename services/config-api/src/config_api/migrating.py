"""Brings the database to the newest schema: `ece-config-api migrate`."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

# Events of a dump that was restored into a younger cluster lie ahead of its transaction ids, and readers of the feed
# would see nothing new until those caught up. No committed event can be at or above the snapshot's end otherwise.
# Events may have been purged, up to the very last, and `notified` lies at the old cluster's horizon, beyond all of
# them: what came before that would never be told. Readers may have read on after the dump was taken: a leap farther
# than any cluster comes between a backup and its restore keeps them from passing over what comes now.
_CATCH_UP = text("""
    UPDATE feed_offset SET value = value + ahead.by + 4294967296 FROM (
        SELECT greatest(
                   (SELECT max(xid) + 1 FROM events), (SELECT xid + 1 FROM events_purged), (SELECT xid FROM notified)
               ) - pg_snapshot_xmax(pg_current_snapshot())::text::bigint
               - (SELECT value FROM feed_offset) AS by
    ) AS ahead WHERE ahead.by > 0
""")
MIGRATIONS = Path(__file__).parent / "migrations"


def configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("file_template", "%%(slug)s")
    return config


def _upgrade(connection: Connection) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def migrate(url: str) -> None:
    """Up to the newest step. Harmless when repeated, and when several processes do it at once.

    After a restore it lets the event feed go on where the dump ended.
    """
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade)
            await connection.execute(_CATCH_UP)
            await connection.commit()
    finally:
        await engine.dispose()


@cache
def _steps() -> tuple[str | None, frozenset[str]]:
    scripts = ScriptDirectory.from_config(configuration())
    return scripts.get_current_head(), frozenset(step.revision for step in scripts.walk_revisions())


def is_behind(connection: Connection) -> bool:
    """Whether this code needs steps that the database has not had.

    A revision that this code does not know is a newer release's, whose schema serves the old code as well: replicas
    of the old release stay ready while an upgrade replaces them.
    """
    newest, known = _steps()
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return newest is not None
    current = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return current != newest and (current is None or current in known)
