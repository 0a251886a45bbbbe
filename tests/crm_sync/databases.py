"""Databases of both kinds with this version's tables, as fixtures.

There is one PostgreSQL for all tests that leave it alive. The tables are made once per kind, by the
migrations; every test gets a copy.
"""

import shutil
from urllib.parse import urlsplit

import pytest

from crm_sync.database import database_at
from dealing.storage.migrate import upgrade
from tests.crm_sync.postgres_server import PostgresServer


def migrated(address, file):
    """Make this version's tables in an empty database."""
    database = database_at(address, file)
    upgrade(database)
    database.close()


@pytest.fixture(scope="session")
def postgres():
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgres_template(postgres):
    address = postgres.new_database()
    migrated(address, None)
    return urlsplit(address).path.lstrip("/")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    file = tmp_path_factory.mktemp("template") / "desk.db"
    file.touch()
    migrated(None, file)
    return file


@pytest.fixture
def sqlite_database(sqlite_template, tmp_path):
    file = tmp_path / "desk.db"
    shutil.copy(sqlite_template, file)
    database = database_at(None, file, lambda: "run-1")
    yield database
    database.close()


@pytest.fixture
def postgres_database(postgres, postgres_template, tmp_path):
    address = postgres.new_database(postgres_template)
    database = database_at(address, tmp_path / "none", lambda: "run-1")
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request):
    return request.getfixturevalue(f"{request.param}_database")
