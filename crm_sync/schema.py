"""The one schema of a run's database: its versions, whose it is, and where tables are gathered.

Each room declares its own tables on ``METADATA``: ``*/tables.py`` here and in
``dealing/alerts``, and in ``dealing/storage`` those of revenue and commands. The migrations build
the same tables; a test holds the two together.
Money owed is whole minor units in BIGINT, times are BIGINT microseconds UTC unless a name says ns.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, MetaData, String, Table

SCHEMA_VERSIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""The migrations in their order; this version needs the last one."""

METADATA: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def text_column(name: str, **more: Any) -> Column[str]:
    """Return a text that is always there; "" where it has no meaning, so that keys compare."""
    return Column(name, String, nullable=False, **more)


def big_column(name: str, **more: Any) -> Column[int]:
    """Return a whole number of 64 bits that is always there."""
    return Column(name, BigInteger, nullable=False, **more)


def key_column(kind: Any, name: str) -> Column[Any]:
    """Return a part of a primary key that nothing counts up by itself."""
    return Column(name, kind, primary_key=True, autoincrement=False)


AUDIT_LOG: Final = Table(
    "audit_log",
    METADATA,
    key_column(BigInteger, "seq"),
    big_column("at_ns"),
    text_column("actor"),
    text_column("via"),
    text_column("action"),
    text_column("entity"),
    text_column("reason"),
    text_column("detail"),
    text_column("prev_hash"),
    text_column("hash"),
)
"""Who did what; triggers let rows be added and nothing else."""

SCHEMA_VERSION_TABLE: Final = Table("alembic_version", MetaData(), Column("version_num", String))
"""Where a database says which schema it has; Alembic's own."""

DATABASE_OWNER: Final = Table("database_owner", METADATA, key_column(String, "run_id"))
"""The one data directory whose facts these are."""
