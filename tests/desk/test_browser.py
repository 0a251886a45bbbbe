"""The desk in a real Chromium: what a dealer sees, does, and must never be shown."""

import json
import re

import polars as pl
import pytest
from msgspec.structs import replace as replaced
from playwright.sync_api import expect

from dealing.desk import formats
from exposure.model.events import BreakFound, LimitSet, MarginLevelCrossed
from tests.desk.pages import until
from tests.desk.served_desk import ServedDesk

pytestmark = pytest.mark.browser

LIVE = re.compile("^Live")
FIRST_ROW = "#exposure-grid .ag-center-cols-container [row-index='0']"
NAMES = "#exposure-grid .ag-pinned-left-cols-container .ag-row"
# what Chromium itself reports about an address that does not answer while the desk is away
AWAY = re.compile("WebSocket connection to .* failed|ERR_CONNECTION_REFUSED")


@pytest.fixture(scope="module")
def desk():
    served = ServedDesk()
    served.start()
    yield served
    served.stop()


@pytest.fixture
def page(revisit, desk):
    return ready(revisit(desk))


@pytest.fixture
def fresh(visit, desk):
    """A page of its own, which is loaded again or loses its desk."""
    return ready(visit(desk))


def ready(page):
    expect(page.locator("#shell-chip")).to_have_text(LIVE)
    expect(page.locator(FIRST_ROW)).to_be_visible()
    expect(page.locator("#margin-grid .ag-row").first).to_be_visible()
    return page


def cell(page, name, field):
    return page.locator(f"#exposure-grid [row-id='underlying/{name}'] [col-id='{field}']")


def open_row(page, name):
    """Open a row wherever the market has moved it: the search leaves it alone."""
    page.keyboard.press("/")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.locator(f"#exposure-grid [row-id='underlying/{name}'] [col-id='name']").click()


def number(text):
    return float(re.sub(r"[^\d.\-]", "", text.replace(formats.MINUS, "-")))


def test_rows_tiles_and_lists_are_live(page, desk):
    expect(page.locator(NAMES).first).to_be_visible()
    assert page.locator(NAMES).count() > 20
    expect(page.locator("#shell-market")).to_have_text("SIMULATED")
    expect(page.locator("#margin-grid .ag-row").first).to_be_visible()
    expect(page.locator("#pnl-chart .scatterlayer path.js-line")).to_have_count(3)
    expect(page.locator(".notice")).to_contain_text("no sign-in yet: loopback only")


def test_the_pinned_total_reconciles_with_the_tile_and_the_rows(page):
    page.keyboard.press("Space")
    net = page.evaluate("desk.model.frame.figures.net_house_all")
    total = page.locator("#exposure-grid .ag-floating-bottom [col-id='net_value']")
    expect(total).to_have_text(formats.number(net, sign=True))
    tile = page.locator("[data-figure='net_{side}_{book}'] .tile-value")
    expect(tile).to_have_text(formats.compact(net, sign=True))
    rows = page.evaluate("desk.model.rows().map((row) => row.net_value)")
    assert sum(value or 0 for value in rows) == pytest.approx(net, abs=1)


def test_a_value_changes_by_push_without_a_reload(page, desk):
    page.evaluate("window.untouched = true")
    bid = cell(page, "EURUSD", "bid")
    before = number(bid.inner_text())
    desk.broker.shock("EURUSD", 0.01)
    until(page, lambda: abs(number(bid.inner_text()) / before - 1) > 0.008)
    assert page.evaluate("window.untouched") is True


