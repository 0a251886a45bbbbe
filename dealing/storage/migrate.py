"""Bringing a database's schema to this version: ``plimsoll db upgrade``, and SQLite by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from crm_sync.database import Database, schema_version
from crm_sync.schema import SCHEMA_VERSIONS

STEPS: Final = Path(__file__).with_name("migrations")
_LOCK: Final = 5_027_319
"""A number of ours: two upgrades of one PostgreSQL wait for each other."""


def upgrade(database: Database) -> str | None:
    """Take all missing steps in one transaction.

    Returns:
        The version that the database had before; the last of SCHEMA_VERSIONS if nothing was due.

    Raises:
        StorageError: The database cannot be used or a newer version made it.
    """
    with database.migrating() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = schema_version(connection)
        database.refuse_unknown(before)
        if before != SCHEMA_VERSIONS[-1]:
            steps = Config()
            steps.set_main_option("script_location", str(STEPS).replace("%", "%%"))
            steps.attributes["connection"] = connection
            command.upgrade(steps, "head")
    return before
