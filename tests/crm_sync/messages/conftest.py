"""Desks for every test of this room, on databases that are emptied and not made anew."""

import pytest

from crm_sync.database import database_at
from crm_sync.messages.tables import CURSORS, INBOX, OUTBOX
from dealing.storage.migrate import upgrade
from tests.crm_sync.messages.parts import TAKEN, desk_on


def kept(url, file):
    database = database_at(url, file, lambda: "run-1")
    upgrade(database)
    yield database
    database.close()


@pytest.fixture(scope="package")
def kept_sqlite(tmp_path_factory):
    file = tmp_path_factory.mktemp("messages") / "desk.db"
    file.touch()
    yield from kept(None, file)


@pytest.fixture(scope="package")
def kept_postgres(postgres, tmp_path_factory):
    yield from kept(postgres.new_database(), tmp_path_factory.mktemp("messages") / "none")


def emptied(database):
    with database.writing() as connection:
        TAKEN.drop(connection, checkfirst=True)
        for table in (INBOX, OUTBOX, CURSORS):
            connection.execute(table.delete())
    return database


@pytest.fixture
def sqlite_database(kept_sqlite):
    return emptied(kept_sqlite)


@pytest.fixture
def postgres_database(kept_postgres):
    return emptied(kept_postgres)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request):
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
def desk(database):
    return desk_on(database)
