"""How the desk looks and reads: accessibility and the pictures somebody looks at.

Pictures go to ``test-results/``; the one in the README is made anew only when
``PLIMSOLL_README_PICTURE=1`` asks for it.
"""

import os
import re

import pytest
from playwright.sync_api import expect

from tests.desk.contrast import LOOKS, READABLE, contrast, mixed, rgb, tokens
from tests.desk.pages import LAPTOP, SIZES, WIDE, is_readable
from tests.desk.running_plimsoll import ROOT, RunningPlimsoll
from tests.desk.served_desk import ServedDesk

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def desk():
    served = ServedDesk()
    served.start()
    yield served
    served.stop()


def opened(visit, desk, size):
    page = visit(desk, size=size)
    expect(page.locator("#shell-chip")).to_have_attribute("data-state", "live")
    expect(page.locator("#pnl-chart .scatterlayer path.js-line")).to_have_count(3)
    return page


@pytest.mark.parametrize("size", SIZES)
def test_it_is_readable_for_everybody_at_every_size(visit, desk, size):
    page = opened(visit, desk, size)
    page.wait_for_timeout(2_000)  # for the picture: a market that has moved
    is_readable(page, "desk")


def test_what_opens_is_readable(visit, desk):
    page = opened(visit, desk, LAPTOP)
    page.locator("#margin-grid .ag-row [col-id='login']").first.click()
    expect(page.locator("#drill-positions .ag-row").first).to_be_visible()
    is_readable(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    is_readable(page)
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    expect(page.locator("#system-components tr").first).to_be_visible()
    is_readable(page)


HEATS = """([theme, palette]) => {
  Object.assign(document.documentElement.dataset, { theme, palette });
  const { heat } = dashAgGridFunctions.deskColumnTypes;
  const box = document.querySelector("#exposure-grid").appendChild(document.createElement("div"));
  const drawn = [];
  for (let value = -100; value <= 100; value++) {
    const params = { value, node: {}, context: { heatScale: 100 } };
    box.className = ["ag-cell", ...heat.cellClass(params)].join(" ");
    Object.assign(box.style, heat.cellStyle(params));
    const { color, backgroundColor } = getComputedStyle(box);
    drawn.push([color, backgroundColor]);
  }
  box.remove();
  return drawn;
}"""


def computed(text):
    """Return what Chromium computed for a colour: red, green, blue in [0, 1], and its alpha."""
    numbers = [float(part) for part in re.findall(r"[\d.e-]+(?=[ ,/)])", text)]
    scale = 255 if text.startswith("rgb") else 1
    return tuple(part / scale for part in numbers[:3]), numbers[3] if len(numbers) > 3 else 1.0


def test_chromium_draws_every_heat_readably(visit, desk):
    page = opened(visit, desk, LAPTOP)
    for look in LOOKS:
        panel = rgb(tokens(look)["--panel"])
        drawn = [
            [computed(text) for text in pair] for pair in page.evaluate(HEATS, look.split("/"))
        ]
        alphas = [alpha for _, (_, alpha) in drawn]
        assert (alphas[0], alphas[100], alphas[200]) == pytest.approx((0.26, 0.0, 0.26), abs=0.005)
        ratios = [contrast(ink, mixed(heat, alpha, panel)) for (ink, _), (heat, alpha) in drawn]
        assert min(ratios) >= READABLE


def test_the_readme_shows_the_desk_as_it_is(visit, tmp_path):
    shown = ROOT / "docs" / "img" / "desk.png"
    if os.environ.get("PLIMSOLL_README_PICTURE") == "1":
        running = RunningPlimsoll(tmp_path / "data")
        running.until_ready()
        page = opened(visit, running, WIDE)
        page.wait_for_timeout(150_000)
        shown.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=shown)
        running.stop()
    assert shown.read_bytes().startswith(b"\x89PNG")
