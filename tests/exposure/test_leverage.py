"""Brackets and caps of leverage, as the engine applies them.

Source: semantics.md section 4; science.md section 6 (worked example of a broker's page).
"""

from __future__ import annotations

import math

import pytest

from exposure.export import export_state, restore
from exposure.model.accounts import HedgedMarginMode
from exposure.model.deals import Side
from exposure.model.events import (
    AccountChanged,
    BreakFound,
    DealExecuted,
    LeverageCapDefined,
    LeverageTierDefined,
    PositionRestored,
)
from exposure.model.instruments import CalcMode
from tests.exposure.builders import Desk, account, instrument

TIERS = ((5, 2000), (10, 1000), (20, 500), (50, 200), (100, 100), (None, 50))
PRICE = 1.37615


def tiers(profile="fx", symbol="GBPUSD", brackets=TIERS):
    return [LeverageTierDefined(0, profile, symbol, *bracket) for bracket in brackets]


def desk(*, terms=None, **account_terms):
    defaults = {"leverage": 2000.0, "leverage_profile": "fx", "balance": 1e6}
    made = Desk([instrument("GBPUSD", **(terms or {}))], [account(**(defaults | account_terms))])
    made.feed(*tiers())
    return made


def opened(lots, position="1", side="buy"):
    return DealExecuted(1, position, "1", position, "GBPUSD", side, "in", lots, PRICE)


@pytest.mark.parametrize(
    ("lots", "margin"),
    [(5, 344.04), (10, 1_032.11), (20, 3_784.41), (50, 24_426.66), (100, 93_234.16),
     (110, 120_757.16)],
)  # fmt: skip
def test_each_bracket_of_a_leg_pays_its_own_leverage(lots, margin):
    tested = desk()
    tested.feed(opened(float(lots)))
    assert round(tested.account().margin, 2) == margin


def test_brackets_work_on_the_whole_leg_and_follow_a_partial_close():
    tested = desk()
    tested.feed(opened(6.0, "1"), opened(4.0, "2"))
    assert round(tested.account().margin, 2) == 1_032.11
    tested.feed(DealExecuted(2, "3", "1", "1", "GBPUSD", "sell", "out", 5.0, PRICE))
    assert round(tested.account().margin, 2) == 344.04


def test_a_lower_account_leverage_wins_in_every_bracket():
    tested = desk(leverage=500.0)
    tested.feed(opened(50.0))
    expected = PRICE * 100_000 * (20 / 500 + 30 / 200)
    assert tested.account().margin == pytest.approx(expected)


def test_a_lower_cap_of_the_instrument_wins_in_every_bracket():
    tested = desk(terms={"max_leverage": 30.0})
    tested.feed(opened(50.0))
    assert tested.account().margin == pytest.approx(PRICE * 100_000 * 50 / 30)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (HedgedMarginMode.SUM, 1_032.11 + 344.04),
        (HedgedMarginMode.LARGER_LEG, 1_032.11),
        (HedgedMarginMode.NET, 1_032.11 / 2),
        (HedgedMarginMode.MT4_AVERAGE, (5 + 5 * 0.5) * (1_032.11 + 344.04) / 15),
        (HedgedMarginMode.NET_PLUS_HEDGED, 516.05 + 5 * 0.5 * (1_032.11 + 344.04) / 15),
    ],
)
def test_legs_are_netted_after_their_brackets(mode, expected):
    tested = desk(hedged_margin_mode=mode)
    tested.feed(opened(10.0), opened(5.0, "2", "sell"))
    assert tested.account().margin == pytest.approx(expected, abs=0.02)


def test_an_account_without_the_profile_keeps_its_plain_leverage():
    tested = desk(leverage_profile="", leverage=100.0)
    tested.feed(opened(10.0))
    assert tested.account().margin == pytest.approx(PRICE * 100_000 * 10 / 100)


def test_a_mode_without_leverage_ignores_brackets():
    tested = desk(terms={"calc_mode": CalcMode.CFD, "margin_rate": 0.1})
    tested.feed(opened(10.0))
    assert tested.account().margin == pytest.approx(PRICE * 100_000 * 10 * 0.1)


def test_a_given_margin_per_lot_is_before_leverage():
    tested = desk()
    tested.feed(PositionRestored(0, "1", "1", "GBPUSD", "buy", 10.0, 1.3, margin_per_lot=137_615.0))
    assert round(tested.account().margin, 2) == 1_032.11