def test_a_row_opens_its_positions_its_clients_and_an_account(page):
    open_row(page, "EURUSD")
    expect(page.locator("#drill-title")).to_have_text("EURUSD")
    expect(page.locator("#drill-positions .ag-row").first).to_be_visible()
    page.get_by_role("tab", name="Biggest clients").click()
    expect(page.locator("#drill-clients .ag-row").first).to_be_visible()
    page.get_by_role("tab", name="Positions").click()
    page.locator("#drill-positions .ag-row [col-id='login']").first.click()
    expect(page.locator("#drill-title")).to_have_text(re.compile("^Account 1"))
    expect(page.locator("#drill-summary")).to_contain_text("equity")
    page.keyboard.press("Escape")
    expect(page.locator("#drill-title")).to_have_text("EURUSD")
    page.keyboard.press("Escape")
    expect(page.locator("#drill-panel")).to_be_hidden()


def test_the_margin_list_and_a_crossing_open_an_account_and_enter_opens_a_row(page):
    page.locator("#margin-grid .ag-row [col-id='login']").first.click()
    expect(page.locator("#drill-title")).to_have_text(re.compile("^Account"))
    page.keyboard.press("Escape")
    page.locator(f"{FIRST_ROW} [col-id='limit_used']").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#drill-positions .ag-row").first).to_be_visible()


def test_a_silent_engine_is_told_and_its_return_too(page, desk):
    desk.engine_runs = False
    banner = page.locator("#shell-banner")
    expect(banner).to_contain_text("Engine not responding, last figures are")
    expect(page.locator("#shell-chip")).to_have_text(re.compile("^Stale"))
    grey = page.locator("[data-screen='desk']").evaluate("e => getComputedStyle(e).filter")
    assert "grayscale(1)" in grey
    desk.engine_runs = True
    expect(banner).to_be_hidden(timeout=10_000)
    expect(page.locator("#shell-chip")).to_have_text(LIVE)


def test_the_page_reconnects_to_a_desk_that_was_restarted(kept_pages, fresh, desk, complaints):
    page = fresh
    kept_pages.close()  # they would lose their desk too
    page.evaluate("window.untouched = true")
    desk.stop()
    expect(page.locator("#shell-banner")).to_contain_text("Connection to the desk lost")
    expect(page.locator("#shell-chip")).to_have_text(re.compile("^Disconnected"))
    desk.start()
    expect(page.locator("#shell-banner")).to_be_hidden(timeout=20_000)
    expect(page.locator("#shell-chip")).to_have_text(LIVE)
    assert page.evaluate("window.untouched") is True
    ids = page.evaluate(
        "[...document.querySelectorAll('#crossings-list li')].map(i => i.dataset.id)"
    )
    assert len(ids) == len(set(ids))
    complaints[:] = [text for text in complaints if not AWAY.search(text)]


def test_a_pause_freezes_the_figures_says_so_and_loses_no_crossing(page, desk):
    page.keyboard.press("Space")
    expect(page.locator("#shell-banner")).to_contain_text("Paused by you")
    frozen = page.evaluate("desk.model.frame.sequence")
    shown = page.locator("#crossings-list li").count()
    desk.change = with_crossing("paused-1")
    told = page.evaluate("desk.newest().sequence")
    # some frames may have been on their way before
    until(page, lambda: page.evaluate("desk.newest().sequence") > told + 4)
    assert page.evaluate("desk.model.frame.sequence") == frozen
    assert page.locator("#crossings-list li").count() == shown
    desk.change = lambda frame: frame
    page.keyboard.press("Space")
    expect(page.locator("#shell-banner")).to_be_hidden()
    expect(page.locator("#crossings-list [data-key='paused-1']")).to_have_count(1)


def with_crossing(login, kind="stop_out"):
    """Add one crossing to each frame, the same one every time it is seen."""
    position = []

    def change(frame):
        snapshot = frame.snapshot
        position[:] = position or [snapshot.position]
        crossed = MarginLevelCrossed(snapshot.as_of, position[0], login, kind, 12.0)
        crossings = [*snapshot.crossings, crossed]
        return replaced(frame, snapshot=replaced(snapshot, crossings=crossings))

    return change


