"""The tables of this room.

Times are microseconds UTC of the wall clock. A case is one JSON document, beside it the columns
that are asked for; a field that a later version adds with a default still reads.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    text,
)

from crm_sync.schema import METADATA, big_column, key_column, text_column
from dealing.alerts.model import CaseState, Severity


def _one_of(column: str, choices: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{choice.value}'" for choice in choices)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _index(name: str, condition: str, *columns: str) -> Index:
    """Return an index of the few rows that are still of interest; the others are kept for ever."""
    where = text(condition)
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


ALERT_CASES: Final = Table(
    "alert_cases",
    METADATA,
    key_column(BigInteger, "number"),
    text_column("rule"),
    text_column("state"),
    text_column("severity"),
    big_column("changed_us"),
    text_column("words"),
    text_column("document"),
    _one_of("state", CaseState),
    _one_of("severity", Severity),
    Index(None, "changed_us"),
    _index("ix_alert_cases_unresolved", "state <> 'resolved'", "number"),
)
"""``words`` is what people search in, in small letters."""

ALERT_ENTRIES: Final = Table(
    "alert_entries",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    big_column("number"),
    big_column("at_us"),
    text_column("kind"),
    text_column("text"),
    text_column("actor"),
    text_column("via"),
    Index(None, "number", "id"),
    Index(None, "at_us"),
)
"""Timelines: lines are added and nothing else."""

ALERT_DELIVERIES: Final = Table(
    "alert_deliveries",
    METADATA,
    key_column(String, "channel"),
    key_column(BigInteger, "number"),
    Column("urgency", SmallInteger, nullable=False),
    big_column("wanted_version"),
    big_column("sent_version"),
    text_column("ref"),
    big_column("entries_told"),
    big_column("first_wanted_us"),
    big_column("tries"),
    big_column("next_try_us"),
    text_column("last_error"),
    _index(
        "ix_alert_deliveries_waiting",
        "sent_version < wanted_version",
        "channel",
        "urgency",
        "first_wanted_us",
    ),
    Index(None, "channel", "ref"),
)
"""What each channel is to be told of each case, and has; ``urgency`` is 0 for the most severe."""

ALERT_MUTES: Final = Table(
    "alert_mutes",
    METADATA,
    key_column(String, "mute_id"),
    text_column("rule"),
    text_column("subject"),
    text_column("actor"),
    text_column("reason"),
    big_column("since_us"),
    big_column("until_us"),
)

ALERT_NONCES: Final = Table(
    "alert_nonces",
    METADATA,
    key_column(String, "token_hash"),
    big_column("number"),
    text_column("channel"),
    text_column("action"),
    text_column("client_id"),
    text_column("symbol"),
    Column("within_usd", Float(53)),
    text_column("command"),
    text_column("asked_by"),
    big_column("issued_us"),
    big_column("expires_us"),
    Column("used_us", BigInteger),
    text_column("used_by"),
    CheckConstraint("used_by = '' OR used_us IS NOT NULL", name="used"),
    Index(None, "number", "channel"),
    Index(None, "expires_us"),
)
"""Buttons: what they mean is here, in the message is a text whose SHA-256 is ``token_hash``."""

ALERT_CURSORS: Final = Table(
    "alert_cursors", METADATA, key_column(String, "stream"), text_column("cursor")
)
"""How far each stream of happenings was read, written with what was made of it."""
