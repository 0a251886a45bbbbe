"""This room's parts on each kind of database."""

import pytest

from tests.crm_sync.clients.samples import Room


@pytest.fixture
def room(database):
    return Room(database)
