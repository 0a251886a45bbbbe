"""A small broker, made once, and a browser for each module."""

import pytest
from playwright.sync_api import expect, sync_playwright

from dealing.desk.rows import book as book_of
from tests.desk.kept_pages import KeptPages
from tests.desk.pages import WIDE, listen
from tests.desk.scripted_book import START, ScriptedBook
from tests.desk.served_desk import launch

PATIENCE_MS = 30_000
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Note on a test that it failed: its page is not used again."""
    report = yield
    item.stash[FAILED] = report.failed or item.stash.get(FAILED, False)
    return report


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


@pytest.fixture(scope="module")
def kept_pages(profile):
    """The pages that the tests of a module share."""
    kept = KeptPages(profile)
    yield kept
    kept.close()


@pytest.fixture
def visit(profile, complaints, kept_pages):
    """Open a page of a desk as somebody who was never here: ``visit(desk, path, size)``.

    Pages are closed at the end, and none may have complained.
    """
    pages = []
    kept_pages.rest()

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


@pytest.fixture
def revisit(kept_pages, complaints, request):
    """Come back to a page of a desk, found as at first: ``revisit(desk, path)``.

    It is the same page for all tests of a module, unless one of them failed on it.
    """

    def found(desk, path=""):
        return kept_pages.at(desk, path, complaints)

    yield found
    if request.node.stash.get(FAILED, False):
        kept_pages.close()
    assert complaints == []
