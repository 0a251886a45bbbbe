"""One SQL database: SQLite in the data directory, or PostgreSQL by its address.

Connections are made when they are needed, so a database may be away and come back. Before it is
used for the first time, and again after every trouble, it is asked for its schema and its owner: a
database of another version or another run is refused with a sentence that says what to do.

A password is never ours: PostgreSQL's own library takes it from PGPASSWORD or ~/.pgpass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from crm_sync.schema import DATABASE_OWNER, SCHEMA_VERSION_TABLE, SCHEMA_VERSIONS
from exposure.errors import SchemaError, StorageError

_OWN: Final = text("INSERT INTO database_owner (run_id) VALUES (:run_id) ON CONFLICT DO NOTHING")
"""Engine and desk may be the first writers at the same moment."""

Access = Literal["read", "write"]
Owner = Callable[[], str | None]

CONNECT_WITHIN_S: Final = 5
LOCKED_WITHIN_S: Final = 5
ANSWER_WITHIN_S: Final = 60

_POSTGRES: Final = {
    "connect_timeout": CONNECT_WITHIN_S,
    "tcp_user_timeout": CONNECT_WITHIN_S * 1_000,
    "options": (
        f"-c statement_timeout={ANSWER_WITHIN_S}s -c lock_timeout={LOCKED_WITHIN_S}s "
        "-c timezone=UTC"
    ),
}


def _anybody() -> None:
    return None


class Database:
    """A database that this process may read, and write if it is the one that does."""

    def __init__(self, engine: Engine, name: str, owner: Owner) -> None:
        """Take a way to connect; nothing is connected yet.

        Args:
            engine: SQLAlchemy's, made by ``database_at``.
            name: What a person knows the database by.
            owner: Returns the run whose facts it has to hold; None takes any.
        """
        self.name = name
        self._engine = engine
        self._owner = owner
        self._known = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read; everything in the block is seen as it was at one moment.

        Raises:
            StorageError: The database cannot be used.
        """
        with self._session("read") as connection:
            self._meet(connection, "read")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Write all that the block writes, on the disk when it ends, or nothing of it.

        Raises:
            StorageError: The database cannot be used.
        """
        with self._session("write") as connection:
            self._meet(connection, "write")
            yield connection

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Write whatever the schema; raises as ``writing``."""
        with self._session("write") as connection:
            yield connection

    def check(self) -> None:
        """Find out whether it can be used now.

        Raises:
            SchemaError: It is another version's or another run's; the sentence says what to do.
            StorageError: It is away, or no database.
        """
        with self.reading():
            pass

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    def refuse_unknown(self, version: str | None) -> None:
        """Refuse a schema that a newer version made.

        Raises:
            SchemaError: It did.
        """
        if version is not None and version not in SCHEMA_VERSIONS:
            raise SchemaError(
                f"the database {self.name} has schema {version}, which this Plimsoll does not "
                "know: use the newer version that made it"
            )

    @contextmanager
    def _session(self, access: Access) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                options = _OPTIONS[self._engine.dialect.name][access]
                connection.execution_options(**options)
                with connection.begin():
                    yield connection
        except DBAPIError as e:
            self._known = False
            reason = str(e.orig).strip().partition("\n")[0]
            raise StorageError(f"the database {self.name} cannot be used: {reason}") from e

    def _meet(self, connection: Connection, access: Access) -> None:
        if self._known:
            return
        self._refuse_other_schema(schema_version(connection))
        held, owner = connection.scalar(select(DATABASE_OWNER.c.run_id)), self._owner()
        if owner is not None and held not in {None, owner}:
            raise SchemaError(
                f"the database {self.name} holds the facts of another run: let storage.database "
                "name an empty one"
            )
        if access == "write" and held is None and owner is not None:
            connection.execute(_OWN, {"run_id": owner})
        self._known = held is not None

    def _refuse_other_schema(self, version: str | None) -> None:
        self.refuse_unknown(version)
        if version is None:
            raise SchemaError(
                f"the database {self.name} has no tables yet: run plimsoll db upgrade"
            )
        if version != SCHEMA_VERSIONS[-1]:
            raise SchemaError(
                f"the database {self.name} has schema {version}, this Plimsoll needs "
                f"{SCHEMA_VERSIONS[-1]}: run plimsoll db upgrade"
            )


def database_at(url: str | None, file: Path, owner: Owner = _anybody) -> Database:
    """Return the database of a run, not connected yet.

    Args:
        url: The address of a PostgreSQL, None for SQLite.
        file: SQLite's file, which may be empty but has to exist when it is used.
        owner: Returns the run whose facts it has to hold; None takes any.
    """
    if url is None:
        return Database(_sqlite(file), str(file), owner)
    address = make_url(url).set(drivername="postgresql+psycopg")
    engine = create_engine(
        address, connect_args=_POSTGRES, pool_pre_ping=True, hide_parameters=True
    )
    return Database(engine, url, owner)


def schema_version(connection: Connection) -> str | None:
    """Return the schema's version, None in a database without tables of ours."""
    if not inspect(connection).has_table(SCHEMA_VERSION_TABLE.name):
        return None
    return connection.scalar(select(SCHEMA_VERSION_TABLE.c.version_num))


_OPTIONS: Final[dict[str, dict[Access, dict[str, Any]]]] = {
    "sqlite": {"read": {"begin": "BEGIN"}, "write": {"begin": "BEGIN IMMEDIATE"}},
    "postgresql": {
        "read": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
        "write": {"isolation_level": "READ COMMITTED"},
    },
}


def _sqlite(file: Path) -> Engine:
    address = URL.create(
        "sqlite", database=f"file:{quote(str(file))}", query={"uri": "true", "mode": "rw"}
    )
    engine = create_engine(
        address,
        poolclass=QueuePool,
        hide_parameters=True,  # a refusal must not repeat a person's name
        connect_args={"timeout": LOCKED_WITHIN_S, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # committed means on the disk


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options()["begin"])