def test_hostile_names_stay_text(page, desk):
    evil = "<img src=x onerror=alert(1)>"
    desk.change = with_crossing(evil, "negative_equity")
    expect(page.locator("#crossings-list")).to_contain_text(evil)
    desk.change = lambda frame: frame
    assert page.locator("#crossings-list img").count() == 0


def test_every_view_has_its_rows_and_columns(page):
    for key, view in (("2", "symbol"), ("3", "class"), ("4", "currency"), ("1", "underlying")):
        page.keyboard.press(key)
        expect(page.locator(f"{NAMES}[row-id^='{view}/']").first).to_be_visible()
        expect(page.locator(f"{NAMES}:not([row-id^='{view}/'])")).to_have_count(0)
    page.keyboard.press("4")
    expect(page.locator("#exposure-grid [col-id='units']").first).to_be_visible()
    expect(page.locator("#exposure-grid [col-id='bid']")).to_have_count(0)
    expect(page.locator("#exposure-note")).to_contain_text("add up to zero")
    page.keyboard.press("1")
    expect(page.locator("#exposure-grid [col-id='units']")).to_have_count(0)


def test_the_side_and_book_switches_turn_the_figures_around(page):
    page.keyboard.press("Space")
    house = page.evaluate("desk.model.total()")
    page.keyboard.press("h")
    expect(page.locator("#exposure-grid .ag-header-cell[col-id='net_value']")).to_contain_text(
        "Client net"
    )
    client = page.evaluate("desk.model.total()")
    assert client["net_lots"] == pytest.approx(house["lp_lots"] - house["net_lots"])
    page.keyboard.press("b")
    until(page, lambda: page.evaluate("desk.choices.book") == "a")
    in_a = page.evaluate("desk.model.total()")
    assert in_a["buy_lots"] - in_a["sell_lots"] == pytest.approx(in_a["net_lots"])
    assert 0 < in_a["gross_value"] < client["gross_value"]


def test_class_chips_and_search_narrow_the_rows(page):
    page.locator("#exposure-class").get_by_text("Metal", exact=True).click()
    expect(page.locator("#exposure-count")).to_have_text(re.compile(r"^\d of \d+ rows"))
    expect(page.locator("#exposure-grid .ag-floating-bottom")).to_contain_text("Metal total")
    page.locator("#exposure-class").get_by_text("All", exact=True).click()
    page.keyboard.press("/")
    page.keyboard.type("eurus")
    expect(page.locator("#exposure-count")).to_have_text(re.compile(r"^1 of"))
    total = page.locator("#exposure-grid .ag-floating-bottom [col-id='name']")
    expect(total).to_have_text("Whole book")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") != "exposure-search"
    expect(page.locator("#exposure-count")).to_have_text(re.compile(r"^1 of"))
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") != "exposure-search"
    expect(page.locator("#exposure-count")).to_have_text(re.compile(r"^\d+ rows"))
    expect(total).to_have_text("Total")


def test_help_lists_the_keys_and_closes_with_escape(page):
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Pause and go on")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()


def test_columns_theme_and_palette_are_remembered(fresh):
    page = fresh
    page.keyboard.press("c")
    page.get_by_role("dialog", name="Columns").get_by_label("Age").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    page.keyboard.press("p")
    page.reload()
    expect(page.locator(FIRST_ROW)).to_be_visible()
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "light")
    expect(root).to_have_attribute("data-palette", "classic")
    assert "age_ms" not in page.evaluate(
        "(async () => (await desk.gridApi('exposure-grid')).getAllDisplayedColumns()"
        ".map((c) => c.getColId()))()"
    )


def test_the_system_screen_shows_components_and_counters(page):
    page.keyboard.press("s")
    expect(page.locator("#system-components")).to_contain_text("simulated market")
    expect(page.locator("#system-counters")).to_contain_text("out of order")
    expect(page.locator(".panel-breaks")).to_contain_text("No break: everything that came in")


