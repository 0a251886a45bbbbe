"""Large deals are picked out of everything that the engine books, and next to nothing is spent."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.hub_wire import Published, packed, read_from_engine
from dealing.large_deals import WORTH_FOR_NS, LargeDeals
from dealing.ports import KEPT_DEALS
from dealing.runtime import recovered
from dealing.storage.journal import Journal
from dealing.storage.snapshots import SnapshotStore
from exposure.engine import ExposureEngine
from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import (
    AccountChanged,
    BookAssigned,
    DealExecuted,
    EventBatch,
    InstrumentDefined,
    QuoteReceived,
)
from exposure.model.instruments import CalcMode, Instrument
from exposure.settings import EngineSettings
from feeds.frames import Frame
from tests.dealing.alerts.sources.made_frames import frame, large_deal
from tests.dealing.revenue_keepers import revenue_writer
from tests.dealing.test_runtime import Process, ScriptedFeed


def instrument(symbol, quote="USD"):
    return Instrument(
        symbol=symbol, asset_class="fx", base=symbol[:3], quote=quote, contract_size=100_000.0,
        digits=5, calc_mode=CalcMode.FOREX,
    )  # fmt: skip


ACCOUNT = Account(
    login="1000", client_id="C7", currency="USD", balance=1e9, leverage=100.0, book=Book.B
)
OPENING = [
    *(InstrumentDefined(1, instrument(one, one[3:])) for one in ("EURUSD", "EURGBP", "GBPUSD")),
    AccountChanged(1, ACCOUNT),
    QuoteReceived(2, "EURUSD", 1.24, 1.26),
]


class Dealing:
    """An engine with its large deals, fed as the engine process does."""

    def __init__(self, floor_usd=250_000.0):
        self.engine = ExposureEngine()
        self.large = LargeDeals(floor_usd)
        self.apply(*OPENING)

    def apply(self, *events):
        self.take(EventBatch(self.engine.position + len(events), 0, list(events)))

    def take(self, batch):
        self.engine.apply(batch)
        self.large.take(self.engine, batch)

    @property
    def told(self):
        return [one.deal_id for one in self.large.newest()]


def deal(deal_id="D1", lots=2.0, symbol="EURUSD", ts=10, **changes):
    known = {"side": "buy", "entry": "in", "lots": lots, "price": 1.25, **changes}
    return DealExecuted(ts, deal_id, known.pop("login", "1000"), f"P{deal_id}", symbol, **known)


def test_a_deal_from_the_floor_on_is_told_with_its_client_and_book():
    dealing = Dealing()

    dealing.apply(deal("D1", 1.99), deal("D2", 2.0), deal("D3", 5.0, side="sell"))

    two, three = dealing.large.newest()
    assert (two.deal_id, two.notional_usd, two.position) == ("D2", 250_000.0, 7)
    assert (two.client_id, two.login, two.book, two.entry) == ("C7", "1000", "B", "in")
    assert (three.side, three.notional_usd, three.ts_event) == ("sell", 625_000.0, 10)


def test_other_quote_currencies_are_worth_what_they_are_in_usd():
    dealing = Dealing()
    dealing.apply(deal("D1", 3.0, "EURGBP", price=0.85))
    assert dealing.told == []  # nobody knows yet what a pound is worth

    dealing.apply(QuoteReceived(11, "GBPUSD", 1.5, 1.5), deal("D2", 3.0, "EURGBP", price=0.85))

    (told,) = dealing.large.newest()
    assert told.notional_usd == pytest.approx(3 * 100_000 * 0.85 * 1.5)


def test_a_rate_is_looked_up_again_after_a_while():
    dealing = Dealing()
    dealing.apply(QuoteReceived(11, "GBPUSD", 1.5, 1.5), deal("D1", 3.0, "EURGBP", price=0.85))
    later = 12 + WORTH_FOR_NS
    dealing.apply(QuoteReceived(later, "GBPUSD", 0.75, 0.75))

    dealing.apply(deal("D2", 3.0, "EURGBP", price=0.85, ts=later))

    assert dealing.told == ["D1"]


def test_what_the_engine_does_not_book_is_not_told():
    dealing = Dealing()

    dealing.apply(
        deal("D1", login="nobody"), deal("D2", symbol="XXXYYY"), deal("D3", lots=float("inf")),
        deal("D4", lots=float("nan")), deal("D5", entry="out"),
    )  # fmt: skip

    assert dealing.told == []
    assert len(dealing.engine.findings.breaks) == 5


def test_a_deal_that_comes_twice_is_told_once():
    dealing = Dealing()

    dealing.apply(deal("D1"), deal("D1"))
    dealing.apply(deal("D1"))

    assert dealing.told == ["D1"]


def test_a_batch_that_overlaps_is_taken_from_where_it_is_new():
    dealing = Dealing()
    first, second = deal("D1"), deal("D2")
    dealing.apply(first)

    dealing.take(EventBatch(dealing.engine.position + 1, 0, [first, second]))

    assert dealing.told == ["D1", "D2"]


def test_the_book_is_that_of_new_deals():
    dealing = Dealing()

    dealing.apply(BookAssigned(9, "1000", "A"), deal("D1"))

    assert dealing.large.newest()[0].book == "A"


def test_only_the_newest_are_remembered():
    dealing = Dealing()

    dealing.apply(*(deal(f"D{n}") for n in range(KEPT_DEALS + 5)))

    assert (len(dealing.told), dealing.told[0], dealing.told[-1]) == (KEPT_DEALS, "D5", "D204")


@given(st.lists(st.floats(0.01, 50.0), min_size=1, max_size=30), st.data())
def test_it_does_not_matter_how_deals_come_in_batches(sizes, data):
    events = [deal(f"D{n}", round(lots, 2)) for n, lots in enumerate(sizes)]
    at_once, in_parts = Dealing(), Dealing()
    at_once.apply(*events)
    while events:
        count = data.draw(st.integers(1, len(events)))
        in_parts.apply(*events[:count])
        del events[:count]

    assert in_parts.large.newest() == at_once.large.newest()
    expected = [f"D{n}" for n, lots in enumerate(sizes) if round(lots, 2) >= 2.0]
    assert at_once.told == expected


def test_the_engine_process_shows_them_in_its_frames(tmp_path):
    batch = EventBatch(len(OPENING) + 1, 0, [*OPENING, deal()])

    async def story():
        async with Process(tmp_path, ScriptedFeed(batch)).running() as process:
            await process.hub.until(lambda shown: shown.large_deals)
            return process.hub.newest.large_deals

    assert [one.deal_id for one in asyncio.run(story())] == ["D1"]


def test_those_of_the_journal_are_told_again_after_a_restart(tmp_path):
    journal, large = Journal.open(tmp_path / "journal"), LargeDeals()
    journal.append_frame(Frame.of(EventBatch(len(OPENING) + 1, 0, [*OPENING, deal()])))
    store = SnapshotStore(tmp_path / "snapshots", 3)

    engine = recovered(store, journal, EngineSettings(), revenue_writer(), large)
    journal.close()

    assert engine.position == len(OPENING) + 1
    assert [one.deal_id for one in large.newest()] == ["D1"]


def test_they_cross_the_hubs_socket():
    shown = frame(large_deals=[large_deal()])

    async def story():
        stream = asyncio.StreamReader()
        stream.feed_data(packed(Published(shown)))
        return await read_from_engine(stream)

    assert asyncio.run(story()).frame.large_deals == shown.large_deals


def test_an_ordinary_deal_costs_less_than_a_microsecond():
    dealing = Dealing()
    events = [deal(f"D{n}", 0.1) for n in range(20_000)]
    batch = EventBatch(dealing.engine.position + len(events), 0, events)
    took = []
    for _ in range(5):
        large = LargeDeals()
        began = time.thread_time()
        large.take(dealing.engine, batch)
        took.append((time.thread_time() - began) / len(events))

    # 0.3 us were measured
    assert min(took) < 1e-6
