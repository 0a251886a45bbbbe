"""Stores to test against: the fake, SQLite and a real PostgreSQL."""

import itertools

import pytest

from dealing.revenue.memory_store import MemoryRevenueStore
from dealing.storage.revenue_store import SqlRevenueStore


@pytest.fixture
def clock():
    """A wall clock that moves by itself, one ns a look."""
    return itertools.count(1_000).__next__


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request, clock):
    """Every adapter of the port in turn."""
    if request.param == "memory":
        return MemoryRevenueStore(clock)
    return SqlRevenueStore(request.getfixturevalue(f"{request.param}_database"), clock)
