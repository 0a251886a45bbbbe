"""Databases and a small back office on each kind of them."""

import pytest

from tests.crm_sync.databases import postgres
from tests.crm_sync.money.conftest import (
    empty_file,
    empty_postgres,
    postgres_database,
    postgres_url,
    sqlite_database,
)
from tests.dealing.back_office.offices import SmallOffice

__all__ = [
    "empty_file",
    "empty_postgres",
    "postgres",
    "postgres_database",
    "postgres_url",
    "sqlite_database",
]


@pytest.fixture(params=["sqlite", "postgres"])
def database(request):
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
def office(database):
    return SmallOffice(database)
