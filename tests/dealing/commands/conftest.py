"""Stores of every kind for tests of commands."""

import pytest

from dealing.commands.memory_store import MemoryCommandStore
from dealing.storage.command_store import SqlCommandStore
from tests.crm_sync.databases import database, postgres, postgres_database, sqlite_database

__all__ = ["database", "postgres", "postgres_database", "sqlite_database"]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request):
    if request.param == "memory":
        return MemoryCommandStore()
    return SqlCommandStore(request.getfixturevalue(f"{request.param}_database"))