def test_brackets_that_come_later_take_over_open_positions_and_may_leave_again():
    tested = Desk([instrument("GBPUSD")], [account(leverage=400.0)])
    tested.feed(opened(10.0))
    assert tested.account().margin == pytest.approx(PRICE * 100_000 * 10 / 400)
    tested.feed(AccountChanged(2, account(leverage=2000.0, leverage_profile="fx")), *tiers())
    assert round(tested.account().margin, 2) == 1_032.11
    tested.feed(AccountChanged(3, account(leverage=100.0)))
    assert tested.account().margin == pytest.approx(PRICE * 100_000 * 10 / 400)


@pytest.mark.parametrize(
    ("tier", "kind"),
    [
        (LeverageTierDefined(0, "fx", "EURUSD", 200.0, 10.0), "unknown_symbol"),
        (LeverageTierDefined(0, "fx", "GBPUSD", 200.0, 10.0), "bad_tier"),
        (LeverageTierDefined(0, "fx", "GBPUSD", 10.0, 2000.0), "bad_tier"),
        (LeverageTierDefined(0, "fx", "GBPUSD", None, 100.0), "bad_tier"),
        (LeverageTierDefined(0, "fx", "GBPUSD", math.inf, 100.0), "bad_tier"),
        (LeverageTierDefined(0, "new", "GBPUSD", 0.0, 10.0), "bad_tier"),
        (LeverageTierDefined(0, "new", "GBPUSD", float("nan"), 10.0), "bad_tier"),
        (LeverageTierDefined(0, "new", "GBPUSD", 1.0, 0.0), "bad_tier"),
        (LeverageTierDefined(0, "", "GBPUSD", 1.0, 10.0), "bad_tier"),
    ],
)
def test_a_bracket_that_cannot_follow_is_refused(tier, kind):
    tested = desk()
    found = [event.kind for event in tested.feed(tier) if isinstance(event, BreakFound)]
    assert found == [kind]
    tested.feed(opened(110.0))
    assert round(tested.account().margin, 2) == 120_757.16


def test_a_contradiction_says_what_is_known_and_what_was_told():
    (found,) = desk().feed(LeverageTierDefined(1, "fx", "GBPUSD", 10.0, 2000.0))
    assert found.reason == (
        "leverage up to 10 lots of GBPUSD in profile fx is 1000 already, was 2000: keep one of them"
    )


def test_brackets_that_are_told_again_change_nothing():
    tested = desk()
    tested.feed(opened(110.0))
    assert tested.feed(*tiers()) == []
    assert round(tested.account().margin, 2) == 120_757.16


@pytest.mark.parametrize("second", [(1.0, 20.0), (0.5, 10.0)])
def test_brackets_of_a_symbol_without_leverage_are_checked_as_well(second):
    tested = Desk([instrument("GBPUSD", calc_mode=CalcMode.CFD)], [account()])
    first = tiers(brackets=[(1.0, 10.0)])
    assert tested.feed(*first, *first) == []
    tested.engine = restore(export_state(tested.engine))
    found = tested.feed(*tiers(brackets=[second]))
    assert [one.kind for one in found] == ["bad_tier"]


def test_a_cap_holds_for_its_region_and_category_and_for_new_positions_only():
    retail = {"leverage": 500.0, "region": "EU", "category": "retail"}
    tested = Desk([instrument("GBPUSD")], [account(**retail), account("2", leverage=500.0)])
    tested.feed(opened(1.0))
    tested.feed(LeverageCapDefined(2, "EU", "retail", "GBPUSD", 30.0))
    assert tested.account().margin == pytest.approx(PRICE * 100_000 / 500)
    tested.feed(opened(1.0, "2"), DealExecuted(3, "9", "2", "9", "GBPUSD", "buy", "in", 1.0, PRICE))
    assert tested.account().margin == pytest.approx(PRICE * 100_000 * (1 / 500 + 1 / 30))
    assert tested.account("2").margin == pytest.approx(PRICE * 100_000 / 500)


def test_an_order_is_asked_for_the_margin_that_it_would_add():
    tested = desk()
    tested.feed(opened(5.0))
    asked = tested.engine.book.margin_of_order(0, 0, Side.BUY, 5.0, PRICE)
    tested.feed(opened(5.0, "2"))
    assert asked == pytest.approx(1_032.11 - 344.04, abs=0.01)
