"""Brings the database to the newest schema: `ece-config-api migrate`."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

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
    """Up to the newest step. Harmless when repeated, and when several processes do it at once."""
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade)
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
