"""The revenue screen in a real Chromium: what management sees, asks for and takes away."""

import csv
import io
import json
import re

import pytest
from playwright.sync_api import expect

from dealing.desk import formats
from exposure.errors import StorageError
from tests.desk.pages import SIZES, WIDE, is_readable, until
from tests.desk.served_desk import ServedDesk

pytestmark = pytest.mark.browser

ROWS = "#revenue-grid .ag-pinned-left-cols-container .ag-row"
TOTAL = "#revenue-grid .ag-floating-bottom"
BARS = "#revenue-chart .waterfalllayer .point"


@pytest.fixture(scope="module")
def desk():
    served = ServedDesk(accounts=60, positions=300)
    served.start()
    yield served
    served.stop()


@pytest.fixture
def page(revisit, desk):
    yield ready(revisit(desk, "revenue"))
    desk.earning = desk.earnings.go_on
    desk.engine_runs = True


def opened(visit, desk, size=WIDE):
    return ready(visit(desk, "revenue", size))


def ready(page):
    expect(page.locator("#revenue-span")).to_have_text("Tue 13 Jan 2026")
    expect(page.locator("[data-screen='revenue']")).not_to_have_attribute("data-loading", "")
    expect(page.locator(ROWS).first).to_be_visible()
    expect(page.locator(BARS)).to_have_count(10)
    return page


def opened_on_the_desk(visit, desk):
    page = visit(desk)
    expect(page.locator("[data-screen='desk']")).to_be_visible()
    expect(page.locator("#exposure-grid .ag-row").first).to_be_visible()  # keys are heard by now
    return page


def number(text):
    return float(re.sub(r"[^\d.\-]", "", text.replace(formats.MINUS, "-")))


def choose(page, switch, text):
    page.locator(f"#revenue-{switch}").get_by_text(text, exact=True).click()


def total_of(page, field="total"):
    return number(page.locator(f"{TOTAL} [col-id='{field}']").inner_text())


def sums_of(desk):
    """What the facts of today come to, added up from the store."""
    (today,) = [state.day for state in desk.revenue.days()][-1:]
    return desk.revenue.books(today).facts["amount_micro_usd"].sum() / 1e6


def test_total_row_tile_and_explanation_are_the_sum_of_the_facts(page, desk):
    facts = sums_of(desk)
    assert total_of(page) == pytest.approx(facts, abs=0.006)
    tile = page.locator("[data-revenue='total'] .tile-value")
    expect(tile).to_have_text(formats.compact(facts, sign=True))
    cells = page.locator("#revenue-steps td").all_inner_texts()
    *steps, unexplained, change = [number(cell) for cell in cells]
    assert sum(steps) + unexplained == pytest.approx(change, abs=0.05)
    assert sum(steps[:-1]) == pytest.approx(facts, abs=0.05)
    assert page.locator("#revenue-span").inner_text() == "Tue 13 Jan 2026"


def test_every_dimension_keeps_the_total(page, desk):
    facts = sums_of(desk)
    for text, header in (("Underlying", "Underlying"), ("Class", "Class"), ("Client", "Client"),
                         ("IB", "IB"), ("Book", "Book"), ("Region", "Region"), ("Hour", "Hour"),
                         ("Day", "Day"), ("Symbol", "Symbol")):  # fmt: skip
        choose(page, "dimension", text)
        head = page.locator("#revenue-grid .ag-header-cell[col-id='name']")
        expect(head).to_contain_text(header)
        expect(page.locator("[data-screen='revenue']")).not_to_have_attribute("data-loading", "")
        assert total_of(page) == pytest.approx(facts, abs=0.006), text


def test_rows_come_largest_first_and_hours_in_their_order(page):
    totals = page.evaluate(
        "(async () => { const rows = []; (await desk.gridApi('revenue-grid'))"
        ".forEachNodeAfterFilterAndSort((n) => rows.push(n.data.total)); return rows; })()"
    )
    assert totals == sorted(totals, reverse=True)
    choose(page, "dimension", "Hour")
    expect(page.locator(f"{ROWS}[row-index='0']")).to_have_text("00:00")


def test_periods_are_asked_for_and_said(page, desk):
    today = total_of(page)
    choose(page, "period", "Yesterday")
    expect(page.locator("#revenue-span")).to_have_text("Mon 12 Jan 2026")
    until(page, lambda: total_of(page) != today)
    yesterday = total_of(page)
    choose(page, "period", "7 days")
    expect(page.locator("#revenue-span")).to_have_text("Wed 7 Jan 2026 to Tue 13 Jan 2026")
    until(page, lambda: total_of(page) == pytest.approx(today + yesterday, abs=0.02))


def test_a_custom_period_begins_as_the_one_before_and_is_checked(page):
    choose(page, "period", "Yesterday")
    expect(page.locator("#revenue-span")).to_have_text("Mon 12 Jan 2026")
    choose(page, "period", "Custom")
    expect(page.locator("#revenue-first")).to_have_value("2026-01-12")
    page.locator("#revenue-last").fill("2026-01-11")
    expect(page.locator(".panel-revenue .empty-state")).to_contain_text("Choose a first and a last")
    page.locator("#revenue-last").fill("2026-01-13")
    expect(page.locator("#revenue-span")).to_have_text("Mon 12 Jan 2026 to Tue 13 Jan 2026")
    expect(page.locator(ROWS).first).to_be_visible()