def with_breaks():
    """Let the engine find contradictions now."""
    position = []

    def change(frame):
        snapshot = frame.snapshot
        position[:] = position or [snapshot.position]
        breaks = [
            BreakFound(snapshot.as_of, position[0] + k, kind, f"why {k}", "10001", f"D{k}")
            for k, kind in enumerate(("bad_deal", "overclose", "bad_deal"))
        ]
        return replaced(frame, snapshot=replaced(snapshot, breaks=breaks))

    return change


def test_breaks_are_listed_with_their_reasons_and_counted_by_kind(page, desk):
    desk.change = with_breaks()
    page.keyboard.press("s")
    expect(page.locator("#system-break-kinds li")).to_have_text(["2 bad deal", "1 overclose"])
    newest = page.locator("#system-breaks tr").first
    for text in ("bad_deal", "10001", "D2", "why 2"):
        expect(newest).to_contain_text(text)
    for button in page.locator("[data-action='screen:system']").all():
        expect(button).to_have_attribute("data-alert", "")
    desk.change = lambda frame: frame


def limited(desk, hard_usd, scope="symbol", name="XAUUSD"):
    """Set a limit while the market runs."""
    desk.meanwhile.append(LimitSet(desk.broker.now, scope, name, None, hard_usd))


def test_a_reached_limit_is_on_top_of_the_list_in_the_stream_and_opens_its_symbol(page, desk):
    limited(desk, 1.0)
    told = page.locator("#crossings-list li", has_text="Hard limit").filter(has_text="XAUUSD")
    expect(told.first).to_be_visible()
    expect(told.first).to_contain_text("of 1 USD: hedge back")
    alert = page.locator("#limits-alert")
    expect(alert).to_contain_text("over")
    alert.click()
    expect(page.locator("#margin-grid")).to_be_hidden()
    first = page.locator("#limits-grid .ag-row[row-index='0']")
    expect(first.first).to_contain_text("XAUUSD")
    expect(page.locator("#limits-grid .ag-row .kind-limit_hard").first).to_be_visible()
    expect(page.locator("#limits-grid .ag-row", has_text="over").first).to_be_visible()
    first.first.click()
    expect(page.locator("#drill-title")).to_have_text("XAUUSD")
    page.keyboard.press("Escape")
    told.first.locator("button").click()
    expect(page.locator("#drill-title")).to_have_text("XAUUSD")
    page.keyboard.press("l")
    expect(page.locator("#margin-grid .ag-row").first).to_be_visible()
    expect(page.locator("#limits-grid")).to_be_hidden()
    limited(desk, 1e12)


def test_limits_of_a_class_and_a_currency_narrow_the_grid(page, desk):
    page.keyboard.press("l")
    first = page.locator("#limits-grid [row-index='0'] [col-id='name']")
    limited(desk, 1.0, "asset_class", "metal")
    expect(first).to_have_text("Metal")
    first.click()
    expect(page.locator("#exposure-grid .ag-floating-bottom")).to_contain_text("Metal total")
    page.locator("#exposure-class").get_by_text("All", exact=True).click()
    limited(desk, 1e-3, "currency", "JPY")
    expect(first).to_have_text("JPY")
    first.click()
    expect(page.locator("#exposure-search")).to_have_value("JPY")
    expect(page.locator("#exposure-count")).to_have_text(re.compile(r"^\d+ of"))


def test_the_drawer_shows_what_each_provider_holds(page):
    open_row(page, "EURUSD")
    page.get_by_role("tab", name="Providers").click()
    held = page.locator("#drill-providers .ag-row")
    for lp in ("LP1/EURUSD", "LP2/EURUSD", "LP1/EURUSD.pro", "LP2/EURUSD.pro"):
        expect(held.and_(page.locator(f"[row-id='{lp}']")).first).to_be_visible()
    expect(page.locator("#drill-terms")).to_be_hidden()


