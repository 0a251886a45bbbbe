"""How far behind messages are: how many wait in each box, and since when."""

from __future__ import annotations

import msgspec
from sqlalchemy import Column, Connection, Table, func, select

from crm_sync.messages.tables import INBOX, OUTBOX, is_dead, waits


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """One box: ``oldest_us`` is when what waits longest came, None where nothing waits."""

    waiting: int
    dead: int
    oldest_us: int | None


def inbox_queue(connection: Connection) -> Queue:
    """Return what was received and not taken yet."""
    return _queue(connection, INBOX, INBOX.c.received_at_us)


def outbox_queue(connection: Connection) -> Queue:
    """Return what is to be sent."""
    return _queue(connection, OUTBOX, OUTBOX.c.created_at_us)


def _queue(connection: Connection, table: Table, came_us: Column[int]) -> Queue:
    asked = select(func.count(), func.min(came_us)).where(waits(table))
    waiting, oldest_us = connection.execute(asked).one()
    dead = connection.scalar(select(func.count()).where(is_dead(table))) or 0
    return Queue(waiting=waiting, dead=dead, oldest_us=oldest_us)
