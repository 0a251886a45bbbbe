"""Limits are judged at ticks of the clock, fire once per severity, and re-arm well below."""

from __future__ import annotations

import pytest

from exposure.export import export_state, restore
from exposure.limits import LimitRule, Scope
from exposure.model.events import (
    BreakFound,
    ClockTicked,
    DealExecuted,
    LimitBreached,
    LimitSet,
    QuoteReceived,
    SymbolRenamed,
)
from exposure.settings import EngineSettings
from tests.exposure.builders import SECOND, Desk, account, instrument


def desk(*rules, **terms):
    pairs = [instrument("EURUSD", **terms), instrument("GBPUSD")]
    settings = EngineSettings(limits=rules)
    made = Desk(pairs, [account(balance=1e6), account("2", client_id="c1")], settings)
    made.feed(QuoteReceived(1, "EURUSD", 1.1, 1.1), QuoteReceived(1, "GBPUSD", 1.3, 1.3))
    return made


def traded(tested, lots, ts, *, symbol="EURUSD", side="buy", login="1"):
    """Let a client trade and the clock tick a second later; return the breaches."""
    number = str(tested.engine.position)
    deal = DealExecuted(ts, number, login, number, symbol, side, "in", lots, 1.1)
    out = tested.feed(deal, ClockTicked(ts + SECOND))
    return [
        (event.scope, event.name, event.severity)
        for event in out
        if isinstance(event, LimitBreached)
    ]


def test_an_instruments_limit_warns_softly_first_and_then_fires_hard():
    tested = desk(limit_usd=1_000_000.0)
    assert traded(tested, 7.0, 2 * SECOND) == []
    assert traded(tested, 1.0, 4 * SECOND) == [("symbol", "EURUSD", "soft")]
    assert traded(tested, 0.5, 6 * SECOND) == []
    assert traded(tested, 1.0, 8 * SECOND) == [("symbol", "EURUSD", "hard")]
    assert traded(tested, 1.0, 10 * SECOND) == []


def test_it_fires_again_only_after_the_value_was_well_below():
    tested = desk(limit_usd=1_100_000.0)
    assert traded(tested, 10.0, 2 * SECOND) == [("symbol", "EURUSD", "hard")]
    assert traded(tested, 0.3, 4 * SECOND, side="sell") == []
    assert traded(tested, 0.3, 6 * SECOND) == []
    assert traded(tested, 1.0, 8 * SECOND, side="sell") == []
    assert traded(tested, 1.0, 10 * SECOND) == [("symbol", "EURUSD", "hard")]


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        (Scope.SYMBOL, "EURUSD"),
        (Scope.UNDERLYING, "EURUSD"),
        (Scope.CURRENCY, "EUR"),
        (Scope.ASSET_CLASS, "fx"),
        (Scope.CLIENT, "c1"),
    ],
)
def test_every_scope_can_be_limited(scope, name):
    tested = desk(LimitRule(scope=scope, name=name, soft_usd=100_000.0))
    assert traded(tested, 0.5, 2 * SECOND) == []
    assert traded(tested, 0.5, 4 * SECOND) == [(scope.value, name, "soft")]


def test_a_client_is_limited_by_the_gross_of_all_its_logins():
    tested = desk(LimitRule(scope=Scope.CLIENT, name="c1", hard_usd=200_000.0, soft_usd=200_000.0))
    assert traded(tested, 1.0, 2 * SECOND) == []
    assert traded(tested, 1.0, 4 * SECOND, side="sell", login="2") == [("client", "c1", "hard")]


def test_a_limit_may_be_set_live_and_taken_away():
    tested = desk(limit_usd=100_000.0)
    tested.feed(LimitSet(2, "symbol", "EURUSD"), LimitSet(2, "asset_class", "fx", None, 150_000.0))
    assert traded(tested, 1.0, 3 * SECOND) == []
    assert traded(tested, 1.0, 5 * SECOND) == [("asset_class", "fx", "hard")]
    rows = tested.engine.snapshot().limits.to_dicts()
    assert [(row["scope"], row["name"], row["severity"]) for row in rows] == [
        ("asset_class", "fx", "hard")
    ]
    assert rows[0]["used_ratio"] == pytest.approx(220_000 / 150_000)