def test_a_client_opens_with_all_its_accounts_and_each_with_its_terms(page):
    open_row(page, "EURUSD")
    page.get_by_role("tab", name="Biggest clients").click()
    several = page.locator("#drill-clients .ag-row").filter(has_text=", ").first
    several.locator("[col-id='logins']").click()
    expect(page.locator("#drill-title")).to_have_text(re.compile("^Client C"))
    expect(page.get_by_role("tab", name="Positions")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("tab", name="Providers")).to_be_hidden()
    page.locator("#drill-positions .ag-row [col-id='login']").first.click()
    expect(page.locator("#drill-title")).to_have_text(re.compile("^Account"))
    expect(page.locator("#drill-terms")).to_contain_text("stop-out 50 %")
    expect(page.locator("#drill-summary")).to_contain_text("level")
    page.locator("#drill-before").click()
    expect(page.locator("#drill-title")).to_have_text(re.compile("^Client C"))
    page.keyboard.press("Escape")
    expect(page.locator("#drill-title")).to_have_text("EURUSD")


def test_the_export_has_numbers_and_no_formulas(page):
    with page.expect_download() as download:
        page.keyboard.press("e")
    lines = download.value.path().read_text("utf-8-sig").splitlines()
    assert lines[0].startswith('"Name","Class","Bid"')
    assert '"House net USD"' in lines[0]
    assert re.search(r'"EURUSD","fx","1\.\d+"', "\n".join(lines))
    neutral = page.evaluate(
        "['=1+1', '+1', '-cmd', '@x', '\\tx', 'EURUSD', -5].map((value) =>"
        " desk.exposure.neutral({ value }))"
    )
    assert neutral == ["'=1+1", "'+1", "'-cmd", "'@x", "'\tx", "EURUSD", -5]


def with_stale(symbol, age_ms):
    """Let a symbol have been silent for a while."""
    quiet = pl.col("symbol") == symbol

    def change(frame):
        exposure = frame.snapshot.exposure.with_columns(
            pl.when(quiet).then(statement=True).otherwise(pl.col("stale")).alias("stale"),
            pl.when(quiet).then(age_ms).otherwise(pl.col("age_ms")).alias("age_ms"),
        )
        return replaced(frame, snapshot=replaced(frame.snapshot, exposure=exposure))

    return change


def test_a_stale_symbol_is_greyed_with_its_age(page, desk):
    desk.change = with_stale("GBPUSD", 95_000.0)
    row = page.locator("#exposure-grid .ag-center-cols-container [row-id='underlying/GBPUSD']")
    expect(row).to_have_class(re.compile("row-stale"))
    expect(row.locator("[col-id='trend']")).to_have_text("95 s old")
    desk.change = lambda frame: frame
    expect(row).not_to_have_class(re.compile("row-stale"))


def test_the_script_writes_numbers_like_python(page):
    values = [0, -0.004, 1234.5, -1234567.891, 999.6, 1e6, 99_999_999, 2.5e9, -42, 0.125]
    told = page.evaluate(
        "(values) => values.map((v) => [desk.formats.number(v, 2, true), desk.formats.number(v),"
        " desk.formats.compact(v)])",
        values,
    )
    assert told == [
        [formats.number(v, 2, sign=True), formats.number(v), formats.compact(v)] for v in values
    ]


def test_a_phone_shows_tiles_crossings_and_margin_without_sideways_scrolling(page):
    page.set_viewport_size({"width": 390, "height": 844})
    for selector in ("#tiles", "#crossings-list", "#margin-grid", "#exposure-grid"):
        expect(page.locator(selector)).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    page.locator("#margin-grid .ag-row [col-id='login']").first.click()
    expect(page.locator("#drill-terms")).to_be_in_viewport()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#margin-grid")).to_be_in_viewport()


def test_the_browser_keeps_only_preferences(page):
    page.keyboard.press("d")
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert set(json.loads(kept)) >= {"plimsoll.theme"}
    assert "house_value" not in kept
