"""Rollover and corporate actions: what happens to every holder of a symbol at once."""

from __future__ import annotations

import pytest

from exposure.export import export_state, restore
from exposure.model.events import (
    BreakFound,
    DealExecuted,
    DividendPaid,
    HedgeExecuted,
    MarginLevelCrossed,
    PriceAdjusted,
    QuoteReceived,
    RevenueBooked,
    SplitApplied,
    SwapCharged,
    SymbolRenamed,
)
from exposure.model.instruments import CalcMode
from tests.exposure.builders import Desk, account, instrument

SHARE = instrument(
    "ACME", asset_class="share", base="ACME", quote="USD", contract_size=1.0, digits=2,
    calc_mode=CalcMode.CFD, margin_rate=0.2, swap_mode="interest_current", swap_long=-6.5,
    swap_short=1.0,
)  # fmt: skip
EURO = instrument("EURUSD", swap_mode="points", swap_long=-7.2, swap_short=2.1)


def deal(ts, number, side, lots, price, *, symbol="ACME", entry="in", position="1", **cash):
    return DealExecuted(ts, number, "1", position, symbol, side, entry, lots, price, **cash)


def desk(*events, **terms):
    made = Desk([SHARE, EURO], [account(**terms)])
    made.feed(QuoteReceived(1, "ACME", 50.0, 50.1), QuoteReceived(1, "EURUSD", 1.1, 1.1002))
    made.feed(*events)
    return made


def facts(out):
    return {
        event.component: event.amount_micro_usd / 1e6
        for event in out
        if isinstance(event, RevenueBooked)
    }


def broken(out):
    return [event.kind for event in out if isinstance(event, BreakFound)]


# Swap


def test_swap_in_points_accrues_for_the_nights_and_is_paid_by_the_closing_deal():
    tested = desk(deal(2, "1", "buy", 2.0, 1.1, symbol="EURUSD"))
    before = tested.account()
    out = tested.feed(SwapCharged(3, "EURUSD", 3.0))
    assert tested.account().floating - before.floating == pytest.approx(-43.20)
    assert tested.account().balance == before.balance
    assert facts(out) == {"SWAP_CLIENT": 43.2}
    closing = deal(4, "2", "sell", 2.0, 1.1, symbol="EURUSD", entry="out", swap=-43.2)
    out = tested.feed(closing)
    assert facts(out) == {}
    assert tested.account().balance == pytest.approx(before.balance - 43.2)
    assert tested.account().floating == 0.0


def test_what_a_deal_pays_beyond_the_booked_rollovers_is_booked_with_it():
    tested = desk(deal(2, "1", "buy", 2.0, 1.1, symbol="EURUSD"))
    tested.feed(SwapCharged(3, "EURUSD", 1.0))
    out = tested.feed(deal(4, "2", "sell", 1.0, 1.1, symbol="EURUSD", entry="out", swap=-10.0))
    assert facts(out) == {"SWAP_CLIENT": pytest.approx(10.0 - 7.2)}


def test_interest_is_a_360th_of_the_yearly_rate_on_the_current_price():
    tested = desk(deal(2, "1", "buy", 100.0, 49.0))
    before = tested.account().floating
    tested.feed(SwapCharged(3, "ACME", 10.0))
    assert tested.account().floating - before == pytest.approx(-0.065 * 5_000 * 10 / 360)


@pytest.mark.parametrize("mode", ["interest_current", "interest_open"])
def test_interest_on_a_negative_price_is_still_a_charge(mode):
    oil = instrument(
        "WTI", asset_class="energy", base="WTI", quote="USD", contract_size=100.0, digits=2,
        calc_mode=CalcMode.CFD, swap_mode=mode, swap_long=-3.6, allow_negative=True,
    )  # fmt: skip
    tested = Desk([oil], [account()])
    tested.feed(QuoteReceived(1, "WTI", -30.0, -30.0))
    tested.feed(deal(2, "1", "buy", 1.0, -30.0, symbol="WTI"), SwapCharged(3, "WTI", 1.0))
    assert tested.account().floating == pytest.approx(-0.036 * 3_000 / 360)


def test_swap_in_the_margin_currency_of_a_forex_symbol_is_in_its_base():
    euro = instrument("EURUSD", swap_mode="margin_currency", margin_currency="USD", swap_long=-4.0)
    tested = Desk([euro], [account()])
    tested.feed(QuoteReceived(1, "EURUSD", 1.25, 1.25))
    tested.feed(deal(2, "1", "buy", 1.0, 1.25, symbol="EURUSD"), SwapCharged(3, "EURUSD", 1.0))
    assert tested.account().floating == pytest.approx(-4.0 * 1.25)


def test_rates_of_the_event_replace_those_of_the_instrument():
    tested = desk(deal(2, "1", "sell", 1.0, 1.1, symbol="EURUSD"))
    before = tested.account().floating
    tested.feed(SwapCharged(3, "EURUSD", 1.0, -1.0, 4.0))
    assert tested.account().floating - before == pytest.approx(4.0)


