"""The audit log in a SQL database: rows are added inside the transaction that they tell of."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, select, text

from crm_sync.audit import AuditEntry, AuditRow, chained
from crm_sync.schema import AUDIT_LOG

_LOCK: Final = 5_027_320
"""A number of ours: writers of one PostgreSQL wait for each other."""


def alone(connection: Connection) -> None:
    """Wait until no other writer of the log is at work; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def append(connection: Connection, entry: AuditEntry) -> None:
    """Put an entry at the end of the chain; call ``alone`` earlier in the same transaction."""
    newest = select(AUDIT_LOG).order_by(AUDIT_LOG.c.seq.desc()).limit(1)
    last = connection.execute(newest).first()
    row = chained(entry, None if last is None else audit_row(last))
    content = msgspec.structs.asdict(row.entry)
    chain = {"seq": row.seq, "prev_hash": row.prev_hash, "hash": row.hash}
    connection.execute(AUDIT_LOG.insert(), {**content, **chain})


def audit_row(row: Row[Any]) -> AuditRow:
    """Return a row of the table as what it means."""
    held = row._asdict()
    entry = AuditEntry(**{name: held[name] for name in AuditEntry.__struct_fields__})
    return AuditRow(seq=row.seq, entry=entry, prev_hash=row.prev_hash, hash=row.hash)
