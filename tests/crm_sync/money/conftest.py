"""The room of money over both databases, copied from an empty one that was migrated once."""

import shutil

import psycopg
import pytest

from crm_sync.database import database_at
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
    file = tmp_path / "desk.db"
    shutil.copy(empty_file, file)
    database = database_at(None, file, lambda: "run-1")
    yield database
    database.close()


@pytest.fixture
def postgres_url(postgres, empty_postgres):
    return copied(postgres, empty_postgres)


@pytest.fixture
def postgres_database(postgres_url, tmp_path):
    database = database_at(postgres_url, tmp_path / "none", lambda: "run-1")
    yield database
    database.close()


@pytest.fixture
def house(database):
    return House(database)


def copied(server, url):
    """Return the address of a new database with the tables of another one."""
    new = server.new_database()
    name, template = (address.partition("@/")[2].partition("?")[0] for address in (new, url))
    with psycopg.connect(new.replace(f"/{name}?", "/postgres?"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name}")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return new


@pytest.fixture(scope="module")
def empty_database(empty_file, tmp_path_factory):
    """Return a function that opens an empty SQLite, as often as an example needs one."""
    made = []

    def new():
        file = tmp_path_factory.mktemp("example") / "desk.db"
        shutil.copy(empty_file, file)
        made.append(database_at(None, file, lambda: "run-1"))
        return made[-1]

    yield new
    for one in made:
        one.close()
