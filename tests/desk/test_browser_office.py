"""The office screen in a real Chromium: what waits is decided about, and clients are looked at."""

import time
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from crm_sync.database import database_at
from crm_sync.money.withdrawals import Destination, WithdrawalRequest
from dealing.back_office.live import EngineAccounts
from dealing.back_office.trading import EngineTrading
from dealing.desk.formats import NOTHING
from dealing.desk.held_book import BookDesk
from dealing.server_day import ServerDay
from dealing.storage.migrate import upgrade
from tests.dealing.back_office.offices import SmallOffice
from tests.desk.pages import REFUSED, SIZES, is_readable, picture, until
from tests.desk.served_desk import ServedDesk

pytestmark = pytest.mark.browser

CARD = Destination("stripe", "card", "card-C1")


class ServedOffice(ServedDesk):
    """A desk with a back office beside it, whose accounts are those of the scripted book."""

    def __init__(self, database):
        super().__init__(accounts=60, positions=400)
        day = ServerDay(ZoneInfo("UTC"), 0)
        books = BookDesk(self.queries, day, time.time_ns)
        live = EngineAccounts(books, EngineTrading(self.queries, self.broker.frame))
        self.office = SmallOffice(database, live)
        self.routes = self.office.routes

    def ask_for(self, key, client_id="C1", amount_minor=200_000):
        """Let somebody ask for a withdrawal that a second person decides about."""
        request = WithdrawalRequest(
            key=key, client_id=client_id, amount_minor=amount_minor, currency="USD",
            destination=CARD, requested_by="Anna", via="desk",
        )  # fmt: skip
        with self.office.database.writing() as connection:
            self.office.rooms.withdrawals.request(connection, request, self.office.now_us)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    file = tmp_path_factory.mktemp("office") / "desk.db"
    file.touch()
    database = database_at(None, file, lambda: "run-1")
    upgrade(database)
    served = ServedOffice(database)
    served.ask_for("w-approve")
    served.ask_for("w-stay", "C2")
    served.office.break_things()
    served.office.dead_letter()
    served.start()
    yield served
    served.stop()
    database.close()


@pytest.fixture
def page(desk, visit, complaints):
    page = visit(desk, "office")
    expect(page.locator("#office-waiting tr").first).to_be_visible()
    yield page
    complaints[:] = [said for said in complaints if not REFUSED.search(said)]


def tab(page, name):
    page.get_by_role("tab", name=name).click()


def look_as(page, role):
    page.locator("#office-role").get_by_text(role, exact=True).click()


def decide(page, reason, name):
    page.locator("#office-decide-reason").fill(reason)
    page.locator("#office-decide-actor").fill(name)
    page.locator("[data-action='office:send']").click()


def test_a_second_person_sees_the_live_risk_and_approves_a_withdrawal(page, desk):
    row = page.locator("#office-waiting tr").filter(has_text="C1")
    expect(row).to_contain_text("2,000.00 USD")
    expect(row.locator("td").nth(4)).to_contain_text("1000")  # a login of the scripted book
    expect(row.locator("td").nth(5)).not_to_have_text(NOTHING)
    row.get_by_role("button", name="Approve").click()
    expect(page.locator("#office-decide-what")).to_have_text("Approve 2,000.00 USD for client C1")
    decide(page, "documents are fine", " anna ")
    expect(page.locator("#office-decide-note")).to_contain_text("another one has to decide")
    page.locator("#office-decide-actor").fill("Ben")
    page.locator("[data-action='office:send']").click()
    expect(page.locator("#office-decide")).to_be_hidden()
    expect(row).to_have_count(0)
    expect(page.locator(".tile[data-office='paying'] .tile-value")).to_have_text("1")
    expect(page.locator("#office-health")).to_contain_text("The ledger holds")
    assert ("withdrawal.approved", "Ben", "documents are fine") in desk.office.audit()


def test_an_unclear_order_is_ended_by_two_persons(page, desk):
    desk.office.unclear_order(150_000, "10002")
    row = page.locator("#office-orders tr").filter(has_text="1,500.00 USD")
    expect(row).to_contain_text("unclear")
    row.get_by_role("button", name="Found").click()
    expect(page.locator("#office-decide-detail")).to_contain_text("on the platform as ordered")
    decide(page, "seen on the platform", "Anna")
    expect(row).to_contain_text("Anna says found")
    row.get_by_role("button", name="Approve").click()
    decide(page, "seen there as well", "Ben")
    expect(row).to_have_count(0)
    assert ("order.confirmed", "Ben", "seen there as well") in desk.office.audit()


