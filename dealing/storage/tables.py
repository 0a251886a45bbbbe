"""The database's tables, as this version reads and writes them.

Money is whole millionths of a USD in BIGINT, days are server days, and empty text stands where a
dimension has no meaning, so that every key compares. The migrations build the same tables; a test
holds the two together.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Float,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
)

SCHEMA_VERSIONS: Final = ("0001", "0002")
"""The migrations in their order; this version needs the last one."""

METADATA: Final = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"}
)


def _text(name: str, **more: Any) -> Column[str]:
    return Column(name, String, nullable=False, **more)


def _big(name: str, **more: Any) -> Column[int]:
    return Column(name, BigInteger, nullable=False, **more)


def _key(kind: Any, name: str) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


REVENUE_FACTS: Final = Table(
    "revenue_facts",
    METADATA,
    _key(BigInteger, "position"),
    _key(String, "component"),
    _key(String, "login"),
    _key(String, "symbol"),
    _key(String, "book"),
    Column("day", Date, nullable=False),
    Column("hour", SmallInteger, nullable=False),
    _big("ts_event"),
    _big("amount_micro_usd"),
    _text("client_id"),
    _text("underlying"),
    _text("asset_class"),
    _text("ib"),
    _text("desk"),
    _text("region"),
    _text("deal_id"),
    Column("corrects_day", Date),
    Index(None, "day", "position"),
    sqlite_with_rowid=False,
)

REVENUE_CONTROLS: Final = Table(
    "revenue_controls",
    METADATA,
    _key(BigInteger, "position"),
    _key(String, "currency"),
    Column("day", Date, nullable=False),
    Column("hour", SmallInteger, nullable=False),
    _big("ts_event"),
    _big("client_net_micro_usd"),
    _big("lp_net_micro_usd"),
    _big("bonus_micro_usd"),
    _big("adjustments_micro_usd"),
    Column("corrects_day", Date),
    Index(None, "day", "position"),
)

REVENUE_TOTALS: Final = Table(
    "revenue_totals",
    METADATA,
    _key(String, "dimension"),
    _key(Date, "day"),
    _key(String, "name"),
    _key(String, "component"),
    _big("amount_micro_usd"),
    sqlite_with_rowid=False,
)
"""Sums of facts, kept in the transaction that keeps the facts."""

REVENUE_DAYS: Final = Table(
    "revenue_days",
    METADATA,
    _key(Date, "day"),
    Column("facts", BigInteger),
    Column("controls", BigInteger),
    Column("amount_micro_usd", BigInteger),
    Column("facts_digest", String),
    Column("controls_digest", String),
    Column("sealed_at", BigInteger),
)
"""Days that take no more; without a seal (nulls) one is still being closed."""

REVENUE_MARKS: Final = Table(
    "revenue_marks",
    METADATA,
    _key(Date, "day"),
    _big("position"),
    _big("ts_event"),
    Column("floating_usd", Float(53), nullable=False),
    Column("booked_usd", Float(53), nullable=False),
    _big("facts_micro_usd"),
    _big("kept_at"),
)
"""What the house was worth when a day opened."""

REVENUE_NOW: Final = Table(
    "revenue_now",
    METADATA,
    _key(Integer, "id"),
    _big("position"),
    _big("ts_event"),
    Column("floating_usd", Float(53), nullable=False),
    Column("booked_usd", Float(53), nullable=False),
    _big("facts_micro_usd"),
    _big("kept_at"),
)
"""The newest mark, in one row."""

COMMANDS: Final = Table(
    "commands",
    METADATA,
    _key(String, "key"),
    _big("number", unique=True),
    _text("state"),
    Column("due_ns", BigInteger),
    _big("created_at_ns"),
    _text("document"),
    Index(None, "state"),
    Index(None, "due_ns"),
)
"""What people decided; ``number`` is their order, ``document`` the command as JSON."""

COMMAND_LOGINS: Final = Table(
    "command_logins",
    METADATA,
    _key(String, "login"),
    _key(BigInteger, "number"),
    sqlite_with_rowid=False,
)
"""Which accounts a command moves."""

APPROVALS: Final = Table(
    "approvals",
    METADATA,
    _key(String, "command_key"),
    _text("kind"),
    _text("payload_hash"),
    _text("requested_by"),
    _big("requested_at_ns"),
    _big("expires_at_ns"),
    _text("decision"),
    _text("decided_by"),
    Column("decided_at_ns", BigInteger),
    _text("reason"),
)
"""What a second person decides about; ``decision`` is empty until then."""

AUDIT_LOG: Final = Table(
    "audit_log",
    METADATA,
    _key(BigInteger, "seq"),
    _big("at_ns"),
    _text("actor"),
    _text("via"),
    _text("action"),
    _text("entity"),
    _text("reason"),
    _text("detail"),
    _text("prev_hash"),
    _text("hash"),
)
"""Who did what; triggers let rows be added and nothing else."""

SCHEMA_VERSION_TABLE: Final = Table("alembic_version", MetaData(), Column("version_num", String))
"""Where a database says which schema it has; Alembic's own."""

DATABASE_OWNER: Final = Table("database_owner", METADATA, _key(String, "run_id"))
"""The one data directory whose facts these are."""