def test_an_empty_period_says_so_in_place_of_zeros(page):
    choose(page, "period", "Custom")
    page.locator("#revenue-first").fill("2026-02-01")
    page.locator("#revenue-last").fill("2026-02-01")
    expect(page.locator(".panel-revenue .empty-state")).to_have_text(
        "Nothing was booked on Sun 1 Feb 2026."
    )
    expect(page.locator(ROWS).first).to_be_hidden()


def test_figures_grow_while_somebody_looks(page, desk):
    before = total_of(page)
    desk.earn(MARKUP=123_450_000)
    until(page, lambda: total_of(page) == pytest.approx(before + 123.45, abs=0.02))


def test_an_unexplained_amount_is_pointed_at(page, desk):
    desk.earning = lambda: desk.earnings.go_on(unexplained=77.5)
    expect(page.locator("#revenue-steps .step-unexplained")).to_contain_text("+77.50")
    expect(page.locator("#revenue-steps .step-unexplained")).to_have_class(re.compile("material"))
    expect(page.locator("[data-revenue='unexplained']")).to_contain_text("look into it")


def test_a_database_that_goes_away_greys_the_figures_and_says_so(page, desk, monkeypatch):
    def away(*_):
        raise StorageError("the database db cannot be used: connection refused")

    monkeypatch.setattr(desk.revenue, "summary", away)
    note = page.locator("#revenue-note")
    expect(note).to_contain_text("connection refused. The figures below are the last")
    grey = page.locator("#revenue-grid").evaluate("e => getComputedStyle(e).filter")
    assert "grayscale(1)" in grey
    assert total_of(page) != 0
    monkeypatch.undo()
    expect(note).to_be_hidden()


def test_figures_that_nobody_keeps_any_more_are_greyed_with_their_age(page, desk, monkeypatch):
    monkeypatch.setattr("dealing.desk.panels.revenue_view.STALE_MS", -1.0)
    expect(page.locator("#revenue-note")).to_contain_text("Not current: the last figures were kept")
    expect(page.locator("[data-screen='revenue']")).to_have_attribute("data-stale", "")
    monkeypatch.undo()
    expect(page.locator("#revenue-note")).to_be_hidden()


@pytest.mark.parametrize("form", ["CSV", "XLSX", "Parquet"])
def test_what_is_shown_can_be_taken_away(page, form):
    choose(page, "dimension", "Book")
    expect(page.locator("#revenue-count")).to_have_text("2 rows")
    with page.expect_download() as download:
        page.get_by_role("button", name=form).click()
    name = f"revenue-book-2026-01-13-2026-01-13.{form.lower()}"
    assert download.value.suggested_filename == name
    content = download.value.path().read_bytes()
    assert len(content) > 100
    if form == "CSV":
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        assert [row["book"] for row in rows][-1] == "Total"
        assert float(rows[-1]["total_usd"]) == pytest.approx(total_of(page), abs=0.006)


def test_every_screen_has_an_address_that_can_be_gone_back_to(visit, desk):
    page = opened_on_the_desk(visit, desk)
    page.keyboard.press("r")
    expect(page.locator(ROWS).first).to_be_visible()
    assert page.url.endswith("/revenue")
    page.go_back()
    expect(page.locator("[data-screen='desk']")).to_be_visible()
    page.go_forward()
    expect(page.locator("[data-screen='revenue']")).to_be_visible()
    page.get_by_role("navigation", name="Screens").get_by_role("button", name="System").click()
    assert page.url.endswith("/system")


def test_hostile_names_stay_text(page, desk):
    evil = "<img src=x onerror=alert(1)>"
    desk.earn(symbol=evil, MARKUP=10**12)
    expect(page.locator("#revenue-grid")).to_contain_text(evil)
    assert page.locator("#revenue-grid img").count() == 0
    desk.earn(symbol=evil, MARKUP=-(10**12))


def test_the_browser_keeps_no_figures(page):
    kept = json.loads(page.evaluate("JSON.stringify({...localStorage})"))
    assert not [name for name in kept if "revenue-ask" in name or "revenue-answer" in name]


def test_nothing_is_asked_while_nobody_looks(kept_pages, visit, desk, monkeypatch):
    kept_pages.close()
    asked = []
    summary = desk.revenue.summary
    monkeypatch.setattr(desk.revenue, "summary", lambda *a: asked.append(a) or summary(*a))
    page = opened_on_the_desk(visit, desk)
    page.wait_for_timeout(4_000)
    assert asked == []
    page.keyboard.press("r")
    expect(page.locator(ROWS).first).to_be_visible()
    until(page, lambda: len(asked) >= 2)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_readable_for_everybody_at_every_size(visit, desk, size):
    page = opened(visit, desk, size)
    choose(page, "period", "Custom")
    expect(page.locator("#revenue-first")).to_be_visible()
    expect(page.locator("[data-screen='revenue'][data-loading]")).to_have_count(0)
    is_readable(page, "revenue")
