"""Risk and margin in a real Chromium: the figures of the core with their age, by keyboard too."""

import csv
import io
import re
import threading

import httpx2
import pytest
from playwright.sync_api import expect

from dealing.desk import formats
from dealing.stress.answer import top_accounts
from exposure.risk.cascade import cascade_ladder
from exposure.risk.margin_distance import bands, distances
from exposure.risk.reverse import smallest_move
from exposure.risk.scenarios import applicable
from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stop_outs import margin_levels
from exposure.risk.stress import stress, stress_line
from exposure.risk.stress_book import StressBook
from feeds.catalogue.scenarios import load_scenarios
from tests.desk.pages import SIZES, WIDE, is_readable, paused, serious
from tests.desk.served_desk import ServedDesk

pytestmark = pytest.mark.browser

MINUS = formats.MINUS
SCENARIO = "#risk-scenarios .ag-pinned-left-cols-container .ag-row"
LISTED = "#accounts-grid .ag-pinned-left-cols-container .ag-row"


@pytest.fixture(scope="module")
def desk():
    served = ServedDesk(accounts=60, positions=300)
    served.start()
    yield served
    served.stop()


@pytest.fixture
def still(desk, monkeypatch):
    """Hold the market still, so that the screen and the test look at one book."""
    stands = threading.Event()
    monkeypatch.setattr(desk.broker, "step", stands.set)
    monkeypatch.setattr("dealing.desk.held_book.KEPT_NS", 0)
    assert stands.wait(20)
    return StressBook(desk.broker.engine)


@pytest.fixture
def page(revisit, desk):
    yield ready(revisit(desk, "risk"))
    desk.engine_runs, desk.queries.away = True, False


@pytest.fixture
def fresh(visit, desk):
    """A page of its own: what it shows was computed during the test, or its clock is changed."""
    return opened(visit, desk)


def opened(visit, desk, size=WIDE):
    return ready(visit(desk, "risk", size))


def ready(page):
    expect(page.locator(SCENARIO).first).to_be_visible()
    expect(page.locator("#risk-ladder-rows tr")).to_have_count(16)
    return page


def opened_on_the_desk(visit, desk):
    page = visit(desk)
    expect(page.locator("#shell-chip")).to_have_attribute("data-state", "live")
    expect(page.locator("#margin-grid .ag-row").first).to_be_visible()
    return page


def to_margin(page):
    page.keyboard.press("m")
    expect(page.locator(LISTED).first).to_be_visible()


def again(page):
    """Compute the table again and wait for the answer."""
    page.get_by_role("button", name="Compute again").click()
    expect(page.locator(".panel-scenarios")).not_to_have_attribute("data-asking", "")


def rows_of(page, grid):
    """Every row a grid has, as its data, in its order."""
    return page.evaluate(
        f"(async () => {{ const rows = []; (await desk.gridApi('{grid}'))"
        ".forEachNodeAfterFilterAndSort((n) => rows.push(n.data)); return rows; })()"
    )


def cell(page, grid, row, field):
    return page.locator(f"#{grid} [row-id='{row}'] [col-id='{field}']")


def shock_by_hand(page, target, percent):
    page.locator("#risk-shock-target").fill(target)
    page.locator("#risk-shock-percent").fill(percent)
    page.locator("#risk-shock-percent").press("Enter")


def shock(target, percent):
    return [Shock(target, ShockKind.PERCENT, percent)]


def whole(value, *, sign=False):
    return formats.number(value, 0, sign=sign)


def saved(page, act):
    with page.expect_download() as download:
        act()
    content = download.value.path().read_bytes().decode("utf-8-sig")
    return download.value.suggested_filename, list(csv.DictReader(io.StringIO(content)))


def test_tiles_and_parts_are_the_figures_of_the_api(page, desk, still):
    risk = httpx2.get(desk.url + "api/v1/snapshot").json()["risk"]
    for name in ("var_usd", "es_usd", "fat_tailed_var_usd", "hour_var_usd"):
        tile = page.locator(f"[data-risk='{name}'] .tile-value")
        expect(tile).to_have_text(formats.compact(risk[name]))
    share = f"{100 * risk['prior_weight_ratio']:.0f} %"
    expect(page.locator("[data-risks='prior_ratio']")).to_have_text(share)
    expect(page.locator("[data-risk='source']")).to_contain_text(risk["source"])
    expect(page.locator("#risk-notes")).to_contain_text(f"{share} of these figures is a prior")
    total = page.locator("#risk-parts .ag-floating-bottom [col-id='part']")
    expect(total).to_have_text(whole(risk["var_usd"]))
    expect(page.locator("#risk-parts-count")).to_contain_text("adding up to it")
    parts = [row["part"] for row in rows_of(page, "risk-parts")]
    assert parts == sorted(parts, reverse=True)
    assert sum(parts) == pytest.approx(risk["var_usd"], abs=1.0)


