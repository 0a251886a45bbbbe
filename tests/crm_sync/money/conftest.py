"""The room of money over both databases, copied from an empty one that was migrated once."""

import shutil

import psycopg
import pytest
from sqlalchemy import event

from crm_sync.database import database_at
from crm_sync.schema import METADATA
from dealing.storage.migrate import upgrade
from tests.crm_sync.money.fakes import House


@pytest.fixture(scope="package")
def empty_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("empty") / "desk.db"
    file.touch()
    database = database_at(None, file)
    upgrade(database)
    database.close()
    return file


@pytest.fixture(scope="package")
def empty_postgres(postgres, tmp_path_factory):
    url = postgres.new_database()
    database = database_at(url, tmp_path_factory.mktemp("none") / "none")
    upgrade(database)
    database.close()
    return url


@pytest.fixture
def sqlite_database(empty_file, tmp_path):
    database = quick_copy(empty_file, tmp_path / "desk.db")
    yield database
    database.close()


@pytest.fixture
def postgres_url(empty_postgres):
    """Return the address of a database that a test finds empty; there is one for all of them."""
    empty(empty_postgres)
    return empty_postgres


@pytest.fixture
def postgres_database(postgres_url, tmp_path):
    database = database_at(postgres_url, tmp_path / "none", lambda: "run-1")
    yield database
    database.close()


@pytest.fixture
def house(database):
    return House(database)


@pytest.fixture(scope="module")
def empty_database(empty_file, tmp_path_factory):
    """Return a function that opens an empty SQLite, as often as an example needs one."""
    made = []

    def new():
        file = tmp_path_factory.mktemp("example") / "desk.db"
        made.append(quick_copy(empty_file, file))
        return made[-1]

    yield new
    for one in made:
        one.close()


def quick_copy(empty_file, file):
    """Return a database that does not wait for the disk; nobody pulls the plug in these tests."""
    shutil.copy(empty_file, file)
    database = database_at(None, file, lambda: "run-1")
    hurry = "PRAGMA synchronous = OFF"
    event.listen(database._engine, "connect", lambda connection, _: connection.execute(hurry))
    return database


def empty(url):
    """Delete everything, without the triggers that refuse it."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        for table in METADATA.tables:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
