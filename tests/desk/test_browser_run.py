"""The desk in a browser while the real processes come and go."""

import re

import psutil
import pytest
from playwright.sync_api import expect

from tests.desk.running_plimsoll import RunningPlimsoll

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LIVE = re.compile("^Live")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    plimsoll = RunningPlimsoll(tmp_path_factory.mktemp("run") / "data", "--clients", "200")
    plimsoll.until_ready()
    yield plimsoll
    plimsoll.stop()


@pytest.fixture(scope="module")
def page(running, browser):
    page = browser.new_page(viewport={"width": 1680, "height": 950})
    page.goto(running.url)
    expect(page.locator("#shell-chip")).to_have_text(LIVE)
    yield page
    page.close()


def market_time(page):
    return page.locator("#shell-utc").inner_text()


def test_the_real_market_is_live_and_says_that_it_is_simulated(page):
    expect(page.locator("#shell-market")).to_have_text("SIMULATED")
    expect(page.locator("#exposure-grid .ag-row").first).to_be_visible()
    expect(page.locator("#shell-health li")).not_to_have_count(0)
    before = market_time(page)
    expect(page.locator("#shell-utc")).not_to_have_text(before)


def test_an_engine_that_hangs_is_told_and_greyed_until_it_goes_on(page, running):
    engine = running.role("engine")
    engine.suspend()
    expect(page.locator("#shell-banner")).to_contain_text("Engine not responding")
    expect(page.locator("body")).to_have_attribute("data-freshness", "stale")
    engine.resume()
    expect(page.locator("#shell-banner")).to_be_hidden(timeout=30_000)


def test_the_page_goes_on_after_the_engine_was_killed_and_caught_up(page, running):
    page.evaluate("window.untouched = true")
    before = page.evaluate("desk.model.frame.counters.quotes")
    engine = running.role("engine")
    engine.kill()
    psutil.wait_procs([engine], timeout=10)
    told = "() => desk.model.frame.counters.quotes"
    for _ in range(300):
        if page.evaluate(told) > before and page.evaluate("desk.isLive()"):
            break
        page.wait_for_timeout(200)
    assert page.evaluate(told) > before
    expect(page.locator("#shell-chip")).to_have_text(LIVE)
    assert page.evaluate("window.untouched") is True