def test_the_stress_table_shows_the_cores_figures(page, still):
    again(page)
    seen = {row["name"]: row for row in rows_of(page, "risk-scenarios")}
    known = [one for one in load_scenarios() if applicable(one, still)[0]]
    assert len(seen) == len(known) > 15
    for scenario in known:
        line = stress_line(still, applicable(scenario, still)[0])
        row = seen[scenario.name]
        assert row["total_usd"] == pytest.approx(line.house.total_usd)
        assert (row["stopped_out"], row["date"]) == (line.stopped_out, scenario.date)
    line = stress_line(still, applicable(known[0], still)[0])
    shown = cell(page, "risk-scenarios", known[0].name, "total_usd")
    expect(shown).to_have_text(whole(line.house.total_usd, sign=True))
    expect(cell(page, "risk-scenarios", "covid2020", "figures")).to_have_text("▲ from memory")
    note = page.locator("#risk-table-note")
    expect(note).to_have_text(
        re.compile(r"^book of \d\d:\d\d:\d\d, [\d.]+ m?s old · copied in 1\.\d ms · computed in")
    )


def test_each_currency_alone_is_one_switch_away(page):
    page.locator("#risk-family").get_by_text("Each currency", exact=True).click()
    expect(cell(page, "risk-scenarios", "snb2015", "name")).to_have_count(0)
    rows = {row["name"]: row for row in rows_of(page, "risk-scenarios")}
    assert rows["CHF+10"]["moves"] == "CHF +10 %"
    assert not any(row["date"] for row in rows.values())


def test_a_shock_shows_what_it_costs_and_who(page, still):
    shock_by_hand(page, "EURUSD", "-5")
    result = stress(still, shock("EURUSD", -5.0))
    figure = page.locator("[data-shock='total_usd'] dd")
    expect(figure).to_have_text(whole(result.house.total_usd, sign=True))
    expect(page.locator("[data-shock='b_usd'] dd")).to_have_text(
        whole(result.house.b_usd, sign=True)
    )
    owed = result.accounts["deficit_usd"].sum()
    expect(page.locator("[data-shock='deficits_usd'] dd")).to_have_text(whole(owed))
    top = top_accounts(result)
    assert [row["login"] for row in rows_of(page, "risk-shock-accounts")] == top["login"].to_list()
    expect(page.locator("#risk-shock-note")).to_contain_text(f"EURUSD {MINUS}5 %: book of")


