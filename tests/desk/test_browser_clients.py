"""The clients screen in a real Chromium: why a client is dangerous, moves, undo and the audit."""

import asyncio
import csv
import io
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx2
import pytest
from playwright.sync_api import expect

from bookrouting.policy import Caps, Policy
from dealing.desk import formats
from dealing.flow.live import begun
from dealing.flow.ports import ClientsAsked, Only
from dealing.flow.terms import RoutingTerms
from exposure.model.events import ClockTicked
from tests.dealing.score.characters import RING, evening
from tests.desk.flow_market import COIN, LOGINS, NOVICE, PICKER, WHALE, FlowMarket
from tests.desk.pages import REFUSED, SIZES, is_readable
from tests.desk.served_desk import ServedDesk

pytestmark = pytest.mark.browser


@pytest.fixture
def market():
    return FlowMarket()


@pytest.fixture
def desk(market):
    served = ServedDesk(market=market)
    served.start()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def quiet_desk():
    """Serve those tests that move nobody."""
    served = ServedDesk(market=FlowMarket())
    served.start()
    yield served
    served.stop()


@pytest.fixture
def quiet_page(quiet_desk, revisit, complaints):
    page = revisit(quiet_desk, "clients")
    expect(cell(page, PICKER, "client_id")).to_be_visible()
    yield page
    complaints[:] = [said for said in complaints if not REFUSED.search(said)]


@pytest.fixture
def page(desk, visit, complaints):  # pages are closed before their desk is stopped
    page = visit(desk, "clients")
    expect(cell(page, PICKER, "client_id")).to_be_visible()
    yield page
    complaints[:] = [said for said in complaints if not REFUSED.search(said)]


def cell(page, client, field):
    return page.locator(f"#clients-grid [row-id='{client}'] [col-id='{field}']")


def open_card(page, client):
    cell(page, client, "client_id").click()
    expect(page.locator("#card-title")).to_have_text(f"Client {client}")
    expect(page.locator("#card-verdict p").first).to_be_visible()


def look(page, reason="picks stale quotes", name="Anna"):
    page.locator("#move-reason").fill(reason)
    page.locator("#move-actor").fill(name)
    page.get_by_role("button", name="Look and move").click()


def confirm(page):
    page.locator("[data-action='move:confirm']").click()


def tab(page, name):
    page.get_by_role("tab", name=name).click()


def decide(page, verb, reason, name):
    page.locator(f"#moves-{'recent' if verb == 'Undo' else 'waiting'}").get_by_role(
        "button", name=verb
    ).first.click()
    page.locator("#moves-decide-reason").fill(reason)
    page.locator("#moves-decide-actor").fill(name)
    page.locator("[data-action='decide:send']").click()


def books(market, client):
    (account,) = market.engine.books_of([LOGINS[client]], [])
    return account.place.book


def books_of_positions(market, client):
    return set(market.engine.positions_of_account(LOGINS[client])["book"].to_list())


def wait_until(happened):
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def test_a_dealer_reads_the_pickers_card_moves_him_undoes_it_and_sees_the_audit(page, desk, market):
    expect(cell(page, PICKER, "score")).to_contain_text("severe")
    expect(cell(page, PICKER, "route")).to_have_text("B → A")
    expect(cell(page, COIN, "score")).to_contain_text("normal")
    open_card(page, PICKER)
    told = market.flow.card(PICKER)
    expect(page.locator("#card-verdict")).to_contain_text("The client is expected to gain")
    points = len(told["card"]["entry_curve"])
    curve = page.locator("[data-curve='entries']")
    expect(curve.locator(".curve-dot")).to_have_count(points)
    expect(curve.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("^After his entries, the client's gain in pips: 0.1 s: ")
    )
    expect(curve).to_contain_text(f"costs him {formats.number(told['cost_pips'], 2)}")
    expect(page.locator("#card-evidence tr")).to_have_count(7)
    expect(page.locator("#card-trades tr")).to_have_count(len(told["card"]["trades"]))
    expect(page.locator("#card-trades tr").first).to_contain_text("▲ buys")

    look(page)
    expect(page.locator("#move-plan")).to_contain_text("PICKER → book A.")
    expect(page.locator("#move-plan")).to_contain_text("90001 in book B.")
    expect(page.locator("#move-plan")).to_contain_text("No second person is needed")
    assert (market.store.newest(None), books(market, PICKER)) == ([], "B")
    confirm(page)
    expect(page.locator("#move-answer")).to_have_text(
        "PICKER → book A. Done: the platform has moved every account."
    )
    expect(cell(page, PICKER, "route")).to_have_text("A")
    expect(page.locator("#card-verdict")).to_contain_text("His new deals go to book A")
    assert books(market, PICKER) == "A"
    desk.meanwhile.append(market.next_deal(PICKER))
    wait_until(lambda: "A" in books_of_positions(market, PICKER))
    assert books_of_positions(market, PICKER) == {"A", "B"}

    tab(page, "Recent")
    expect(page.locator("#moves-recent tr").first).to_contain_text("picks stale quotes")
    decide(page, "Undo", "it was a mistake", "Anna")
    expect(page.locator("#moves-recent tr").nth(1)).to_contain_text("undone")
    expect(cell(page, PICKER, "route")).to_have_text("B → A")
    assert books(market, PICKER) == "B"
    tab(page, "Audit")
    expect(page.locator("#moves-audit tr")).to_have_count(4)
    actions = page.locator("#moves-audit tr td:nth-child(4)").all_inner_texts()
    assert actions == ["platform.done", "undo.requested", "platform.done", "reassign.requested"]
    expect(page.locator("#moves-audit tr").nth(1)).to_contain_text("it was a mistake")


