"""How far accounts are from their stop-out: a move of that size brings their level right to it."""

from __future__ import annotations

import numpy as np
import pytest

from exposure.model.events import PositionRestored, QuoteReceived
from exposure.risk.margin_distance import NO_SYMBOL, Band, bands, distances
from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stop_outs import is_stopped_out, margin_levels
from exposure.risk.stress_book import StressBook
from tests.exposure.builders import Desk, account, instrument
from tests.exposure.risk.books import random_book

PAIRS = ("EURUSD", "GBPUSD")


def held(*positions, balance=5_000.0, currency="USD", symbols=PAIRS):
    """One account of a leverage of 1:100, with positions (symbol, side, lots) opened at 1.25."""
    made = Desk(
        [instrument(name) for name in symbols],
        [account("1", balance=balance, leverage=100.0, currency=currency)],
    )
    events = [QuoteReceived(1, name, 1.25, 1.25) for name in symbols]
    events += [
        PositionRestored(1, "1", f"P{k}", symbol, side, lots, 1.25)
        for k, (symbol, side, lots) in enumerate(positions)
    ]
    made.feed(*events)
    return StressBook(made.engine)


def level_after(book, *shocks):
    shocked = book.shocked([Shock(name, ShockKind.PERCENT, size) for name, size in shocks])
    return margin_levels(book.valued(shocked.prices).equity, book.margin)[0]


@pytest.mark.parametrize(("side", "sign"), [("buy", -1.0), ("sell", 1.0)])
def test_the_move_of_the_largest_position_ends_at_the_stop_out(side, sign):
    book = held(("EURUSD", side, 1.0), ("GBPUSD", "buy", 0.3))
    found = distances(book, book.now)
    assert (found.symbol[0], np.sign(found.largest_percent[0])) == (0, sign)
    level = level_after(book, ("EURUSD", found.largest_percent[0]))
    assert level == pytest.approx(book.stop_out_level[0])


def test_all_positions_against_an_account_end_there_sooner():
    book = held(("EURUSD", "buy", 1.0), ("GBPUSD", "sell", 0.6))
    found = distances(book, book.now)
    size = found.all_percent[0]
    assert 0.0 < size < abs(found.largest_percent[0])
    assert level_after(book, ("EURUSD", -size), ("GBPUSD", size)) == pytest.approx(
        book.stop_out_level[0]
    )


def test_hedged_lots_of_a_symbol_count_net():
    book = held(("EURUSD", "buy", 2.0), ("EURUSD", "sell", 1.9), ("GBPUSD", "buy", 0.3))
    found = distances(book, book.now)
    assert found.symbol[0] == 1
    assert level_after(book, ("GBPUSD", found.largest_percent[0])) == pytest.approx(
        book.stop_out_level[0]
    )


def test_who_is_below_his_stop_out_has_no_way_to_go():
    book = held(("EURUSD", "buy", 1.0), balance=600.0)
    found = distances(book, book.now)
    assert (found.largest_percent[0], found.all_percent[0]) == (0.0, 0.0)


def test_who_holds_nothing_or_cannot_lose_so_much_has_no_distance():
    nothing = held()
    found = distances(nothing, nothing.now)
    assert found.symbol[0] == NO_SYMBOL
    assert np.isnan([found.largest_percent[0], found.all_percent[0]]).all()
    rich = held(("EURUSD", "buy", 0.01), balance=1e6)
    assert np.isnan(distances(rich, rich.now).largest_percent[0])


@pytest.mark.parametrize("seed", range(6))
def test_bands_say_what_levels_say(seed):
    book = StressBook(random_book(seed, positions=60))
    for balance in (-30_000.0, -3_000.0, 0.0, 3_000.0):
        equity = book.now.equity + balance
        levels = margin_levels(equity, book.margin)
        found = bands(book, equity)
        assert np.array_equal(found == Band.BELOW_STOP_OUT, is_stopped_out(book, equity))
        assert np.array_equal(found == Band.NO_MARGIN, np.isinf(levels))
        calm = np.isfinite(levels) & (levels >= 200.0)
        assert np.array_equal(found == Band.OVER_200, calm)


@pytest.mark.parametrize("seed", range(6))
def test_positions_in_any_currency_gain_what_a_percent_of_their_price_is_worth(seed):
    book = StressBook(random_book(seed, positions=60))
    gains = book.gain_of_a_percent(book.now)
    held, prices = book.holdings, book.now.prices
    close = np.where(held.is_long, prices.bid[held.symbol], prices.ask[held.symbol])
    worth = gains * 100.0 * book.now.usd_rate[held.account]
    rate = book.usd_per_lot(prices)[held.symbol]
    mid = (prices.bid[held.symbol] + prices.ask[held.symbol]) / 2
    expected = held.signed_lots * rate * close / mid
    assert worth == pytest.approx(expected, rel=2e-3)
