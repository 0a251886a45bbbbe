"""How the desk looks and reads: accessibility and the pictures somebody looks at.

Pictures go to ``test-results/``; the one in the README is made anew only when
``PLIMSOLL_README_PICTURE=1`` asks for it.
"""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.desk.running_plimsoll import ROOT, RunningPlimsoll
from tests.desk.served_desk import ServedDesk

pytestmark = pytest.mark.browser

RESULTS = ROOT / "test-results"
SIZES = [(1680, 950), (1280, 800), (390, 844)]


@pytest.fixture(scope="module")
def desk():
    served = ServedDesk()
    served.start()
    yield served
    served.stop()


def opened(browser, desk, width, height, theme):
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    page.add_init_script(f"localStorage.setItem('plimsoll.theme', '\"{theme}\"')")
    page.goto(desk.url)
    expect(page.locator("#shell-chip")).to_have_attribute("data-state", "live")
    expect(page.locator("#pnl-chart .scatterlayer path.js-line")).to_have_count(3)
    return page


def serious(page):
    seen = Axe().run(page).response
    assert len(seen["passes"]) > 20
    return [
        (violation["id"], [node["html"][:160] for node in violation["nodes"][:3]])
        for violation in seen["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize(("width", "height"), [(1680, 950), (390, 844)])
def test_axe_finds_nothing_serious(browser, desk, width, height, theme):
    page = opened(browser, desk, width, height, theme)
    page.keyboard.press("Space")
    assert serious(page) == []
    page.context.close()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_serious_in_what_opens(browser, desk, theme):
    page = opened(browser, desk, 1280, 800, theme)
    page.locator("#margin-grid .ag-row [col-id='login']").first.click()
    expect(page.locator("#drill-positions .ag-row").first).to_be_visible()
    assert serious(page) == []
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    expect(page.locator("#system-components tr").first).to_be_visible()
    assert serious(page) == []
    page.context.close()


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_picture_is_taken_for_people_to_look_at(browser, desk, width, height, theme):
    page = opened(browser, desk, width, height, theme)
    page.wait_for_timeout(3_000)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"desk-{width}x{height}-{theme}.png"
    page.screenshot(path=path)
    page.context.close()
    assert path.stat().st_size > 20_000


def test_the_readme_shows_the_desk_as_it_is(browser, tmp_path):
    picture = ROOT / "docs" / "img" / "desk.png"
    if os.environ.get("PLIMSOLL_README_PICTURE") == "1":
        running = RunningPlimsoll(tmp_path / "data")
        running.until_ready()
        page = opened(browser, running, 1680, 950, "dark")
        page.wait_for_timeout(150_000)
        picture.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=picture)
        page.context.close()
        running.stop()
    assert picture.read_bytes().startswith(b"\x89PNG")
