"""A week of the simulated broker: rollovers, a triple swap, dividends, a split and a rename.

The platform's own books, an engine that follows it and the revenue ledger agree at every hour.
"""

from collections import Counter, defaultdict
from typing import NamedTuple

import msgspec
import numpy as np
import pytest

from exposure.engine import ExposureEngine
from exposure.model.events import (
    AccountChanged,
    BalanceChanged,
    BreakFound,
    CashBooked,
    DealExecuted,
    DividendPaid,
    EventBatch,
    PriceAdjusted,
    QuoteReceived,
    RevenueBooked,
    SplitApplied,
    SwapCharged,
    SymbolRenamed,
)
from exposure.model.revenue import Component
from feeds.catalogue import load_catalogue
from feeds.simulator.market import SimulatedMarket
from feeds.simulator.platform import PlatformSettings, SimulatedPlatform
from tests.feeds.simulator.conftest import of_type

pytestmark = pytest.mark.slow

HOUR = 3_600 * 1_000_000_000
HOURS = 7 * 24
MICRO = 1_000_000
ACTIONS = (SwapCharged, DividendPaid, PriceAdjusted, SplitApplied, SymbolRenamed)
COSTS = {Component.BONUS, Component.ADJUSTMENT}
NET = (
    "client_net_micro_usd", "lp_net_micro_usd", "bonus_micro_usd", "adjustments_micro_usd",
)  # fmt: skip

COARSE = PlatformSettings(
    clients=300,
    seed=3,
    longest_step_ms=600_000,
    max_quote_age_ms=1_200_000,
    looks_per_step=4,
    orders_per_s_cap=0.03,
)
"""Steps of ten minutes and few quotes: a week passes in seconds."""

SYMBOLS = (
    "NVDA", "AAPL", "MSFT", "META", "FRA40", "UK100", "US30", "US2000", "BRENT", "NAS100", "US500",
    "EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "USDCHF", "EURUSD.pro", "XAUUSD", "USDTRY", "BTCUSD",
)  # fmt: skip
"""A short list, so that what is split or pays a dividend is held by somebody."""

SAVED_AT, RELOADED_UNTIL = 48, 60
"""Hours between which a second platform goes on from a saved state: over the split."""


def platform(seed=1):
    terms = [one for one in load_catalogue() if one.symbol in SYMBOLS]
    return SimulatedPlatform(SimulatedMarket(seed, terms, quotes_per_second=0.25), COARSE)


class Moment(NamedTuple):
    """What an action did to the holders of a symbol, positions in USD accounts only."""

    event: object
    holders: int
    expected: np.ndarray
    happened: np.ndarray


class Week(NamedTuple):
    opening: list
    events: list
    outputs: list
    engine: object
    moments: list
    hours: list
    repeated: list


class Hour(NamedTuple):
    """How far apart the books are at the end of an hour."""

    balance_gap: float
    positions_equal: bool
    names_equal: bool
    facts: int
    controls: int
    cash_gap: float
    postings: int