def test_a_reopening_mode_shifts_the_open_price():
    euro = instrument("EURUSD", swap_mode="reopen_current", swap_long=-7.2, swap_short=2.1)
    tested = Desk([euro], [account()])
    tested.feed(
        QuoteReceived(1, "EURUSD", 1.1, 1.1), deal(2, "1", "buy", 1.0, 1.1, symbol="EURUSD")
    )
    out = tested.feed(SwapCharged(3, "EURUSD", 1.0))
    assert tested.account().floating == pytest.approx(-7.2)
    position = tested.engine.positions_of_account("1").to_dicts()[0]
    assert position["open_price"] == pytest.approx(1.100072)
    assert facts(out) == {}


def test_a_providers_swap_is_the_houses_at_once():
    tested = desk(HedgeExecuted(2, "H", "LP1", "EURUSD", "buy", 2.0, 1.1))
    out = tested.feed(SwapCharged(3, "EURUSD", 1.0, -5.0, 1.0, "LP1"))
    assert facts(out) == {"SWAP_LP": -10.0}
    assert tested.engine.snapshot().house.realised_usd == pytest.approx(-10.0)
    assert facts(tested.feed(SwapCharged(4, "EURUSD", 1.0, -5.0, 1.0, "LP2"))) == {}


def test_swap_may_cross_a_threshold_on_its_very_event():
    tested = desk(deal(2, "1", "buy", 1.0, 1.1, symbol="EURUSD"), balance=1_140.0)
    out = tested.feed(SwapCharged(3, "EURUSD", 1.0, -50.0, 0.0))
    crossed = [event for event in out if isinstance(event, MarginLevelCrossed)]
    assert [(event.kind, event.ts_event) for event in crossed] == [("margin_call", 3)]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (SwapCharged(3, "XXX", 1.0), "unknown_symbol"),
        (SwapCharged(3, "EURUSD", float("nan")), "bad_action"),
        (SwapCharged(3, "EURUSD", -1.0), "bad_action"),
        (SwapCharged(3, "EURUSD", 1.0, float("inf")), "bad_action"),
        (DividendPaid(3, "ACME", float("nan"), 1.0), "bad_action"),
        (PriceAdjusted(3, "XXX", 1.0, 1.0), "unknown_symbol"),
        (SplitApplied(3, "ACME", 0.0), "bad_action"),
        (SplitApplied(3, "ACME", -2.0), "bad_action"),
        (SplitApplied(3, "XXX", 2.0), "unknown_symbol"),
        (SymbolRenamed(3, "ACME", "EURUSD"), "bad_action"),
        (SymbolRenamed(3, "ACME", " "), "bad_action"),
        (SymbolRenamed(3, "XXX", "YYY"), "unknown_symbol"),
    ],
)
def test_an_action_that_cannot_be_applied_changes_nothing(event, kind):
    tested = desk(deal(2, "1", "buy", 100.0, 49.0))
    before = export_state(tested.engine).tables
    out = tested.feed(event)
    assert broken(out) == [kind]
    after = export_state(tested.engine).tables
    assert (after["positions"]["lots"] == before["positions"]["lots"]).all()
    assert (after["accounts"]["balance"] == before["accounts"]["balance"]).all()
    assert tested.engine.counters["actions"] == 1


def test_an_unknown_swap_mode_and_a_missing_rate_are_refused_whole():
    odd = instrument("EURJPY", swap_mode="by the moon", swap_long=-1.0)
    yen = instrument("GBPJPY", swap_long=-1.0)
    tested = Desk([odd, yen], [account(), account("2", currency="JPY")])
    tested.feed(
        deal(2, "1", "buy", 1.0, 160.0, symbol="GBPJPY"),
        DealExecuted(2, "2", "2", "1", "GBPJPY", "buy", "in", 1.0, 160.0),
    )
    assert broken(tested.feed(SwapCharged(3, "EURJPY", 1.0))) == ["bad_action"]
    assert broken(tested.feed(SwapCharged(3, "GBPJPY", 1.0))) == ["no_rate"]
    assert tested.account("2").floating == 0.0


# Dividends and adjustments


def test_longs_receive_a_dividend_and_shorts_pay_it():
    tested = desk(deal(2, "1", "buy", 100.0, 50.0))
    out = tested.feed(DividendPaid(3, "ACME", 0.25 * 0.85, 0.25))
    assert tested.account().balance == pytest.approx(10_000.0 + 21.25)
    assert facts(out) == {"DIVIDEND_CLIENT": -21.25}
    short = desk(deal(2, "1", "sell", 100.0, 50.0))
    short.feed(DividendPaid(3, "ACME", 0.25 * 0.85, 0.25))
    assert short.account().balance == pytest.approx(10_000.0 - 25.0)


