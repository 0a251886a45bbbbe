"""A small back office on each kind of database."""

import pytest

from tests.dealing.back_office.offices import SmallOffice


@pytest.fixture
def office(database):
    return SmallOffice(database)