def test_a_large_move_waits_for_a_second_person_and_the_same_one_is_refused(page, market):
    open_card_of_all(page, WHALE)
    look(page, reason="too large for us")
    expect(page.locator("#move-plan .is-warning")).to_contain_text("A second person")
    confirm(page)
    expect(page.locator("#move-answer")).to_contain_text("It waits for a second person")
    expect(page.locator("[data-clients='waiting'] .tile-value")).to_have_text("1")
    assert books(market, WHALE) == "B"
    decide(page, "Approve", "fine with me", " anna ")
    expect(page.locator("#moves-decide-note")).to_contain_text("another person has to decide")
    page.locator("#moves-decide-actor").fill("Ben")
    page.locator("[data-action='decide:send']").click()
    expect(page.locator("[data-empty='waiting']")).to_have_text(
        "Nothing waits for a second person."
    )
    # the form had what the policy proposes for whoever is too large to be kept whole
    assert books(market, WHALE) == "C"
    tab(page, "Recent")
    expect(page.locator("#moves-recent tr").first).to_contain_text("Ben: approved, fine with me")


def open_card_of_all(page, client):
    page.locator("#clients-only").get_by_text("All", exact=True).click()
    page.keyboard.press("/")
    expect(page.locator("#clients-search")).to_be_focused()
    page.keyboard.type(client)
    page.keyboard.press("Enter")
    open_card(page, client)


def test_what_is_refused_is_said_by_the_desk_and_by_the_platform(page, market):
    open_card(page, PICKER)
    look(page, reason="x", name="")
    answer = page.locator("#move-answer")
    expect(answer).to_contain_text("Reason must say why")
    expect(page.locator("#move-actor")).to_have_attribute("aria-invalid", "true")
    page.locator("#move-to").get_by_text("Book C").click()
    look(page)
    expect(answer).to_contain_text("how much of book C is hedged")
    page.locator("#move-ratio").fill("1.5")
    look(page)
    expect(answer).to_contain_text("between 0 and 1")
    page.locator("#move-ratio").fill("0,5")
    market.platform.refusals[LOGINS[PICKER]] = "the account is locked"
    look(page)
    expect(page.locator("#move-plan")).to_contain_text("book C (50 % hedged)")
    confirm(page)
    expect(answer).to_contain_text(
        "The platform refused: nothing has moved. The account is locked."
    )
    assert books(market, PICKER) == "B"


def test_a_lost_answer_is_asked_for_again_with_the_same_key(page, market):
    open_card(page, PICKER)
    look(page)
    expect(page.locator("#move-plan")).to_be_visible()
    sent = []

    def lose_the_answer(route):
        sent.append(route.request.post_data_json["key"])
        if len(sent) == 1:
            httpx2.post(route.request.url, json=route.request.post_data_json,
                        headers={"origin": page.url.removesuffix("/clients")})  # fmt: skip
            route.abort()
        else:
            route.continue_()

    page.route("**/commands/reassign", lose_the_answer)
    confirm(page)
    expect(page.locator("#move-answer")).to_contain_text("done once at most")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#move-answer")).to_contain_text("Done: the platform has moved")
    assert sent[0] == sent[1]
    assert len(market.store.newest(None)) == 1


def test_several_are_ticked_and_moved_at_once(page, market):
    for client in (PICKER, COIN):
        open_card(page, client)
        page.keyboard.press("x")
        expect(
            page.locator(f"#clients-grid .ag-row-selected[row-id='{client}']").first
        ).to_be_visible()
    expect(page.locator("#move-whom")).to_have_text(re.compile("^2 clients: "))
    page.locator("#move-until").get_by_text("24 h").click()
    look(page, reason="both look alike")
    expect(page.locator("#move-plan")).to_contain_text("It is put back by itself at ")
    confirm(page)
    expect(page.locator("#move-answer")).to_contain_text("Done: the platform has moved")
    assert (books(market, PICKER), books(market, COIN)) == ("A", "A")
    (command,) = market.store.newest(None)
    assert command.expires_at_ns - command.created_at_ns == pytest.approx(24 * 3600e9, rel=0.01)
    expect(page.locator("#move-until input:checked")).to_have_value("none")


