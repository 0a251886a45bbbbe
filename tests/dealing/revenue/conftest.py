"""Stores to test against: the fake, SQLite and a real PostgreSQL."""

import itertools

import pytest

from crm_sync.database import database_at
from dealing.revenue.memory_store import MemoryRevenueStore
from dealing.storage.migrate import upgrade
from dealing.storage.revenue_store import SqlRevenueStore
from tests.crm_sync.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres():
    """One PostgreSQL for all tests of this room."""
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def clock():
    """A wall clock that moves by itself, one ns a look."""
    return itertools.count(1_000).__next__


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


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request, clock):
    """Every adapter of the port in turn."""
    if request.param == "memory":
        return MemoryRevenueStore(clock)
    return SqlRevenueStore(request.getfixturevalue(f"{request.param}_database"), clock)
