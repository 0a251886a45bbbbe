"""How much waits, for how long, and what waits for a person: what a desk's health is made of."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, Table, func, select

from crm_sync.messages.tables import INBOX, OUTBOX, is_dead, waits


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """What has no end yet.

    Units: ``*_age_us`` is how long the oldest that waits has waited, microseconds, 0 if none does.
    """

    inbox_waiting: int
    inbox_age_us: int
    outbox_waiting: int
    outbox_age_us: int
    dead: int


def backlog(connection: Connection, now_us: int) -> Backlog:
    """Return what has no end yet."""
    inbox_waiting, received_us = _waiting(connection, INBOX, "received_at_us")
    outbox_waiting, created_us = _waiting(connection, OUTBOX, "created_at_us")
    return Backlog(
        inbox_waiting=inbox_waiting,
        inbox_age_us=max(0, now_us - received_us) if inbox_waiting else 0,
        outbox_waiting=outbox_waiting,
        outbox_age_us=max(0, now_us - created_us) if outbox_waiting else 0,
        dead=_dead(connection, INBOX) + _dead(connection, OUTBOX),
    )


def _waiting(connection: Connection, table: Table, since: str) -> tuple[int, int]:
    asked = select(func.count(), func.min(table.c[since])).where(waits(table))
    count, oldest_us = connection.execute(asked).one()
    return count, oldest_us or 0


def _dead(connection: Connection, table: Table) -> int:
    asked = select(func.count()).select_from(table).where(is_dead(table))
    return connection.scalar(asked) or 0