def test_the_list_shows_counts_filters_too_few_trades_and_can_be_taken_away(quiet_page, quiet_desk):
    page, market = quiet_page, quiet_desk.broker
    counted = market.flow.found(ClientsAsked()).counted
    for key in ("clients", "scored", "toxic", "to_move"):
        tile = page.locator(f"[data-clients='{key}'] .tile-value")
        expect(tile).to_have_text(formats.number(getattr(counted, key)))
    page.locator("#clients-only").get_by_text("All", exact=True).click()
    expect(cell(page, NOVICE, "score")).to_have_text("too few trades")
    expect(cell(page, NOVICE, "edge")).to_have_text(formats.NOTHING)
    everybody = market.flow.found(ClientsAsked(only=Only.ALL)).matching
    expect(page.locator("#clients-count")).to_have_text(f"{everybody} clients")
    with page.expect_download() as download:
        page.keyboard.press("e")
    text = download.value.path().read_bytes().decode("utf-8-sig")
    rows = {row["client_id"]: row for row in csv.DictReader(io.StringIO(text))}
    assert len(rows) == everybody
    assert (rows[NOVICE]["score"], rows[PICKER]["suggested"]) == ("", "A")
    page.locator("#clients-only").get_by_text("Alarmed", exact=True).click()
    page.locator("#clients-book").get_by_text("C", exact=True).click()
    expect(page.locator("#clients-empty")).to_have_text(
        "No alarm: nobody's gains are beyond reasonable doubt in book C."
    )


@pytest.fixture(scope="module")
def groups():
    """Return the groups that the real search finds in an evening; a browser's thread has a loop."""

    def found():
        flow = begun(("USD", "EUR"))
        flow.reader.events(evening())
        asyncio.run(flow.findings.refresh())
        return flow.findings.clusters()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(found).result()


def test_groups_are_rows_that_are_moved_as_one(page, market, groups):
    market.queries.clusters = partial(asyncio.sleep, 0, groups)
    tab(page, "Groups")
    rows = page.locator("#moves-clusters tr")
    expect(rows).to_have_count(2)
    copies = rows.filter(has_text="copy each other")
    expect(copies).to_contain_text(f"{len(RING)} copy each other: leader (first), follower1")
    copies.get_by_role("button", name="Choose").click()
    expect(page.locator("#move-whom")).to_contain_text(f"{len(RING)} clients: ")
    look(page)
    expect(page.locator("#move-answer")).to_contain_text("leader")  # unknown to this market
    open_card(page, PICKER)
    expect(page.locator("#move-whom")).to_have_text(PICKER)


def test_without_a_shadow_policy_its_tab_says_how_to_have_one(quiet_page):
    page = quiet_page
    tab(page, "Shadow policy")
    expect(page.locator("[data-empty='shadow']")).to_contain_text("No shadow policy runs")
    expect(page.locator("#moves-note")).to_contain_text("asked")


@pytest.fixture
def shadowed():
    """Serve a market beside which an eager policy is tried."""
    eager = RoutingTerms(Policy("eager", 7, caps=Caps(daily_ratio=1.0, client_ratio=1.0)), 5.0)
    served = ServedDesk(market=FlowMarket(shadow=eager))
    served.start()
    yield served
    served.stop()


def test_a_shadow_policy_says_whom_it_has_elsewhere_and_what_that_brings(shadowed, visit):
    page, market = visit(shadowed, "clients"), shadowed.broker
    expect(cell(page, PICKER, "client_id")).to_be_visible()
    market.now += 3_600 * 10**9  # the policy is asked at full quarters of an hour
    market.apply(ClockTicked(market.now), *(market.next_deal(name) for name in (PICKER, COIN)))
    tab(page, "Shadow policy")
    row = page.locator("#moves-shadow tr").filter(has_text=PICKER)
    expect(row).to_contain_text("book A")
    expect(page.locator("#moves-shadow-told")).to_contain_text("eager v7 since")


def test_his_accounts_open_below_the_list(quiet_page):
    page = quiet_page
    open_card(page, PICKER)
    page.locator("#card-logins").get_by_role("button", name="90001").click()
    expect(page.locator("[data-screen='clients'] #drill-title")).to_have_text("Account 90001")
    expect(page.locator("#drill-positions .ag-row").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#drill-panel")).to_be_hidden()


def test_while_the_engine_is_away_the_last_list_says_so(page, desk):
    desk.queries.away = True
    expect(page.locator("#clients-note")).to_have_text(
        "The engine is not answering; figures come again when it does. "
        "The list is the last that came."
    )
    expect(cell(page, PICKER, "client_id")).to_be_visible()
    page.evaluate("{ const now = performance.now.bind(performance);"
                  " performance.now = () => now() + 60000; }")  # fmt: skip
    expect(page.locator("[data-screen='clients']")).to_have_attribute("data-stale", "")
    expect(page.locator("#clients-state")).to_contain_text("▲ flow of")
    desk.queries.away = False
    expect(page.locator("#clients-note")).to_be_hidden()


@pytest.mark.parametrize("size", SIZES)
def test_it_is_readable_for_everybody_at_every_size(visit, quiet_desk, size):
    page = visit(quiet_desk, "clients", size)
    open_card(page, PICKER)
    look(page)
    expect(page.locator("#move-plan")).to_be_visible()
    is_readable(page, "clients")
