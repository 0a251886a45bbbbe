"""Rows that are read to be changed stay as they are until the transaction ends."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select


def locked(connection: Connection, asked: Select[Any]) -> Select[Any]:
    """Return a query whose rows nobody else changes; one that only reads locks nothing.

    SQLite has one writer anyway, and ignores the lock.
    """
    reads = connection.get_execution_options().get("postgresql_readonly", False)
    return asked if reads else asked.with_for_update()
