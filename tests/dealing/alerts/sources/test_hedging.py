"""Providers that refuse, and hedging that waits for a person."""

from __future__ import annotations

import pytest

from dealing.alerts.model import Action
from dealing.alerts.sources.hedging import hedging_look
from tests.dealing.alerts.sources.made_frames import NOW_US

NOW_MS = 1_768_305_600_000.0


def answer(age_s=10, left=5.0, reason="no liquidity", filled=0.0):
    return {
        "ts_ms": NOW_MS - age_s * 1e3, "key": "hedge:1", "side": "buy", "filled_lots": filled,
        "left_lots": left, "reason": reason,
    }  # fmt: skip


def row(symbol="XAUUSD", lp="LP1", answers=(), **changes):
    known = {
        "symbol": symbol, "lp": lp, "net_lots": -7.0, "centre_lots": 0.0,
        "band_lots": 2.0, "usd_per_lot": 200_000.0, "pause": None, "open": None,
        "answers": list(answers),
    }  # fmt: skip
    return {**known, **changes}


def told(rule, *rows, not_kept=""):
    asked = {"as_of_ms": NOW_MS, "feed_is_live": True, "not_kept": not_kept, "symbols": list(rows)}
    look = hedging_look(asked, NOW_US)
    assert look.measured == {"provider_rejects", "component_down"}
    return [one for one in look.readings if one.rule == rule]


def test_rejects_are_counted_by_provider():
    gold = row(answers=[answer(), answer(20, reason="too late")])
    euro = row("EURUSD", answers=[answer(30)], net_lots=12.0, usd_per_lot=1e5)
    other = row("GBPUSD", lp="LP2", answers=[answer()])

    first, second = told("provider_rejects", gold, euro, other)

    assert (first.subject, first.value, first.at_stake_usd) == ("LP1", 3.0, 2e6)
    assert first.headline == (
        "LP1 refused 3 hedges of EURUSD, XAUUSD within ten minutes, the last one (5 lots XAUUSD) "
        "because no liquidity; 2 M USD wait"
    )
    assert [(one.action, one.symbol) for one in first.offers] == [(Action.HEDGE, "XAUUSD")]
    assert (second.subject, second.value) == ("LP2", 1.0)


@pytest.mark.parametrize(
    "fine",
    [
        row(),
        row(answers=[answer(reason="", left=0.0, filled=5.0)]),
        row(answers=[answer(left=0.0, filled=5.0)]),
        row(answers=[answer(age_s=601)]),
        row(open={"enquiries": 0, "lots": 5.0, "filled_lots": 0.0}),
    ],
)
def test_fills_and_old_rejects_are_no_rejects(fine):
    assert not told("provider_rejects", fine)


def test_a_provider_that_does_not_answer_counts():
    waits = row(open={"enquiries": 2, "lots": 5.0, "filled_lots": 2.0})

    (reading,) = told("provider_rejects", waits)

    assert "(3 lots XAUUSD) because it does not answer" in reading.headline


def test_a_paused_symbol_is_a_part_that_has_stopped():
    (reading,) = told("component_down", row(pause="5 rejects in a row"))

    assert (reading.subject, reading.value, reading.at_stake_usd) == ("hedging of XAUUSD", 2.0, 1e6)
    assert reading.headline == (
        "Hedging of XAUUSD is paused: 5 rejects in a row; 1 M USD wait to be hedged"
    )
    assert reading.symbol == "XAUUSD"


def test_orders_that_cannot_be_kept_are_told():
    (reading,) = told("component_down", not_kept="the disk is full")

    assert (reading.subject, reading.value) == ("hedging", 1.0)


def test_what_lies_inside_the_band_does_not_wait():
    inside = row(answers=[answer()], net_lots=3.0, centre_lots=2.0)

    assert told("provider_rejects", inside)[0].at_stake_usd == 0.0


def test_hedging_that_goes_on_is_quiet():
    assert not told("component_down", row())


def test_a_symbol_without_a_price_breaks_nothing():
    (reading,) = told("provider_rejects", row(answers=[answer()], usd_per_lot=None))

    assert reading.at_stake_usd == 0.0