class Follower:
    """An engine that follows the platform as the desk does, and the sums that have to agree."""

    def __init__(self, opening):
        self.engine = ExposureEngine()
        self.outputs = []
        self.moments = []
        self.facts = self.controls = 0
        self.earned = Counter()
        self.own_money = Counter()
        self.postings = 0
        self.apply(opening)
        self.dollars = {
            event.account.login
            for event in of_type(opening, AccountChanged)
            if event.account.currency == "USD"
        }
        self.opened_with = self.owed()

    def apply(self, events):
        begin = 0
        for k, event in enumerate(events):
            if isinstance(event, ACTIONS):
                self._apply(events[begin:k])
                self.moments.append(self._act(event))
                begin = k + 1
            elif isinstance(event, BalanceChanged) and event.kind in {"deposit", "withdrawal"}:
                self.own_money[event.login] += event.amount
        self._apply(events[begin:])

    def owed(self):
        """What each client in USD has of the house, accrued swap included."""
        book = self.engine.book
        owed = {login: float(book.accounts.balance[book.account_of[login]])
                for login in self.dollars}  # fmt: skip
        p = book.positions
        for slot in range(len(book.position_ids)):
            login = book.terms[int(p.account[slot])].login if p.account[slot] >= 0 else ""
            if login in owed:
                owed[login] += float(p.swap_booked[slot])
        return owed

    def cash_gap(self):
        """How far the facts of any client in USD are from the cash it got."""
        return max(
            abs(self.earned[login] / MICRO + now - self.opened_with[login] - self.own_money[login])
            for login, now in self.owed().items()
        )

    def _apply(self, events):
        if not events:
            return
        found = self.engine.apply(EventBatch(self.engine.position + len(events), 0, events))
        for output in found:
            if isinstance(output, RevenueBooked):
                self.facts += output.amount_micro_usd
                self.postings += 1
                if output.component not in COSTS:
                    self.earned[output.login] += output.amount_micro_usd
            elif isinstance(output, CashBooked):
                self.controls += sum(getattr(output, net) for net in NET)
        self.outputs += found

    def _act(self, event):
        book = self.engine.book
        symbol = book.symbol_of[event.symbol]
        terms, p = book.instruments[symbol], book.positions
        slots = np.array([
            slot
            for slot in book.of_symbol.row(symbol).tolist()
            if book.terms[int(p.account[slot])].currency == terms.quote == "USD"
        ], int)  # fmt: skip
        lots, sides, opened = p.lots[slots].copy(), p.side[slots], p.open_price[slots].copy()
        closing = np.where(sides > 0.0, book.prices.bid[symbol], book.prices.ask[symbol])
        accounts = np.unique(p.account[slots])
        swap, balance = p.swap[slots].copy(), book.accounts.balance[accounts].copy()
        equity = _equity(self.engine)
        self._apply([event])
        if isinstance(event, SwapCharged) and not event.lp:
            per_night = np.where(sides > 0.0, terms.swap_long, terms.swap_short) * lots
            unit = terms.point if terms.swap_mode == "points" else closing / 100.0 / 360.0
            expected = event.nights * per_night * unit * terms.units_per_lot
            return Moment(event, len(slots), expected, p.swap[slots] - swap)
        if isinstance(event, DividendPaid | PriceAdjusted) and not event.lp:
            per_unit = np.where(sides > 0.0, event.long_per_unit, -event.short_per_unit)
            paid = per_unit * lots * terms.units_per_lot
            expected = np.array([paid[p.account[slots] == row].sum() for row in accounts])
            return Moment(event, len(slots), expected, book.accounts.balance[accounts] - balance)
        if isinstance(event, SplitApplied):
            expected = np.concatenate([lots * event.ratio, opened / event.ratio, equity])
            after = np.concatenate([p.lots[slots], p.open_price[slots], _equity(self.engine)])
            return Moment(event, len(slots), expected, after)
        return Moment(event, len(slots), equity, _equity(self.engine))


def _equity(engine):
    engine.refresh()
    book = engine.book
    n = len(book.terms)
    return book.accounts.balance[:n] + book.accounts.floating[:n]


def hour_of(follower, served):
    ours, theirs = follower.engine.book, served.book
    n, used = len(ours.terms), len(ours.position_ids)
    gap = np.abs(ours.accounts.balance[:n] - theirs.accounts.balance[:n]).max()
    columns = ("account", "symbol", "side", "lots", "open_price", "swap", "margin_per_lot")
    held = ours.positions.account[:used] >= 0
    return Hour(
        balance_gap=float(gap),
        positions_equal=ours.slot_of == theirs.slot_of
        and all(
            np.array_equal(
                getattr(ours.positions, name)[:used][held],
                getattr(theirs.positions, name)[:used][held],
            )
            for name in columns
        ),
        names_equal=[one.symbol for one in ours.instruments]
        == [one.symbol for one in served.instruments],
        facts=follower.facts,
        controls=follower.controls,
        cash_gap=follower.cash_gap(),
        postings=follower.postings,
    )


@pytest.fixture(scope="module")
def week():
    """Seven days from a Tuesday noon; from Thursday noon on twelve hours are lived twice."""
    first, second = platform(), platform(seed=99)
    opening = first.opening_events()
    follower = Follower(opening)
    events, hours, repeated = [], [], []
    for hour in range(HOURS):
        if hour == SAVED_AT:
            second.load(first.save())
        passed = first.advance(HOUR)
        if SAVED_AT <= hour < RELOADED_UNTIL:
            again = second.advance(HOUR)
            repeated.append(msgspec.msgpack.encode(again) == msgspec.msgpack.encode(passed))
        if hour == RELOADED_UNTIL - 1:
            repeated.append(second.save() == first.save())
        follower.apply(passed)
        events += passed
        hours.append(hour_of(follower, first._server))
    return Week(
        opening, events, follower.outputs, follower.engine, follower.moments, hours, repeated
    )


