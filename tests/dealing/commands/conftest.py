"""Stores of every kind for tests of commands."""

import pytest

from dealing.commands.memory_store import MemoryCommandStore
from dealing.storage.command_store import SqlCommandStore


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request):
    if request.param == "memory":
        return MemoryCommandStore()
    return SqlCommandStore(request.getfixturevalue(f"{request.param}_database"))
