"""Many new rows at once, as each engine takes them fastest; rows that are there already stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg
from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, Table
from sqlalchemy.dialects import postgresql, sqlite

from exposure.errors import StorageError

FEW: Final = 200
"""Up to here the ordinary way is quick enough, and PostgreSQL needs no table beside."""

Rows = Sequence[tuple[Any, ...]]


def add_new(connection: Connection, table: Table, rows: Rows) -> None:
    """Add rows whose keys are not there yet.

    Args:
        connection: In a transaction.
        table: Where to.
        rows: Values in the order of the table's columns.

    Raises:
        StorageError: PostgreSQL refuses them.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        _many_on_sqlite(connection, table, rows)
    elif len(rows) <= FEW:
        names = table.columns.keys()
        values = [dict(zip(names, row, strict=True)) for row in rows]
        connection.execute(postgresql.insert(table).on_conflict_do_nothing(), values)
    else:
        _many_on_postgres(connection, table, rows)


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows, or write them over those of the same primary key."""
    if not rows:
        return
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    keys = [column.name for column in table.primary_key]
    added = insert(table)
    changed = {name: added.excluded[name] for name in rows[0] if name not in keys}
    statement = added.on_conflict_do_update(index_elements=keys, set_=changed)
    connection.execute(statement, list(rows))


def _many_on_sqlite(connection: Connection, table: Table, rows: Rows) -> None:
    places = ", ".join("?" * len(table.columns))
    statement = f"INSERT INTO {table.name} VALUES ({places}) ON CONFLICT DO NOTHING"  # noqa: S608 - our own names
    connection.exec_driver_sql(statement, list(rows))


def _many_on_postgres(connection: Connection, table: Table, rows: Rows) -> None:
    staged = f"new_{table.name}"
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {staged} (LIKE {table.name}) ON COMMIT DELETE ROWS"
    )
    connection.exec_driver_sql(f"TRUNCATE {staged}")
    _copy(connection, table, staged, rows)
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} SELECT * FROM {staged} ON CONFLICT DO NOTHING"  # noqa: S608 - our own names
    )


def _copy(connection: Connection, table: Table, staged: str, rows: Rows) -> None:
    raw = connection.connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise StorageError("this database is neither SQLite nor PostgreSQL")
    types = [_type_name(column.type) for column in table.columns]
    try:
        with (
            raw.cursor() as cursor,
            cursor.copy(f"COPY {staged} FROM STDIN (FORMAT BINARY)".encode()) as copy,
        ):
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as e:
        # without its text: PostgreSQL may quote a value
        raise StorageError(f"PostgreSQL refuses rows of {table.name}: code {e.sqlstate}") from None


def _type_name(kind: object) -> str:
    match kind:
        case BigInteger():
            return "int8"
        case Integer():
            return "int4"
        case Boolean():
            return "bool"
        case LargeBinary():
            return "bytea"
        case _:
            return "varchar"
