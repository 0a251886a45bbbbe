"""Desks for every test of this room."""

import pytest

from tests.crm_sync.messages.parts import desk_on


@pytest.fixture
def desk(database):
    return desk_on(database)
