"""Rows of tables as the values that they mean, and kept as they are until they were changed."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Row, Select

Value = TypeVar("Value")


def locked(connection: Connection, asked: Select[Any]) -> Select[Any]:
    """Return a query whose rows nobody else changes; one that only reads locks nothing.

    SQLite has one writer anyway, and ignores the lock.
    """
    reads = connection.get_execution_options().get("postgresql_readonly", False)
    return asked if reads else asked.with_for_update()


def value_of(row: Row[Any], kind: type[Value], **more: Any) -> Value:
    """Return a row as the value that its columns, and what is added, make."""
    held = {str(name): value for name, value in row._asdict().items()}
    return msgspec.convert({**held, **more}, kind)
