"""What every test of a page does with it: wait, hear its complaints, ask axe, take a picture."""

import re
import time
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.desk.running_plimsoll import ROOT
from tests.thorough import LONG

RESULTS = ROOT / "test-results"
WIDE = (1680, 950)
LAPTOP = (1280, 800)
PHONE = (390, 844)
SIZES = [WIDE, LAPTOP, PHONE] if LONG else [WIDE, PHONE]
THEMES = ["dark", "light"]
PHONE_BELOW = 800
# a browser writes every refusal of the desk into its console
REFUSED = re.compile("status of (404|409|422|503)|net::ERR_FAILED")


def listen(page, complaints):
    """Collect errors and warnings, of scripts and of the console."""
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
    # a browser looks for an icon of its own beside an answer that is no page, sometimes late
    page.on("console", lambda said: said.type in {"error", "warning"}
            and "/favicon.ico" not in str(said.location)
            and complaints.append(said.text))  # fmt: skip


def serious(page):
    """Return what axe calls serious or critical, with the first places of each.

    Of rules that hold it describes one place each: all of them take it five times as long.
    """
    seen = Axe().run(page, options={"resultTypes": ["violations"]}).response
    assert len(seen["passes"]) > 20
    return [
        (violation["id"], [node["html"][:160] for node in violation["nodes"][:3]])
        for violation in seen["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]


def until(page, holds, seconds=20):
    """Wait for the page; Playwright's own waiting would evaluate strings, which is forbidden."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)


@contextmanager
def paused(page):
    """Hold the page still: what is being asked for again is dimmed, on purpose."""
    page.evaluate("desk.actions.act('pause')")
    expect(page.locator("[data-asking]:visible")).to_have_count(0)
    yield
    page.evaluate("desk.actions.act('pause')")


def is_readable(page, name=None):
    """Nothing is serious for axe, and nothing stands beyond the right edge, in each theme.

    In the short form a wide page is looked at in the dark and a phone's in the light. With a
    ``name``, pictures are taken for people to look at.
    """
    is_phone = page.viewport_size["width"] < PHONE_BELOW
    looked_at = THEMES if LONG else [THEMES[is_phone]]
    with paused(page):
        for theme in THEMES:
            expect(page.locator("html")).to_have_attribute("data-theme", theme)
            if theme in looked_at:
                assert serious(page) == []
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                if name:
                    picture(page, f"{name}-{theme}")
            page.evaluate("desk.actions.act('theme')")


def picture(page, name):
    """Keep what the page looks like, on a phone all of it."""
    RESULTS.mkdir(exist_ok=True)
    width = page.viewport_size["width"]
    path = RESULTS / f"{name}-{width}.png"
    page.screenshot(path=path, full_page=width < PHONE_BELOW)
    assert path.stat().st_size > 20_000