def test_a_shock_that_cannot_be_meant_is_said_and_marked(page):
    shock_by_hand(page, "EURUSD", "-5")
    expect(page.locator("[data-shock='total_usd']")).to_be_visible()
    shock_by_hand(page, "EURUSX", "-5")
    note = page.locator("#risk-shock-note")
    expect(note).to_contain_text("EURUSX is no symbol and no currency of this book (did you mean")
    expect(page.locator("#risk-shock-target")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[data-shock='total_usd']")).to_have_count(0)
    shock_by_hand(page, "EURUSD", "a lot")
    expect(note).to_have_text("'a lot' is no percentage: write a number such as -5.")
    expect(page.locator("#risk-shock-percent")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#risk-shock-target")).to_have_attribute("aria-invalid", "false")
    shock_by_hand(page, "EUR", "-100")
    expect(note).to_contain_text("Nothing falls by 100 % or more")


def test_the_smallest_ruinous_move_is_found(page, still):
    page.locator("#risk-reverse-target").fill("EUR")
    page.locator("#risk-reverse-capital").fill("20k")
    page.locator("#risk-reverse-capital").press("Enter")
    moves = [smallest_move(still, "EUR", sign, 20_000.0) for sign in (1.0, -1.0)]
    first = min(moves, key=lambda one: abs(one.move_percent))
    expect(page.locator("#risk-reverse-moves li").first).to_have_text(
        f"EUR {first.direction} {formats.number(abs(first.move_percent), 3)} % "
        f"costs {whole(first.loss_usd)} USD."
    )
    page.locator("#risk-reverse-capital").fill("nothing")
    page.locator("#risk-reverse-capital").press("Enter")
    expect(page.locator("#risk-reverse-note")).to_contain_text("'nothing' is no amount")


def test_the_ladder_shows_whom_each_step_closes(page, still):
    page.locator("#risk-ladder-target").fill("EURUSD")
    page.get_by_role("button", name="Compute", exact=True).click()
    expect(page.locator("#risk-ladder-note")).to_contain_text("EURUSD: book of")
    lines = page.locator("#risk-ladder-rows tr").all()
    for line, rung in zip(lines, cascade_ladder(still, "EURUSD"), strict=True):
        head = formats.number(rung.move_percent, 1, sign=True)
        closed = rung.closed_long_lots + rung.closed_short_lots
        assert line.locator("th").inner_text() == f"{head} %"
        assert line.locator("td").all_inner_texts()[:5] == [
            whole(len(rung.logins)), formats.number(closed, 2), whole(rung.closed_usd),
            formats.number(rung.house_net_lots, 2, sign=True),
            whole(rung.house_net_usd, sign=True),
        ]  # fmt: skip


def test_an_engine_that_does_not_answer_is_said_over_the_last_figures(page, desk):
    desk.queries.away = True
    page.get_by_role("button", name="Compute again").click()
    note = page.locator("#risk-table-note")
    expect(note).to_have_text(
        "The engine is not answering; figures come again when it does. Below is the last answer.",
        timeout=15_000,
    )
    expect(page.locator(SCENARIO).first).to_be_visible()
    to_margin_refused(page)
    desk.queries.away = False
    expect(page.locator(LISTED).first).to_be_visible()


def to_margin_refused(page):
    page.keyboard.press("m")
    expect(page.locator("#accounts-note")).to_contain_text("The engine is not answering")


def test_a_stale_picture_is_grey_and_says_how_old_it_is(page, desk):
    desk.engine_runs = False
    expect(page.locator("#shell-banner")).to_contain_text("Engine not responding")
    for screen in ("risk", "margin"):
        area = page.locator(f"[data-screen='{screen}']")
        assert "grayscale(1)" in area.evaluate("e => getComputedStyle(e).filter")


def test_a_result_of_long_ago_is_greyed_and_marked(fresh):
    page = fresh
    shock_by_hand(page, "EURUSD", "-5")
    expect(page.locator("[data-shock='total_usd']")).to_be_visible()
    page.evaluate("{ const now = performance.now.bind(performance);"
                  " performance.now = () => now() + 120000; }")  # fmt: skip
    expect(page.locator(".panel-shock")).to_have_attribute("data-old", "")
    expect(page.locator("#risk-shock-note")).to_contain_text("▲ EURUSD")
    grey = page.locator("#risk-shock-figures").evaluate("e => getComputedStyle(e).filter")
    assert "grayscale(1)" in grey


def test_tables_can_be_taken_away(page, still):
    again(page)
    name, rows = saved(page, lambda: page.keyboard.press("e"))
    assert re.fullmatch(r"stress-\d{6}\.csv", name)
    by_name = {row["name"]: row for row in rows}
    scenario = next(one for one in load_scenarios() if one.name == "brexit2016")
    line = stress_line(still, applicable(scenario, still)[0])
    assert float(by_name["brexit2016"]["total_usd"]) == pytest.approx(line.house.total_usd)
    assert by_name["brexit2016"]["source"] == scenario.source
    parts = page.get_by_role("button", name="Export the parts of the VaR as CSV")
    name, rows = saved(page, parts.click)
    risk = page.evaluate("desk.model.frame.risk.figures.var_usd")
    assert (name, rows[-1]["name"]) == ("var-parts.csv", "VaR 99 %")
    assert float(rows[-1]["part"]) == pytest.approx(risk, abs=1.0)
    _, rows = saved(page, page.get_by_role("button", name="Export the ladder as CSV").click)
    assert [float(row["move_percent"]) for row in rows][:2] == [-10.0, -5.0]
    shock_by_hand(page, "EURUSD", "-5")
    expect(page.locator("[data-shock='total_usd']")).to_be_visible()
    costly = page.get_by_role("button", name="Export the costly accounts as CSV")
    _, rows = saved(page, costly.click)
    top = top_accounts(stress(still, shock("EURUSD", -5.0)))
    assert [row["login"] for row in rows] == top["login"].to_list()


def test_a_scenario_and_its_accounts_open_by_keyboard_alone(visit, desk):
    page = opened_on_the_desk(visit, desk)
    page.keyboard.press("v")
    assert page.url.endswith("/risk")
    expect(page.locator(SCENARIO).first).to_be_visible()
    page.keyboard.press("/")
    expect(page.locator("#risk-shock-target")).to_be_focused()
    page.keyboard.type("GBP")
    page.keyboard.press("Tab")
    page.keyboard.type("-9")
    page.keyboard.press("Enter")
    expect(page.locator("#risk-shock-note")).to_contain_text(f"GBP {MINUS}9 %")
    cell(page, "risk-scenarios", "oil2020", "name").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#risk-shock-note")).to_contain_text("Oil price war")
    row = page.locator("#risk-shock-accounts [row-index='0'] [col-id='login']")
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#drill-title")).to_have_text(re.compile("^Account 1"))
    expect(page.locator("#drill-positions .ag-row").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#drill-panel")).to_be_hidden()
    page.keyboard.press("m")
    assert page.url.endswith("/margin")
    page.go_back()
    expect(page.locator("[data-screen='risk']")).to_be_visible()
    page.get_by_role("button", name="Limits", exact=True).click()
    expect(page.locator("#limits-grid")).to_be_visible()


def test_the_margin_screen_counts_and_lists_what_the_core_says(still, fresh):
    page = fresh
    to_margin(page)
    expect(page.locator("#accounts-state")).to_contain_text("copied in")
    counts = [(bands(still, still.now.equity) == k).sum() for k in range(6)]
    for k, count in enumerate(counts):
        tile = page.locator(f"[data-accounts='band-{k}'] .tile-value")
        expect(tile).to_have_text(whole(int(count)))
    far = distances(still, still.now)
    logins = still.names["login"].to_list()
    levels = margin_levels(still.now.equity, still.margin)
    seen = rows_of(page, "accounts-grid")
    assert [row["level"] for row in seen] == sorted(row["level"] for row in seen)
    for row in seen:
        k = logins.index(row["login"])
        assert row["level"] == pytest.approx(levels[k])
        assert row["to_all"] is None or row["to_all"] == pytest.approx(far.all_percent[k] / 100)
    first = seen[0]
    expect(cell(page, "accounts-grid", first["id"], "level")).to_have_text(
        f"{formats.number(first['level'], 1)} %"
    )


def test_a_move_of_the_slider_redraws_once_it_is_let_go(still, fresh):
    page = fresh
    to_margin(page)
    page.locator("#accounts-target").fill("EURUSD")
    slider = page.get_by_role("slider", name="Move in percent")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator("#accounts-move")).to_have_text(f"{MINUS}10.0 %")
    result = stress(still, shock("EURUSD", -10.0))
    expect(page.locator("#accounts-note")).to_contain_text(f"After EURUSD {MINUS}10 %")
    owing = int((result.accounts["deficit"] > 0.0).sum())
    expect(page.locator("[data-accounts='negative'] .tile-value")).to_have_text(whole(owing))
    stopped = int(result.accounts["stopped_out"].sum())
    expect(page.locator("[data-accounts='band-0'] .tile-value")).to_have_text(whole(stopped))
    expect(page.locator("[data-accounts='house_usd'] .tile-value")).to_have_text(
        formats.compact(result.house.total_usd, sign=True)
    )
    told = {row["login"]: row for row in result.accounts.to_dicts()}
    for row in rows_of(page, "accounts-grid"):
        assert row["level"] == pytest.approx(told[row["login"]]["level_after"])
    page.get_by_role("button", name="Back to now").click()
    expect(page.locator("#accounts-note")).to_be_hidden()
    expect(page.locator("#accounts-move")).to_have_text("as it is now")


def test_a_slider_without_a_name_says_what_is_missing(page):
    to_margin(page)
    page.get_by_role("slider", name="Move in percent").focus()
    page.keyboard.press("End")
    note = page.locator("#accounts-note")
    expect(note).to_have_text("Name a symbol or a currency, such as EURUSD or CHF.")
    page.locator("#accounts-target").fill("EURUSX")
    page.locator("#accounts-target").press("Enter")
    expect(note).to_contain_text("did you mean EURUSD?")


def test_the_list_is_searched_sorted_opened_and_taken_away(still, fresh):
    page = fresh
    to_margin(page)
    page.locator("#accounts-sort").get_by_text("By distance", exact=True).click()
    expect(page.locator("#accounts-grid .ag-header-cell[col-id='to_all']")).to_have_attribute(
        "aria-sort", "ascending"
    )
    name, rows = saved(page, lambda: page.keyboard.press("e"))
    assert re.fullmatch(r"accounts-\d{6}\.csv", name)
    assert [row["login"] for row in rows] == [r["login"] for r in rows_of(page, "accounts-grid")]
    logins = still.names["login"].to_list()
    for row in rows:
        equity = still.now.equity[logins.index(row["login"])]
        assert float(row["equity"]) == pytest.approx(equity)
    page.keyboard.press("/")
    expect(page.locator("#accounts-search")).to_be_focused()
    page.keyboard.type("10007")
    expect(page.locator("#accounts-count")).to_have_text("1 account")
    page.keyboard.press("Enter")
    cell(page, "accounts-grid", "10007", "login").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-screen='margin'] #drill-title")).to_have_text("Account 10007")
    expect(page.locator("#drill-summary")).to_contain_text("equity")
    page.keyboard.press("Escape")
    expect(page.locator("#drill-panel")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("99")
    expect(page.locator(".panel-accounts .empty-state")).to_have_text("No account matches 1000799.")
    page.keyboard.press("Escape")
    expect(page.locator("#accounts-search")).to_have_value("")
    expect(page.locator(LISTED).nth(5)).to_be_visible()


def test_the_drawer_goes_back_to_the_desk(page):
    to_margin(page)
    page.locator(LISTED).first.locator("[col-id='login']").click()
    expect(page.locator("[data-screen='margin'] #drill-positions .ag-row").first).to_be_visible()
    page.locator("#shell-chip").focus()
    page.get_by_role("navigation", name="Screens").get_by_role("button", name="Desk").click()
    page.locator("#margin-grid .ag-row [col-id='login']").first.click()
    expect(page.locator("[data-screen='desk'] #drill-positions .ag-row").first).to_be_visible()


def test_the_book_is_not_copied_while_nobody_looks(kept_pages, visit, desk, monkeypatch):
    kept_pages.close()
    copied = []
    copy = desk.queries.book_copy

    async def counted():
        copied.append(1)
        return await copy()

    monkeypatch.setattr(desk.queries, "book_copy", counted)
    page = opened_on_the_desk(visit, desk)
    page.wait_for_timeout(3_000)
    assert copied == []
    page.keyboard.press("m")
    expect(page.locator(LISTED).first).to_be_visible()
    assert copied


def test_the_grid_of_the_desk_has_the_part_of_the_var(visit, desk, still):
    page = opened_on_the_desk(visit, desk)
    page.keyboard.press("c")
    page.locator("#exposure-column-list").get_by_label("VaR part").check()
    page.keyboard.press("Escape")
    page.evaluate("desk.gridApi('exposure-grid').then((a) => a.ensureColumnVisible('var_value'))")
    total = page.locator("#exposure-grid .ag-floating-bottom [col-id='var_value']")
    expect(total).to_have_text(whole(desk.broker.engine.snapshot().risk.var_usd))


@pytest.mark.parametrize("size", SIZES)
def test_both_are_readable_for_everybody_at_every_size(visit, desk, size):
    page = opened(visit, desk, size)
    shock_by_hand(page, "EURUSD", "-5")
    expect(page.locator("[data-shock='total_usd']")).to_be_visible()
    if size == SIZES[0]:
        shock_by_hand(page, "EURUSD", "x")
        expect(page.locator("#risk-shock-note")).to_contain_text("no percentage")
        with paused(page):
            assert serious(page) == []
        shock_by_hand(page, "EURUSD", "-5")
        expect(page.locator("[data-shock='total_usd']")).to_be_visible()
    is_readable(page, "risk")
    page.locator("body").evaluate("desk.actions.act('screen:margin')")
    expect(page.locator(LISTED).first).to_be_visible()
    page.locator("#accounts-target").fill("EURUSD")
    page.get_by_role("slider", name="Move in percent").focus()
    page.keyboard.press("Home")
    expect(page.locator("#accounts-note")).to_contain_text("After EURUSD")
    is_readable(page, "margin")
