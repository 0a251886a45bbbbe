"""The tables of this room.

Messages are kept for ever: their keys are what makes a second delivery harmless. ``sealed`` is the
raw text encrypted, ``mended`` what a person put in its place.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    literal_column,
    text,
)

from crm_sync.schema import METADATA, big_column, key_column, text_column

_STATES: Final = "state IN ('waiting', 'done', 'ignored', 'dead', 'dropped')"


def waits(table: FromClause) -> ColumnElement[bool]:
    """Return whether a message waits, written so that partial indexes are used."""
    return table.c.state == literal_column("'waiting'")


def is_dead(table: FromClause) -> ColumnElement[bool]:
    """Return whether a message is dead, written so that partial indexes are used."""
    return table.c.state == literal_column("'dead'")


def _number() -> Column[int]:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _handling() -> list[Any]:
    return [
        text_column("state"),
        big_column("attempts"),
        big_column("due_at_us"),
        text_column("reason"),
        Column("finished_at_us", BigInteger),
        CheckConstraint(_STATES, name="state"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("(state = 'waiting') = (finished_at_us IS NULL)", name="finished"),
        CheckConstraint("state <> 'dead' OR reason <> ''", name="reason"),
    ]


def _index(name: str, state: str, *columns: str) -> Index:
    """Return an index of the few rows that are not yet done; the others are kept for ever."""
    where = text(f"state = '{state}'")
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


INBOX: Final = Table(
    "inbox",
    METADATA,
    _number(),
    text_column("provider"),
    text_column("dedupe_key"),
    text_column("aggregate"),
    text_column("sha256"),
    Column("sealed", LargeBinary, nullable=False),
    Column("mended", LargeBinary),
    big_column("received_at_us"),
    *_handling(),
    UniqueConstraint("provider", "dedupe_key"),
    _index("ix_inbox_waiting", "waiting", "id"),
    _index("ix_inbox_waiting_aggregate", "waiting", "aggregate", "id"),
    _index("ix_inbox_dead", "dead", "id"),
)
"""What other systems said, in the order in which it came."""

OUTBOX: Final = Table(
    "outbox",
    METADATA,
    _number(),
    text_column("key"),
    text_column("aggregate"),
    text_column("target"),
    text_column("method"),
    text_column("path"),
    text_column("answer_to"),
    Column("sealed", LargeBinary, nullable=False),
    Column("mended", LargeBinary),
    big_column("created_at_us"),
    *_handling(),
    UniqueConstraint("key"),
    _index("ix_outbox_waiting", "waiting", "id"),
    _index("ix_outbox_waiting_aggregate", "waiting", "aggregate", "id"),
    _index("ix_outbox_dead", "dead", "id"),
)
"""What other systems are to be told; a message that is done was accepted by its target."""

CURSORS: Final = Table(
    "cursors",
    METADATA,
    key_column(String, "provider"),
    key_column(String, "stream"),
    text_column("cursor"),
    big_column("high_watermark_us"),
    big_column("seen_us"),
    big_column("updated_at_us"),
    CheckConstraint("high_watermark_us >= 0", name="high_watermark"),
)
"""How far a stream was read: ``cursor`` is a page in a round that goes on, "" between rounds."""