def test_clients_are_found_by_typing_and_shown_as_the_role_may_see_them(page, desk):
    page.keyboard.press("/")
    field = page.locator("#office-search")
    expect(field).to_be_focused()
    page.keyboard.type("quokka")
    expect(page.locator("#office-search-note")).to_contain_text("Nobody is found")
    look_as(page, "Payments")
    hits = page.locator("#office-hits li")
    expect(hits).to_have_count(2)
    field.focus()
    page.keyboard.press("ArrowDown")
    expect(hits.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator("#office-client-title")).to_have_text("Client C2")
    expect(page.locator("#office-client")).to_contain_text("Yolanda Quokkamann")
    expect(page.locator("#office-client")).to_contain_text("y***@example.com")
    look_as(page, "Dealer")
    expect(page.locator("#office-client")).to_contain_text("Y.Q.")
    assert "Quokkamann" not in page.locator("[data-screen='office']").inner_text()
    look_as(page, "Compliance")
    expect(page.locator("#office-client-empty")).to_contain_text("Say who you are and why")
    reads = len(desk.office.audit())
    page.locator("#office-reader").fill("Cora")
    page.locator("#office-why").fill("a request of the client")
    page.keyboard.press("Enter")
    expect(page.locator("#office-client")).to_contain_text("yq@example.com")
    picture(page, "office-clients")
    assert desk.office.audit()[reads:] == [
        ("personal_data.read", "Cora", "a request of the client"),
    ]  # fmt: skip


def test_money_of_the_open_client_is_held(page, desk):
    tab(page, "Clients")
    page.locator("#office-search").fill("C3")
    page.locator("#office-hits li").first.click()
    expect(page.locator("#office-client-title")).to_have_text("Client C3")
    page.locator("#office-amount").fill("12,50")
    page.get_by_role("button", name="Hold", exact=True).click()
    expect(page.locator("#office-decide-what")).to_have_text("Hold 12.50 USD of client C3")
    decide(page, "a question is open", "Anna")
    expect(page.locator("#office-client")).to_contain_text("4,987.50")
    tab(page, "Payments")
    expect(page.locator("#office-holds tr")).to_contain_text("12.50 USD")


def test_breaks_are_proposed_approved_and_taken_away_as_a_file(page, desk):
    tab(page, "Breaks")
    row = page.locator("#office-breaks tr").filter(has_text="2,500.00 USD")
    row.get_by_role("button", name="Resolve").click()
    expect(page.locator("#office-decide-detail")).to_contain_text("post; 2,500.00 USD from")
    decide(page, "as the statement says", "Anna")
    expect(row).to_contain_text("proposed by Anna")
    row.get_by_role("button", name="Assign").click()
    page.locator("#office-decide-owner").fill("Cara")
    decide(page, "she knows the provider", "Anna")
    expect(row).to_contain_text("Cara")
    picture(page, "office-breaks")
    with page.expect_download() as download:
        page.keyboard.press("e")
    assert "MISSING_LEDGER" in download.value.path().read_text("utf-8-sig")
    row.get_by_role("button", name="Approve").click()
    decide(page, "agrees with the statement", "Ben")
    expect(row).to_have_count(0)


def test_a_letter_is_masked_until_somebody_says_why_and_it_is_asked_only_while_looked_at(
    page, desk
):
    asked = []
    page.on("request", lambda request: "/office/" in request.url and asked.append(request.url))
    tab(page, "Messages")
    row = page.locator("#office-dead tr").first
    expect(row).to_contain_text("text of 10")
    assert "Zanzibarra" not in page.content()
    row.get_by_role("button", name="Read").click()
    decide(page, "find out what it is", "Anna")
    expect(page.locator("#office-letter")).to_contain_text("Zanzibarra")
    picture(page, "office-messages")
    tab(page, "Breaks")
    expect(page.locator("#office-letter")).to_have_text("")
    page.evaluate("desk.actions.act('screen:desk')")
    until(page, lambda: page.evaluate("desk.choices.screen") == "desk")
    page.wait_for_timeout(600)
    seen = len(asked)
    page.evaluate("{ const now = performance.now.bind(performance);"
                  " performance.now = () => now() + 60000; }")  # fmt: skip
    page.wait_for_timeout(1_200)
    assert len(asked) == seen


@pytest.mark.parametrize("size", SIZES)
def test_it_is_readable_for_everybody_at_every_size(desk, visit, size):
    page = visit(desk, "office", size)
    page.locator("#office-waiting").get_by_role("button", name="C2").click()
    expect(page.locator("#office-client-title")).to_have_text("Client C2")
    page.locator("#office-waiting").get_by_role("button", name="Reject").first.click()
    is_readable(page, "office")
