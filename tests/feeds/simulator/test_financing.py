"""Swap: how much a night costs, how often it counts, and who pays it."""

import msgspec
import pytest

from exposure.model.deals import Side
from exposure.model.events import DealExecuted, QuoteReceived
from feeds.catalogue import load_catalogue
from feeds.simulator.financing import nights, rollover_swaps, swap_per_lot
from tests.exposure.builders import Desk, account

TERMS = {instrument.symbol: instrument for instrument in load_catalogue()}


def test_a_week_has_seven_nights_whatever_the_triple_day():
    week = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    for symbol in ("EURUSD", "US500"):
        assert sum(nights(TERMS[symbol], day) for day in week) == 7
    assert nights(TERMS["EURUSD"], "wednesday") == 3
    assert nights(TERMS["US500"], "friday") == 3


def test_points_are_worth_a_point_of_the_contract_in_quote_currency():
    # platforms.md: EURUSD 1 lot at -13.472 points for 5 nights is -67.36 USD.
    euro = msgspec.structs.replace(TERMS["EURUSD"], swap_long=-13.472, swap_short=4.0)
    assert 5 * swap_per_lot(euro, Side.BUY, 1.1) == pytest.approx(-67.36)
    assert swap_per_lot(euro, Side.SELL, 1.1) == pytest.approx(4.0)


def test_points_of_gold_are_worth_its_hundred_ounces():
    gold = msgspec.structs.replace(TERMS["XAUUSD"], digits=2, swap_long=-2.17)
    assert swap_per_lot(gold, Side.BUY, 5_000.0) == pytest.approx(-2.17)


def test_interest_is_a_share_of_the_notional_by_days_of_360():
    index = msgspec.structs.replace(TERMS["US500"], swap_long=-7.2)
    expected = -0.072 / 360 * 7_000.0 * index.contract_size
    assert swap_per_lot(index, Side.BUY, 7_000.0) == pytest.approx(expected)


def test_a_disabled_swap_costs_nothing():
    assert swap_per_lot(TERMS["WTI.F"], Side.BUY, 70.0) == 0.0


@pytest.fixture
def book():
    desk = Desk([TERMS["EURUSD"], TERMS["USDJPY"]], [account("1"), account("2", currency="EUR")])
    desk.feed(
        QuoteReceived(1, "EURUSD", 1.25, 1.25),
        QuoteReceived(1, "USDJPY", 150.0, 150.0),
        DealExecuted(2, "d1", "1", "a", "EURUSD", "buy", "in", 2.0, 1.25),
        DealExecuted(2, "d2", "1", "b", "EURUSD", "sell", "in", 1.0, 1.25),
        DealExecuted(2, "d3", "2", "c", "USDJPY", "buy", "in", 1.0, 150.0),
    )
    return desk.engine.book


def test_every_account_pays_for_its_own_positions_in_its_own_currency(book):
    euro, yen = TERMS["EURUSD"], TERMS["USDJPY"]
    paid = rollover_swaps(book, "tuesday")
    dollars = 2 * euro.swap_long + euro.swap_short
    euros = yen.swap_long * yen.point * 100_000 / 150.0 / 1.25
    assert paid.tolist() == pytest.approx([dollars, euros])
    assert rollover_swaps(book, "wednesday").tolist() == pytest.approx([3 * dollars, 3 * euros])
    assert rollover_swaps(book, "sunday").tolist() == [0.0, 0.0]