def test_the_week_holds_everything_that_can_happen_to_positions(week):
    swaps = of_type(week.events, SwapCharged)
    assert {swap.nights for swap in swaps} == {1, 3}
    assert len({swap.ts_event for swap in swaps}) == 5
    held = Counter(type(moment.event) for moment in week.moments if moment.holders > 0)
    assert min(held[kind] for kind in (SwapCharged, DividendPaid, SplitApplied)) > 0
    assert {type(event) for event in week.events} >= set(ACTIONS)
    providers = {type(moment.event) for moment in week.moments if getattr(moment.event, "lp", "")}
    assert providers >= {SwapCharged, DividendPaid}
    assert len(of_type(week.events, DealExecuted)) > 5_000


def test_no_event_of_the_week_is_a_break(week):
    assert of_type(week.outputs, BreakFound) == []
    assert week.engine.counters["quarantined"] == 0


def test_balances_and_positions_are_the_platforms_at_every_hour(week):
    assert len(week.hours) == HOURS
    assert max(hour.balance_gap for hour in week.hours) <= 0.01
    assert all(hour.positions_equal and hour.names_equal for hour in week.hours)


def test_facts_add_up_to_their_controls_exactly_at_every_hour(week):
    assert [hour.facts for hour in week.hours] == [hour.controls for hour in week.hours]
    assert len({hour.facts for hour in week.hours}) > HOURS / 2


def test_facts_add_up_to_their_controls_exactly_for_every_event(week):
    of_event = defaultdict(int)
    for output in week.outputs:
        if isinstance(output, RevenueBooked):
            of_event[output.position] += output.amount_micro_usd
        elif isinstance(output, CashBooked):
            of_event[output.position] -= sum(getattr(output, net) for net in NET)
    assert len(of_event) > 5_000
    assert set(of_event.values()) == {0}


def test_what_the_house_earns_of_a_client_is_what_the_client_paid_at_every_hour(week):
    for hour in week.hours:
        assert hour.cash_gap <= 1e-6 * hour.postings
        assert hour.cash_gap < 0.01


def test_client_net_is_all_that_clients_paid_and_lp_net_all_that_providers_did(week):
    net = Counter()
    for output in of_type(week.outputs, CashBooked):
        for name in NET:
            net[name] += getattr(output, name)
    clients = providers = costs = 0
    for fact in of_type(week.outputs, RevenueBooked):
        if fact.component in COSTS:
            costs += fact.amount_micro_usd
        elif fact.login:
            clients += fact.amount_micro_usd
        else:
            providers += fact.amount_micro_usd
    assert net["client_net_micro_usd"] == clients != 0
    assert net["lp_net_micro_usd"] == providers != 0
    assert net["bonus_micro_usd"] + net["adjustments_micro_usd"] == costs


def test_every_rollover_dividend_and_split_is_what_its_formula_says(week):
    for moment in week.moments:
        assert moment.happened == pytest.approx(moment.expected, rel=1e-9, abs=1e-9), moment.event


def test_the_house_earns_on_swap_what_its_clients_pay_more_than_the_provider_takes(week):
    rows = Counter()
    for fact in of_type(week.outputs, RevenueBooked):
        rows[fact.component] += fact.amount_micro_usd
    assert rows[Component.SWAP_CLIENT] > 0
    assert rows[Component.SWAP_CLIENT] > -rows[Component.SWAP_LP]
    assert {Component.DIVIDEND_CLIENT, Component.MARKUP, Component.COMMISSION} <= set(rows)


def test_a_renamed_symbol_is_quoted_under_its_new_name_only(week):
    (renamed,) = of_type(week.events, SymbolRenamed)
    at = week.events.index(renamed)
    before = {event.symbol for event in of_type(week.events[:at], QuoteReceived)}
    after = {event.symbol for event in of_type(week.events[at:], QuoteReceived)}
    assert after ^ before == {renamed.symbol, renamed.new_symbol}


def test_a_state_saved_in_the_middle_of_the_week_goes_on_with_the_same_bytes(week):
    assert len(week.repeated) == RELOADED_UNTIL - SAVED_AT + 1
    assert all(week.repeated)
