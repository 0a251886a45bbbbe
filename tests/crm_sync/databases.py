"""Empty databases of both kinds with this version's tables, as fixtures."""

import pytest

from crm_sync.database import database_at
from dealing.storage.migrate import upgrade
from tests.crm_sync.postgres_server import PostgresServer


@pytest.fixture(scope="package")
def postgres():
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def sqlite_database(tmp_path):
    file = tmp_path / "desk.db"
    file.touch()
    database = database_at(None, file, lambda: "run-1")
    upgrade(database)
    yield database
    database.close()


@pytest.fixture
def postgres_database(postgres, tmp_path):
    database = database_at(postgres.new_database(), tmp_path / "none", lambda: "run-1")
    upgrade(database)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request):
    return request.getfixturevalue(f"{request.param}_database")
