"""A small broker, made once, and a browser for each module."""

import pytest
from playwright.sync_api import expect, sync_playwright

from dealing.desk.rows import book as book_of
from tests.desk.scripted_book import START, ScriptedBook
from tests.desk.served_desk import launch

PATIENCE_MS = 30_000


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


@pytest.fixture(scope="module")
def browser():
    """A real Chromium; a busy machine may take its time."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        running = launch(playwright)
        yield running
        running.close()
