"""The tables of revenue and commands, as this version reads and writes them.

Money is whole millionths of a USD in BIGINT, days are server days, and empty text stands where a
dimension has no meaning, so that every key compares.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Date, Float, Index, Integer, SmallInteger, String, Table

from crm_sync.schema import METADATA, big_column, key_column, text_column

REVENUE_FACTS: Final = Table(
    "revenue_facts",
    METADATA,
    key_column(BigInteger, "position"),
    key_column(String, "component"),
    key_column(String, "login"),
    key_column(String, "symbol"),
    key_column(String, "book"),
    Column("day", Date, nullable=False),
    Column("hour", SmallInteger, nullable=False),
    big_column("ts_event"),
    big_column("amount_micro_usd"),
    text_column("client_id"),
    text_column("underlying"),
    text_column("asset_class"),
    text_column("ib"),
    text_column("desk"),
    text_column("region"),
    text_column("deal_id"),
    Column("corrects_day", Date),
    Index(None, "day", "position"),
    sqlite_with_rowid=False,
)

REVENUE_CONTROLS: Final = Table(
    "revenue_controls",
    METADATA,
    key_column(BigInteger, "position"),
    key_column(String, "currency"),
    Column("day", Date, nullable=False),
    Column("hour", SmallInteger, nullable=False),
    big_column("ts_event"),
    big_column("client_net_micro_usd"),
    big_column("lp_net_micro_usd"),
    big_column("bonus_micro_usd"),
    big_column("adjustments_micro_usd"),
    Column("corrects_day", Date),
    Index(None, "day", "position"),
)

REVENUE_TOTALS: Final = Table(
    "revenue_totals",
    METADATA,
    key_column(String, "dimension"),
    key_column(Date, "day"),
    key_column(String, "name"),
    key_column(String, "component"),
    big_column("amount_micro_usd"),
    sqlite_with_rowid=False,
)
"""Sums of facts, kept in the transaction that keeps the facts."""

REVENUE_DAYS: Final = Table(
    "revenue_days",
    METADATA,
    key_column(Date, "day"),
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
    key_column(Date, "day"),
    big_column("position"),
    big_column("ts_event"),
    Column("floating_usd", Float(53), nullable=False),
    Column("booked_usd", Float(53), nullable=False),
    big_column("facts_micro_usd"),
    big_column("kept_at"),
)
"""What the house was worth when a day opened."""

REVENUE_NOW: Final = Table(
    "revenue_now",
    METADATA,
    key_column(Integer, "id"),
    big_column("position"),
    big_column("ts_event"),
    Column("floating_usd", Float(53), nullable=False),
    Column("booked_usd", Float(53), nullable=False),
    big_column("facts_micro_usd"),
    big_column("kept_at"),
)
"""The newest mark, in one row."""

COMMANDS: Final = Table(
    "commands",
    METADATA,
    key_column(String, "key"),
    big_column("number", unique=True),
    text_column("state"),
    Column("due_ns", BigInteger),
    big_column("created_at_ns"),
    text_column("document"),
    Index(None, "state"),
    Index(None, "due_ns"),
)
"""What people decided; ``number`` is their order, ``document`` the command as JSON."""

COMMAND_LOGINS: Final = Table(
    "command_logins",
    METADATA,
    key_column(String, "login"),
    key_column(BigInteger, "number"),
    sqlite_with_rowid=False,
)
"""Which accounts a command moves."""

APPROVALS: Final = Table(
    "approvals",
    METADATA,
    key_column(String, "command_key"),
    text_column("kind"),
    text_column("payload_hash"),
    text_column("requested_by"),
    big_column("requested_at_ns"),
    big_column("expires_at_ns"),
    text_column("decision"),
    text_column("decided_by"),
    Column("decided_at_ns", BigInteger),
    text_column("reason"),
)
"""What a second person decides about; ``decision`` is empty until then."""
