"""This room's parts on each kind of database; PostgreSQL's is emptied for each test, not made."""

import pytest
from sqlalchemy import text

from crm_sync.database import database_at
from crm_sync.schema import DATABASE_OWNER, METADATA
from dealing.storage.migrate import upgrade
from tests.crm_sync.clients.samples import Room


@pytest.fixture(scope="package")
def kept_postgres(postgres, tmp_path_factory):
    database = database_at(
        postgres.new_database(), tmp_path_factory.mktemp("pg") / "none", lambda: "run-1"
    )
    upgrade(database)
    with database.writing():
        pass
    yield database
    database.close()


@pytest.fixture
def postgres_database(kept_postgres):
    yield kept_postgres
    tables = ", ".join(name for name in METADATA.tables if name != DATABASE_OWNER.name)
    with kept_postgres.migrating() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no triggers
        connection.execute(text(f"TRUNCATE {tables}"))


@pytest.fixture
def room(database):
    return Room(database)
