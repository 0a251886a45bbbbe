"""A small broker, made once, and a browser for each module."""

import pytest
from playwright.sync_api import expect, sync_playwright

from dealing.desk.rows import book as book_of
from tests.desk.pages import WIDE, listen
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


@pytest.fixture(scope="module")
def profile(browser):
    """One browser profile for a module: scripts are loaded and compiled once."""
    profile = browser.new_context()
    yield profile
    profile.close()


@pytest.fixture
def complaints():
    """What the pages of a test wrote into the console, until the end of the test."""
    return []


@pytest.fixture
def visit(profile, complaints):
    """Open a page of a desk as somebody who was never here: ``visit(desk, path, size)``.

    Pages are closed at the end, and none may have complained.
    """
    pages = []

    def opened(desk, path="", size=WIDE):
        pages.append(page := profile.new_page())
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(f"{desk.url}healthz")
        page.evaluate("localStorage.clear()")
        listen(page, complaints)
        page.goto(desk.url + path)
        return page

    yield opened
    for page in pages:
        page.close()
    assert complaints == []
