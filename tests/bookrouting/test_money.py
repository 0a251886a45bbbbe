"""What a client really brought, to the cent: the golden trade of semantics.md section 8."""

import math

import pytest

from bookrouting.flow_view import FlowView
from bookrouting.held import HeldPositions, Parts
from bookrouting.money import NOTHING, Rates, booked, floating_usd, with_floating
from tests.bookrouting.flow_days import deal, instrument, played, quotes_of

GOLDEN = [
    deal(10, 1, price=1.10006, raw_price=1.10002, position_id="P", commission=-3.0),
    deal(
        50, 2, side="sell", entry="out", price=1.10097, raw_price=1.10100, position_id="P",
        commission=-3.0, swap=-7.2,
    ),
]  # fmt: skip


def test_the_golden_trade_brings_what_it_brings():
    money = FlowView(played(quotes_of([1.1] * 99, range(99)), GOLDEN)).money()["1"]
    assert money.deals == 2
    assert money.markup_usd == pytest.approx(7.0)
    assert money.commission_usd == pytest.approx(6.0)
    assert money.swap_usd == pytest.approx(7.2)
    assert money.kept_usd == pytest.approx(-77.8)
    assert money.passed_usd == pytest.approx(13.0)
    assert money.volume_usd == pytest.approx(110_006 + 110_097)
    assert money.kept_usd_per_million == pytest.approx(-77.8 / 0.220103)


def test_an_open_position_counts_at_its_closing_side():
    money = FlowView(played(quotes_of([1.1] * 50 + [1.2], range(51)), GOLDEN[:1])).money()["1"]
    assert money.floating_usd == pytest.approx(-(1.19995 - 1.10006) * 1e5)
    assert money.kept_usd == pytest.approx(money.floating_usd + 3.0)


def test_a_profit_that_the_platform_booked_is_believed():
    parts = Parts(1.0, None, 0.0)
    told = deal(50, 2, side="sell", entry="out", price=1.2, profit=12.5)
    assert booked(NOTHING, told, parts, instrument(), Rates(2.0, 1.0)).realised_usd == -25.0


def test_without_a_rate_a_deal_is_unpriced_and_in_no_sum():
    parts = Parts(0.0, None, 1.0)
    found = booked(NOTHING, deal(1, 1), parts, instrument(), Rates(1.0, math.nan))
    assert found == NOTHING._replace(deals=1, unpriced=1)
    assert NOTHING.kept_usd_per_million is None
    assert with_floating({}, {"1": [math.nan, 2.0]})["1"].unpriced == 1


def test_a_house_that_keeps_a_position_has_its_other_side():
    held = HeldPositions()
    assert held.apply(deal(1, 1, side="sell", lots=2.0, price=1.1), 0) == Parts(0.0, None, 2.0)
    (one,) = held.open.values()
    assert floating_usd(one, 1.09, instrument(), 1.0) == pytest.approx(-2_000.0)


def test_adding_to_a_position_makes_a_mean_price_and_closing_leaves_it():
    held = HeldPositions()
    held.apply(deal(1, 1, price=1.0, position_id="P"), 0)
    held.apply(deal(2, 2, price=1.2, lots=3.0, position_id="P"), 0)
    parts = held.apply(deal(3, 3, side="sell", entry="out", position_id="P"), 0)
    assert parts.held.open_price == pytest.approx(1.15)
    (left,) = held.open.values()
    assert (left.lots, left.open_price) == pytest.approx((3.0, 1.15))
    assert held.apply(deal(4, 4, side="buy", entry="out", position_id="P"), 0) is None
    assert held.apply(deal(4, 5, side="sell", entry="out", position_id="P"), 1) is None
    held.apply(deal(5, 6, side="sell", entry="out", lots=3.0, position_id="P"), 0)
    assert not held.open
