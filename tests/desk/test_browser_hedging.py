"""The hedging screen in a real Chromium: seen, priced, confirmed, sent, refused, grown old."""

import re
import time
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from bookrouting.hedge_terms import HedgeMode, HedgeRules
from dealing.commands.memory_store import MemoryCommandStore
from dealing.hedge_api import hedge_routes
from dealing.hedging.book import HedgeBook
from dealing.hedging.commands import HedgeCommands
from dealing.hedging.desk import HedgeDesk
from dealing.hedging.model import HedgeMemory, Hedges, HedgeSettings, SymbolRules
from dealing.hedging.news import ListedNews, NewsPauses
from dealing.server_day import ServerDay
from exposure.errors import DisconnectedError
from feeds.platform_commands import CommandAnswer
from tests.desk.pages import REFUSED, SIZES, WIDE, is_readable, serious
from tests.desk.served_desk import ServedDesk

pytestmark = pytest.mark.browser


class InMemory:
    """Keeps nothing beyond the process."""

    async def keep(self, memory):
        memory.number += 1


class Obedient:
    """A platform that takes everything and fills nothing."""

    async def send(self, order):
        return CommandAnswer(order.key, accepted=True)

    enquire = send

    async def set_bridge(self, symbol, key, *, on):
        return CommandAnswer(key, accepted=True)


class HedgingDesk(ServedDesk):
    """A served desk whose engine hedges EURUSD by hand."""

    def __init__(self):
        super().__init__(accounts=60, positions=300)
        # far from its centre, however the scripted clients trade
        rules = HedgeRules(
            mode=HedgeMode.MANUAL, band_lots=0.5, centre_lots=100.0, max_clip_lots=1.0
        )
        by_hand = SymbolRules(rules=rules, lp="LP1", hedges=Hedges.HOUSE_NET)
        others = SymbolRules(rules=HedgeRules(band_lots=0.0), lp="LP1")
        settings = HedgeSettings(others=others, symbols={"EURUSD": by_hand})
        memory = HedgeMemory(origin="test", position=self.broker.engine.position)
        day = ServerDay(ZoneInfo("UTC"), 0)
        book = HedgeBook(self.broker.engine, settings, memory, NewsPauses(ListedNews([])), day)
        self.hedges = HedgeDesk(book, InMemory(), Obedient())
        self.hedges._feed_is_live = lambda: True
        self.queries.hedging = self._asked
        self.store = MemoryCommandStore()
        commands = HedgeCommands(self.store, self.queries, time.time_ns)
        self.routes = hedge_routes(commands, self.queries)
        self.is_away = False

    async def _asked(self, asked):
        if self.is_away:
            raise DisconnectedError("the engine is away: try again when it is back")
        return await self.hedges.asked(asked)


@pytest.fixture(scope="module")
def desk():
    served = HedgingDesk()
    served.start()
    yield served
    served.stop()


def opened(visit, desk, size=WIDE):
    page = visit(desk, "hedging", size)
    expect(page.locator("#hedging-rows tr[data-symbol='EURUSD']")).to_be_visible()
    return page


def test_a_dealer_prices_confirms_and_sends_a_hedge_and_sets_a_mode(visit, desk):
    page = opened(visit, desk)
    eurusd = page.locator("#hedging-rows tr[data-symbol='EURUSD']")
    expect(eurusd).to_contain_text("beyond the band of 0.5")
    eurusd.click()
    ticket = page.locator("#hedging-ticket")
    expect(ticket).to_contain_text(re.compile(r"1 lots of EURUSD at LP1: costs .* of daily VaR"))
    expect(page.locator("#hedging-lots")).to_have_value("1")
    page.locator("#hedging-actor").fill("dealer")
    page.locator("#hedging-reason").fill("the band is wide open")
    page.get_by_role("button", name="Order", exact=True).click()
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("1.00 lots of EURUSD at LP1?")
    assert serious(page) == []
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("#hedging-result")).to_contain_text("Ordered: ")
    expect(question).to_be_hidden()
    expect(eurusd).to_contain_text("0.00 filled")
    page.locator("#hedging-mode").select_option("automatic")
    page.get_by_role("button", name="Set mode").click()
    expect(question).to_contain_text("the platform's bridge goes off")
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("#hedging-result")).to_have_text("EURUSD is automatic now, was manual.")
    actions = [row.entry.action for row in desk.store.audit_rows()]
    assert actions == [
        "hedge.order.requested", "hedge.order.done", "hedge.mode.requested", "hedge.mode.done",
    ]  # fmt: skip


def test_an_alert_about_a_limit_opens_the_ticket_of_what_brings_the_house_within_it(visit, desk):
    page = opened(visit, desk)
    with page.expect_response(lambda answer: "within_usd=0" in answer.url) as asked:
        page.evaluate("desk.hedging.open('EURUSD', 'A-12 Hard limit: EURUSD', 0)")
    ticket = asked.value.json()
    expect(page.locator("#hedging-lots")).to_have_value(f"{ticket['lots']:g}")
    expect(page.locator("#hedging-side")).to_have_value(ticket["side"])
    expect(page.locator("#hedging-reason")).to_have_value("A-12 Hard limit: EURUSD")
    expect(page.locator("#hedging-ticket")).to_contain_text("lots of EURUSD at LP1: costs")


def test_what_is_refused_or_unanswered_says_why_and_figures_that_are_old_are_grey(
    visit, desk, complaints
):
    page = opened(visit, desk)
    page.locator("#hedging-symbol").fill("EURUSX")
    page.get_by_role("button", name="Price it").click()
    expect(page.locator("#hedging-ticket")).to_contain_text("EURUSX is not known here")
    page.locator("#hedging-symbol").fill("EURUSD")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#hedging-result")).to_contain_text("actor must be a name")
    desk.is_away = True
    expect(page.locator("#hedging-note")).to_contain_text("the engine is away")
    expect(page.locator('[data-screen="hedging"]')).to_have_attribute("data-stale", "")
    desk.is_away = False
    expect(page.locator("#hedging-note")).to_have_text("")
    complaints[:] = [said for said in complaints if not REFUSED.search(said)]


@pytest.mark.parametrize("size", SIZES)
def test_the_screen_is_readable_in_every_size_and_theme(visit, desk, size):
    page = opened(visit, desk, size)
    page.locator("#hedging-rows tr").first.click()
    expect(page.locator("#hedging-ticket")).not_to_have_text("")
    is_readable(page, "hedging")