def test_an_adjustment_is_booked_as_a_corporate_action_at_clients_and_provider():
    tested = desk(
        deal(2, "1", "buy", 100.0, 50.0), HedgeExecuted(2, "H", "LP1", "ACME", "sell", 40.0, 50.0)
    )
    out = tested.feed(PriceAdjusted(3, "ACME", 1.5, 1.5))
    assert facts(out) == {"CORPORATE_ACTION": -150.0}
    out = tested.feed(PriceAdjusted(3, "ACME", 1.5, 1.5, "LP1"))
    assert facts(out) == {"CORPORATE_ACTION": -60.0}
    assert tested.engine.snapshot().house.realised_usd == pytest.approx(-210.0)


# Splits and names


def test_a_split_changes_nobodys_money():
    tested = desk(
        deal(2, "1", "buy", 100.0, 49.0), HedgeExecuted(2, "H", "LP1", "ACME", "buy", 40.0, 48.0)
    )
    before, house = tested.account(), tested.engine.snapshot().house
    tested.feed(SplitApplied(3, "ACME", 4.0))
    assert tested.account() == pytest.approx(before)
    assert tested.engine.snapshot().house == house
    row = tested.exposure("ACME")
    assert (row["client_net_lots"], row["lp_net_lots"], row["bid"]) == (400.0, 160.0, 12.5)
    tested.feed(deal(4, "2", "sell", 400.0, 13.0, entry="out"))
    assert tested.account().balance == pytest.approx(10_000.0 + 100 * 3.0)


def test_after_a_new_name_everything_goes_on_under_it():
    tested = desk(deal(2, "1", "buy", 100.0, 49.0, position="ACME"))
    tested.feed(SymbolRenamed(3, "ACME", "APEX"), QuoteReceived(4, "APEX", 60.0, 60.1))
    assert tested.account().floating == pytest.approx(100 * 11.0)
    assert broken(tested.feed(QuoteReceived(5, "ACME", 1.0, 1.0))) == ["unknown_symbol"]
    closing = deal(6, "2", "sell", 100.0, 60.0, symbol="APEX", entry="out", position="APEX")
    assert broken(tested.feed(closing)) == []
    assert tested.account().balance == pytest.approx(10_000.0 + 1_100.0)
    assert [row["symbol"] for row in tested.engine.snapshot().exposure.to_dicts()] == [
        "APEX",
        "EURUSD",
    ]


def test_a_stored_engine_knows_the_new_name_and_the_booked_swap():
    tested = desk(deal(2, "1", "buy", 2.0, 1.1, symbol="EURUSD"))
    tested.feed(SwapCharged(3, "EURUSD", 1.0), SymbolRenamed(3, "EURUSD", "EURUSDx"))
    tested.engine = restore(export_state(tested.engine))
    assert tested.engine.symbol_index("EURUSD") == -1
    closing = deal(4, "2", "sell", 2.0, 1.1, symbol="EURUSDx", entry="out", swap=-14.4)
    assert facts(tested.feed(closing)) == {}


def test_a_disabled_swap_and_no_nights_cost_nothing_even_without_a_rate():
    yen = instrument("GBPJPY", swap_mode="disabled", swap_long=-1.0)
    tested = Desk([yen, EURO], [account()])
    tested.feed(deal(2, "1", "buy", 1.0, 160.0, symbol="GBPJPY"))
    assert tested.feed(SwapCharged(3, "GBPJPY", 1.0)) == []
    assert tested.feed(SwapCharged(3, "EURUSD", 0.0)) == []


def test_a_fact_keeps_the_name_that_its_symbol_had():
    tested = desk(deal(2, "1", "buy", 1.0, 50.0, commission=-1.0))
    tested.feed(SymbolRenamed(3, "ACME", "NEW"))
    tested.feed(deal(4, "2", "buy", 1.0, 50.0, symbol="NEW", position="2", commission=-2.0))
    earned = {row.symbol: row.amount_usd for row in tested.engine.snapshot().revenue}
    assert earned == {"ACME": 1.0, "NEW": 2.0}


def test_a_rename_looks_at_everybody_because_another_symbol_may_convert_now():
    terms = {"base": "EUR", "quote": "USD"}
    pairs = [instrument("EURUSD.a", **terms), instrument("EURUSD.b", **terms)]
    dax = instrument(
        "DAX", asset_class="index", base="DAX", quote="EUR", contract_size=1.0, digits=1,
        calc_mode=CalcMode.CFD,
    )  # fmt: skip
    tested = Desk([*pairs, dax], [account(balance=1_000.0)])
    for symbol, price in (("EURUSD.a", 1.0), ("EURUSD.b", 1.5), ("DAX", 100.0)):
        tested.feed(QuoteReceived(1, symbol, price, price))
    tested.feed(deal(2, "1", "buy", 1.0, 850.0, symbol="DAX"))
    assert tested.account().equity == pytest.approx(250.0)
    out = tested.feed(SymbolRenamed(3, "EURUSD.b", "EURUSD"))
    crossed = [one.kind for one in out if isinstance(one, MarginLevelCrossed)]
    assert tested.account().equity == pytest.approx(-125.0)
    assert "negative_equity" in crossed
