"""Crossings fire once, on the event that crosses, and re-arm five points above."""

import pytest

from exposure.model.events import (
    BalanceChanged,
    DealExecuted,
    MarginLevelCrossed,
    PositionRestored,
    QuoteReceived,
)
from tests.exposure.builders import Desk, account, instrument


@pytest.fixture
def desk():
    """One lot EURUSD long at 1.00 with margin 1,000 and equity 2,000 at a bid of 1.00."""
    desk = Desk([instrument("EURUSD")], [account(balance=2_000.0)])
    desk.feed(PositionRestored(0, "1", "1", "EURUSD", "buy", 1.0, 1.0))
    desk.feed(QuoteReceived(1, "EURUSD", 1.0, 1.0))
    return desk


def kinds(events):
    return [event.kind for event in events if isinstance(event, MarginLevelCrossed)]


def at_equity(desk, equity):
    """Quote the bid at which the account's equity is ``equity``."""
    bid = 1.0 + (equity - 2_000.0) / 100_000.0
    return kinds(desk.feed(QuoteReceived(2, "EURUSD", bid, bid)))


def test_a_level_exactly_on_the_threshold_fires(desk):
    assert at_equity(desk, 1_000.0) == ["margin_call"]


def test_a_level_just_above_the_threshold_does_not_fire(desk):
    assert at_equity(desk, 1_000.01) == []


def test_a_crossing_fires_once_until_it_re_arms(desk):
    assert at_equity(desk, 990.0) == ["margin_call"]
    assert at_equity(desk, 980.0) == []
    assert at_equity(desk, 1_050.0) == []
    assert at_equity(desk, 990.0) == []
    assert at_equity(desk, 1_050.01) == []
    assert at_equity(desk, 990.0) == ["margin_call"]


def test_one_quote_may_cross_everything_at_once(desk):
    assert at_equity(desk, -0.01) == ["margin_call", "stop_out", "negative_equity"]


def test_equity_that_is_zero_but_for_rounding_is_not_negative(desk):
    assert "negative_equity" not in at_equity(desk, 0.0)


def test_negative_equity_re_arms_at_zero(desk):
    at_equity(desk, -10.0)
    assert at_equity(desk, 0.0) == []
    assert at_equity(desk, -10.0) == ["negative_equity"]


def test_a_price_that_comes_back_within_one_batch_still_fires(desk):
    low, back = QuoteReceived(2, "EURUSD", 0.99, 0.99), QuoteReceived(3, "EURUSD", 1.0, 1.0)
    crossing = desk.feed(low, back)[0]
    assert (crossing.ts_event, crossing.position) == (2, desk.engine.position - 1)
    assert crossing.level == pytest.approx(100.0)


def test_a_withdrawal_can_cross(desk):
    assert kinds(desk.feed(BalanceChanged(2, "1", "withdrawal", -1_000.0))) == ["margin_call"]


def test_a_deal_can_cross(desk):
    deal = DealExecuted(2, "1", "1", "2", "EURUSD", "buy", "in", 1.0, 1.0)
    assert kinds(desk.feed(deal)) == ["margin_call"]


def test_an_account_that_starts_beyond_a_threshold_fires_on_its_first_event():
    desk = Desk([instrument("EURUSD")], [account(balance=-5.0)])
    assert kinds(desk.feed(BalanceChanged(1, "1", "deposit", 1.0))) == ["negative_equity"]


def test_without_margin_an_account_is_above_every_level(desk):
    at_equity(desk, 400.0)
    closing = DealExecuted(3, "1", "1", "1", "EURUSD", "sell", "out", 1.0, 0.984)
    assert kinds(desk.feed(closing)) == []
    assert desk.account().margin_level is None
    opening = DealExecuted(4, "2", "1", "2", "EURUSD", "buy", "in", 1.0, 0.984)
    assert kinds(desk.feed(opening)) == ["margin_call", "stop_out"]


def test_accounts_that_cross_together_come_in_order_of_their_rows():
    desk = Desk([instrument("EURUSD")], [account(str(k), balance=1_500.0) for k in range(5)])
    for login in ("3", "1", "4", "0", "2"):
        desk.feed(PositionRestored(0, login, login, "EURUSD", "buy", 1.0, 1.0))
    desk.feed(QuoteReceived(1, "EURUSD", 1.0, 1.0))
    crossings = desk.feed(QuoteReceived(2, "EURUSD", 0.994, 0.994))
    assert [crossing.login for crossing in crossings] == ["0", "1", "2", "3", "4"]


def test_a_rate_can_cross_an_account_that_holds_another_symbol():
    desk = Desk([instrument("EURGBP"), instrument("GBPUSD")], [account(balance=6_000.0)])
    desk.feed(PositionRestored(0, "1", "1", "EURGBP", "buy", 1.0, 0.90, margin_per_lot=1_000.0))
    desk.feed(QuoteReceived(1, "GBPUSD", 1.0, 1.0), QuoteReceived(1, "EURGBP", 0.86, 0.86))
    assert kinds(desk.feed(QuoteReceived(2, "GBPUSD", 1.3, 1.3))) == ["margin_call"]