@pytest.mark.parametrize(
    "wrong",
    [
        LimitSet(2, "planet", "Mars", 1.0, 2.0),
        LimitSet(2, "symbol", "EURUSD", -1.0, 2.0),
        LimitSet(2, "symbol", "EURUSD", 3.0, 2.0),
        LimitSet(2, "symbol", "EURUSD", None, float("nan")),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(wrong):
    tested = desk(limit_usd=100_000.0)
    out = tested.feed(wrong)
    assert [event.kind for event in out if isinstance(event, BreakFound)] == ["bad_limit"]
    assert traded(tested, 1.0, 3 * SECOND) == [("symbol", "EURUSD", "hard")]


def test_a_limit_that_was_taken_away_fires_when_it_is_set_again():
    tested = desk()
    tested.feed(LimitSet(2, "asset_class", "fx", None, 100_000.0))
    assert traded(tested, 1.0, 3 * SECOND) == [("asset_class", "fx", "hard")]
    again = LimitSet(5, "asset_class", "fx", None, 100_000.0)
    tested.feed(again)
    assert traded(tested, 1.0, 5 * SECOND) == []
    tested.feed(LimitSet(6, "asset_class", "fx"), again)
    assert traded(tested, 1.0, 7 * SECOND) == [("asset_class", "fx", "hard")]


@pytest.mark.parametrize("configured", [True, False])
def test_the_limit_of_a_symbol_follows_its_new_name(configured):
    rule = LimitRule(scope=Scope.SYMBOL, name="EURUSD", hard_usd=200_000.0, soft_usd=50_000.0)
    tested = desk(rule) if configured else desk()
    if not configured:
        tested.feed(LimitSet(1, "symbol", "EURUSD", 50_000.0, 200_000.0))
    assert traded(tested, 1.0, 2 * SECOND) == [("symbol", "EURUSD", "soft")]
    tested.feed(SymbolRenamed(3 * SECOND, "EURUSD", "EURUSD.x"))
    tested.engine = restore(export_state(tested.engine), tested.engine.settings)
    assert traded(tested, 0.1, 4 * SECOND, symbol="EURUSD.x") == []
    assert traded(tested, 1.0, 6 * SECOND, symbol="EURUSD.x") == [("symbol", "EURUSD.x", "hard")]


def test_a_stored_engine_remembers_what_was_set_and_what_has_fired():
    tested = desk(limit_usd=100_000.0)
    tested.feed(LimitSet(2, "asset_class", "fx", 150_000.0))
    assert traded(tested, 1.0, 3 * SECOND) == [("symbol", "EURUSD", "hard")]
    tested.engine = restore(export_state(tested.engine), tested.engine.settings)
    assert traded(tested, 1.0, 5 * SECOND) == [("asset_class", "fx", "soft")]


def test_limits_are_judged_at_most_once_in_an_interval():
    tested = desk(limit_usd=100_000.0)
    tested.feed(ClockTicked(5 * SECOND))
    deal = DealExecuted(5 * SECOND, "1", "1", "1", "EURUSD", "buy", "in", 1.0, 1.1)
    out = tested.feed(deal, ClockTicked(5 * SECOND + SECOND // 2))
    assert not any(isinstance(event, LimitBreached) for event in out)
    out = tested.feed(ClockTicked(6 * SECOND))
    assert [event.severity for event in out if isinstance(event, LimitBreached)] == ["hard"]


def test_breaches_stay_for_the_screen_and_survive_a_restart():
    tested = desk(limit_usd=1_000_000.0)
    traded(tested, 8.0, 2 * SECOND)
    (breach,) = tested.engine.snapshot().breaches
    assert (breach.name, breach.severity) == ("EURUSD", "soft")
    assert restore(export_state(tested.engine)).snapshot().breaches == [breach]
