"""A small broker, built once, for tests that only look at it."""

import pytest

from dealing.desk.rows import book as book_of
from tests.desk.scripted_book import START, ScriptedBook


@pytest.fixture(scope="session")
def broker():
    """A quiet broker; tests that move it make their own."""
    return ScriptedBook(accounts=60, positions=400)


@pytest.fixture(scope="session")
def snapshot(broker):
    return broker.engine.snapshot()


@pytest.fixture(scope="session")
def frame(broker):
    return broker.frame(sent_at=START)


@pytest.fixture(scope="session")
def rows(snapshot):
    return book_of(snapshot, "USD")
