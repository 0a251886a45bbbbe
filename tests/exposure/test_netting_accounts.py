"""A netting account has one position per symbol, named after it; a hedging account has many."""

from __future__ import annotations

import pytest

from exposure.model.accounts import HedgedMarginMode
from exposure.model.events import BreakFound, DealExecuted, QuoteReceived
from tests.exposure.builders import Desk, account, instrument


def desk(**terms):
    made = Desk([instrument("EURUSD")], [account(**terms)])
    made.feed(QuoteReceived(1, "EURUSD", 1.2, 1.2))
    return made


def deal(number, side, entry, lots, price, position="EURUSD"):
    return DealExecuted(2, str(number), "1", position, "EURUSD", side, entry, lots, price)


def held(tested):
    rows = tested.engine.positions_of_account("1").to_dicts()
    return [(row["position_id"], row["side"], row["lots"], row["open_price"]) for row in rows]


def test_deals_of_one_side_average_into_the_one_position():
    tested = desk()
    tested.feed(deal(1, "buy", "in", 1.0, 1.10), deal(2, "buy", "in", 3.0, 1.14))
    assert held(tested) == [("EURUSD", "buy", 4.0, pytest.approx(1.13))]


def test_a_reversal_closes_the_position_and_opens_the_rest_on_the_other_side():
    tested = desk()
    tested.feed(deal(1, "buy", "in", 1.0, 1.10), deal(2, "sell", "inout", 1.5, 1.15))
    assert held(tested) == [("EURUSD", "sell", pytest.approx(0.5), 1.15)]
    assert tested.account().balance == pytest.approx(10_000.0 + 5_000.0)
    assert tested.account().margin == pytest.approx(0.5 * 100_000 * 1.15 / 100)


def test_a_reversal_of_exactly_what_is_open_only_closes():
    tested = desk()
    tested.feed(deal(1, "buy", "in", 1.0, 1.10), deal(2, "sell", "inout", 1.0, 1.15))
    assert held(tested) == []
    assert tested.account().margin == 0.0


def test_an_opening_against_the_one_position_is_a_break_on_a_netting_account():
    tested = desk()
    out = tested.feed(deal(1, "buy", "in", 1.0, 1.10), deal(2, "sell", "in", 1.0, 1.15))
    assert [event.kind for event in out if isinstance(event, BreakFound)] == ["overclose"]


def test_a_hedging_account_keeps_both_sides_and_pays_for_the_pair_by_its_mode():
    tested = desk(hedged_margin_mode=HedgedMarginMode.NET_PLUS_HEDGED)
    tested.feed(deal(1, "buy", "in", 1.0, 1.10, "P1"), deal(2, "sell", "in", 1.0, 1.10, "P2"))
    assert [row[:3] for row in held(tested)] == [("P1", "buy", 1.0), ("P2", "sell", 1.0)]
    assert tested.account().margin == pytest.approx(0.5 * 1_100.0)


def test_closing_by_takes_each_leg_with_a_deal_of_its_own():
    tested = desk()
    tested.feed(
        deal(1, "buy", "in", 1.0, 1.10, "P1"),
        deal(2, "sell", "in", 0.4, 1.15, "P2"),
        deal(3, "sell", "out_by", 0.4, 1.15, "P1"),
        deal(4, "buy", "out_by", 0.4, 1.15, "P2"),
    )
    assert held(tested) == [("P1", "buy", pytest.approx(0.6), 1.10)]
    assert tested.account().balance == pytest.approx(10_000.0 + 0.4 * 100_000 * 0.05)
