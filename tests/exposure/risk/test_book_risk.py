"""The book's VaR live: a prior first, then what five-minute moves have shown."""

from __future__ import annotations

import math

import numpy as np
import pytest

from exposure.export import export_state, restore
from exposure.model.events import (
    ClockTicked,
    DealExecuted,
    DividendPaid,
    EventBatch,
    HedgeExecuted,
    InstrumentDefined,
    LpPositionRestored,
    QuoteReceived,
    SplitApplied,
    SymbolRenamed,
)
from exposure.model.instruments import CalcMode
from exposure.risk.book_risk import PRIOR_OBSERVATIONS, prior_correlation
from exposure.risk.factors import INTERVAL_NS, factor_map
from exposure.risk.var import Tail
from exposure.snapshot import CovarianceSource
from tests.dealing.storage.broker_days import state_of
from tests.exposure.builders import Desk, account, instrument

Z = Tail.NORMAL.var_99
SHARE = {"asset_class": "share", "calc_mode": CalcMode.CFD, "contract_size": 1.0, "digits": 2}
APPLE = instrument("AAPL", base="AAPL", quote="USD", **SHARE)
OIL = instrument("WTI", base="WTI", quote="USD", allow_negative=True,
                 **(SHARE | {"asset_class": "energy"}))  # fmt: skip
GOLD = instrument("XAUEUR", **(SHARE | {"asset_class": "metal"}))
PAIRS = [instrument(name) for name in ("EURUSD", "GBPUSD", "EURGBP", "USDJPY")]
PRICES = {"EURUSD": 1.25, "GBPUSD": 1.6, "EURGBP": 0.78125, "USDJPY": 100.0, "AAPL": 200.0,
          "WTI": 20.0, "XAUEUR": 1_000.0}  # fmt: skip


def quote(ts, symbol, price):
    return QuoteReceived(ts, symbol, price, price)


def held(symbol, lots):
    """A position of the house itself, at its provider."""
    return LpPositionRestored(0, "LP", symbol, "buy" if lots > 0 else "sell", abs(lots), 1.0)


def desk(*positions, instruments=None):
    made = Desk([*PAIRS, APPLE, OIL, GOLD] if instruments is None else instruments, [account()])
    quotes = [quote(1, i.symbol, PRICES[i.symbol]) for i in made.engine.book.instruments]
    made.feed(*[held(*position) for position in positions], *quotes)
    return made


def parts(tested):
    exposure = tested.engine.snapshot().exposure
    return dict(exposure.select("symbol", "var_contribution_usd").iter_rows())


def risk(tested):
    return tested.engine.snapshot().risk


def passing(tested, moves, start=0):
    """Let five minutes pass per row of log moves, one column per symbol."""
    names = list(moves)
    for k, row in enumerate(np.array(list(moves.values())).T.tolist()):
        ts = (start + k + 1) * INTERVAL_NS
        for name, move in zip(names, row, strict=True):
            price = float(tested.engine.book.prices.bid[tested.engine.symbol_index(name)])
            tested.feed(quote(ts - 1, name, price * math.exp(move)))
        tested.feed(ClockTicked(ts))


# Factors ------------------------------------------------------------------------------------------


def test_symbols_are_long_their_base_or_asset_and_short_their_quote():
    cash = instrument("US500.cash", base="USD", quote="USD", **(SHARE | {"asset_class": "index"}))
    future = instrument("SPX500", base="USD", quote="USD", **(SHARE | {"asset_class": "index"}))
    factors = factor_map([*PAIRS, cash, future, GOLD], ["GBP"])
    assert factors.names == ["GBP", "EUR", "JPY", "US500", "XAU"]
    assert factors.classes == ["fx", "fx", "fx", "index", "metal"]
    assert factors.symbols == [[], [], [], [4, 5], [6]]
    assert factors.asset.tolist() == [1, 0, 1, 5, 3, 3, 4]
    assert factors.quote.tolist() == [5, 5, 0, 2, 5, 5, 1]


def test_an_asset_is_priced_by_a_usd_symbol_if_there_is_one():
    gold = instrument("XAUUSD", **(SHARE | {"asset_class": "metal"}))
    factors = factor_map([GOLD, gold])
    assert factors.symbols[factors.names.index("XAU")] == [1, 0]


# The prior ----------------------------------------------------------------------------------------


def test_before_anything_is_known_the_prior_of_the_class_is_used_and_named():
    tested = desk(("EURUSD", 2.0))
    found = risk(tested)
    assert found.source is CovarianceSource.PRIOR
    assert (found.prior_weight_ratio, found.observations, found.sampled_at) == (1.0, 0, 0)
    assert found.sd_usd == pytest.approx(250_000 * 0.006)
    assert found.var_usd == pytest.approx(Z * 1_500)
    assert found.es_usd == pytest.approx(2.33780 * 1_500)
    assert found.fat_tailed_var_usd == pytest.approx(2.64949 * 1_500)
    assert found.fat_tailed_es_usd == pytest.approx(2.82387 * 1_500)
    assert found.hour_var_usd == pytest.approx(Z * 1_500 / math.sqrt(24))
    assert parts(tested)["EURUSD"] == pytest.approx(Z * 1_500)


@pytest.mark.parametrize(
    ("symbol", "lots", "daily_usd"),
    [
        ("AAPL", 100.0, 20_000 * 0.02),
        ("WTI", -1_000.0, 20_000 * 0.012),
        ("USDJPY", 1.0, 100_000 * 0.006),
        # a cross of two currencies that are correlated one half is as risky as each of them
        ("EURGBP", 1.0, 125_000 * 0.006),
        # gold in euros: long gold, short what it costs, correlated 0.2
        ("XAUEUR", 100.0, 125_000 * math.sqrt(0.01**2 + 0.006**2 - 0.4 * 0.01 * 0.006)),
    ],
)
def test_every_kind_of_symbol_has_the_prior_of_its_factors(symbol, lots, daily_usd):
    tested = desk((symbol, lots))
    assert risk(tested).sd_usd == pytest.approx(daily_usd)
    assert parts(tested)[symbol] == pytest.approx(Z * daily_usd)


def test_assumed_correlations_belong_to_some_book():
    correlation = prior_correlation(["fx", "fx", "share", "", "crypto", "crypto"])
    assert correlation[0, 1] == correlation[4, 5] == 0.5
    assert correlation[0, 2] == correlation[3, 4] == 0.2
    assert np.linalg.eigvalsh(correlation).min() > 0.0


# The parts ----------------------------------------------------------------------------------------


def test_the_symbols_parts_add_up_to_the_books_var():
    tested = desk(("EURUSD", 3.0), ("GBPUSD", -2.0), ("EURGBP", 1.0), ("AAPL", 50.0),
                  ("XAUEUR", -20.0), ("USDJPY", 0.05))  # fmt: skip
    found = parts(tested)
    assert sum(found.values()) == pytest.approx(risk(tested).var_usd, rel=1e-12)
    assert min(found.values()) < 0.0
    assert found["WTI"] == 0.0


def test_a_hedge_takes_the_risk_away_and_a_triangle_closes():
    tested = desk(("EURUSD", 1.0))
    tested.feed(HedgeExecuted(2, "h1", "LP", "EURUSD", "sell", 1.0, 1.25))
    assert risk(tested).var_usd == 0.0
    assert set(parts(tested).values()) == {0.0}
    closed = desk(("EURUSD", -1.0), ("EURGBP", 1.0), ("GBPUSD", 0.78125))
    assert risk(closed).var_usd == pytest.approx(0.0, abs=1e-6)


def test_clients_positions_count_from_the_houses_side():
    tested = desk()
    tested.feed(DealExecuted(2, "d", "1", "p", "EURUSD", "buy", "in", 0.1, 1.25))
    assert risk(tested).sd_usd == pytest.approx(12_500 * 0.006)


def test_symbols_without_a_price_have_no_part_and_are_counted():
    lone = instrument("AUDNZD")
    tested = Desk([PAIRS[0], lone], [account()])
    tested.feed(quote(1, "EURUSD", 1.25), held("EURUSD", 1.0))
    tested.feed(DealExecuted(2, "d", "1", "p", "AUDNZD", "buy", "in", 1.0, 1.1))
    assert parts(tested) == {"EURUSD": pytest.approx(Z * 750), "AUDNZD": None}
    assert risk(tested).unpriced_symbols == 1


def test_an_empty_engine_has_no_risk():
    empty = Desk()
    assert (risk(empty).var_usd, risk(empty).source) == (0.0, CovarianceSource.PRIOR)
    assert risk(desk()).var_usd == 0.0


# What is measured ---------------------------------------------------------------------------------


def test_moves_take_the_priors_place_as_they_come():
    chance = np.random.default_rng(3)
    tested = desk(("EURUSD", 1.0), ("GBPUSD", -1.0), instruments=PAIRS[:2])
    sd = np.array([0.012, 0.003]) / math.sqrt(288)
    common = chance.standard_normal(3_000)
    moves = np.stack([common, 0.8 * common + 0.6 * chance.standard_normal(3_000)]) * sd[:, None]
    seen = []
    for first, last in ((0, 100), (100, 600), (600, 3_000)):
        passing(tested, {"EURUSD": moves[0, first:last], "GBPUSD": moves[1, first:last]}, first)
        seen.append(risk(tested))
    # the first sample has nothing to compare with
    assert [one.observations for one in seen] == [99, 599, 2_999]
    assert [one.source.value for one in seen] == ["prior", "mixed", "measured"]
    weights = [PRIOR_OBSERVATIONS / (PRIOR_OBSERVATIONS + n) for n in (99, 599, 2_999)]
    assert [one.prior_weight_ratio for one in seen] == pytest.approx(weights)
    prices = tested.engine.book.prices
    held_usd = np.array([1e5, -1e5]) * prices.bid[:2]
    true = held_usd * [0.012, 0.003] @ [[1, 0.8], [0.8, 1]] @ (held_usd * [0.012, 0.003])
    assert seen[-1].sd_usd == pytest.approx(math.sqrt(true), rel=0.1)
    found = parts(tested)
    assert sum(found.values()) == pytest.approx(seen[-1].var_usd)


def test_factors_are_sampled_once_per_five_minutes_and_only_by_the_clock():
    tested = desk(("EURUSD", 1.0))
    sampler = tested.engine.factors
    tested.feed(quote(9 * INTERVAL_NS, "EURUSD", 1.3))
    assert sampler.samples == 0
    tested.feed(*[ClockTicked(9 * INTERVAL_NS + k) for k in range(5)])
    assert (sampler.samples, sampler.sampled_at) == (1, 9 * INTERVAL_NS)
    tested.feed(ClockTicked(8 * INTERVAL_NS), ClockTicked(10 * INTERVAL_NS - 1))
    assert sampler.samples == 1
    tested.feed(ClockTicked(10 * INTERVAL_NS))
    assert sampler.samples == 2


def test_a_market_that_is_closed_is_not_observed_as_calm():
    tested = desk(("EURUSD", 1.0))
    passing(tested, {"EURUSD": np.full(50, 0.001)})
    before = risk(tested)
    tested.feed(*[ClockTicked(k * INTERVAL_NS) for k in range(51, 400)])
    assert risk(tested) == before.__class__(
        **{
            name: getattr(before, name) for name in before.__struct_fields__ if name != "sampled_at"
        },
        sampled_at=399 * INTERVAL_NS,
    )
    # the gap is longer than a day: it is no move, the next one is
    passing(tested, {"EURUSD": [0.2, 0.001]}, start=400)
    assert risk(tested).observations == before.observations + 1
    assert risk(tested).sd_usd < 0.01 * 125_000 * 1.3


@pytest.mark.parametrize(
    ("jump", "factor"),
    [(SplitApplied(0, "AAPL", 4.0), 0.25), (DividendPaid(0, "AAPL", 40, 40), 0.8)],
)
def test_a_price_that_jumps_without_a_gain_is_no_move(jump, factor):
    tested = desk(("AAPL", 100.0))
    passing(tested, {"AAPL": np.full(20, 0.001)})
    count = int(tested.engine.factors.moments.counts.max())
    tested.feed(type(jump)(20 * INTERVAL_NS + 1, *list(_fields(jump))[1:]))
    tested.feed(ClockTicked(21 * INTERVAL_NS))
    passing(tested, {"AAPL": [math.log(factor), 0.001]}, start=21)
    moments = tested.engine.factors.moments
    assert moments.counts.max() == count + 1
    assert np.sqrt(np.nanmax(moments.daily_variance())) < 0.03


def _fields(event):
    return (getattr(event, name) for name in event.__struct_fields__)


def test_oil_below_zero_moves_by_differences():
    tested = desk(("WTI", 1_000.0), instruments=[OIL])
    path = [20.0, 18.0, 10.0, 0.0, -37.0, -10.0]
    for k, price in enumerate(path):
        ts = (k + 1) * INTERVAL_NS
        tested.feed(quote(ts - 1, "WTI", price), ClockTicked(ts))
    differences = np.diff(path)
    measured = 288 * (differences**2).mean()
    weight = 288 / 293
    prior = (0.012 * 10.0) ** 2
    expected = 1_000 * math.sqrt(weight * prior + (1 - weight) * measured)
    assert risk(tested).sd_usd == pytest.approx(expected, rel=0.01)
    assert parts(tested)["WTI"] == pytest.approx(Z * expected, rel=0.01)


def test_absurd_prices_are_no_observation_and_no_error():
    tested = desk(("EURUSD", 1.0), ("AAPL", 1.0))
    for k, price in enumerate((1e-300, 1e300, 1e-308, 1.0)):
        ts = (k + 1) * INTERVAL_NS
        tested.feed(quote(ts - 1, "AAPL", price), quote(ts - 1, "EURUSD", price), ClockTicked(ts))
        tested.engine.snapshot()
    assert math.isfinite(risk(tested).sd_usd)


# The state ----------------------------------------------------------------------------------------


def stream():
    """Return a day of quotes, ticks, new symbols, a split and a new name, as single events."""
    chance = np.random.default_rng(9)
    events = [InstrumentDefined(0, one) for one in (*PAIRS, APPLE, OIL)]
    events += [quote(1, i.symbol, PRICES[i.symbol]) for i in (*PAIRS, APPLE, OIL)]
    events += [held("EURUSD", 2.0), held("AAPL", 10.0), held("WTI", -5.0), held("EURGBP", -1.0)]
    names, prices = [*PRICES][:6], dict(PRICES)
    for k in range(1, 40):
        ts = k * INTERVAL_NS
        for name in chance.permutation(names)[:4].tolist():
            prices[name] *= math.exp(chance.normal(0, 0.001))
            events.append(quote(ts - 10, name, prices[name]))
        if k == 12:
            events += [InstrumentDefined(ts - 9, GOLD), quote(ts - 9, "XAUEUR", 1_000.0)]
            events.append(SplitApplied(ts - 8, "AAPL", 2.0))
        if k == 20:
            events.append(SymbolRenamed(ts - 8, "AAPL", "APPL"))
            names[names.index("AAPL")], prices["APPL"] = "APPL", prices.pop("AAPL")
        events += [ClockTicked(ts - 7), ClockTicked(ts)]
    return events


def test_an_engine_that_was_stored_goes_on_as_one_that_never_stopped():
    events, batches = stream(), []
    whole = Desk()
    whole.feed(*events)
    expected, snapshot = state_of(whole.engine), whole.engine.snapshot()
    for stop in range(0, len(events), 7):
        first = Desk()
        first.feed(*events[:stop])
        first.engine.snapshot()  # looking changes nothing
        second = restore(export_state(first.engine))
        assert state_of(second) == state_of(first.engine)
        second.apply(EventBatch(len(events), 0, events))
        assert state_of(second) == expected
        batches.append(second.snapshot())
    assert all(one.risk == snapshot.risk for one in batches)
    assert all(one.exposure.equals(snapshot.exposure) for one in batches)
    assert snapshot.risk.observations > 0


def test_what_is_stored_is_a_copy():
    tested = desk(("EURUSD", 1.0))
    passing(tested, {"EURUSD": [0.001, 0.002]})
    kept = export_state(tested.engine)
    before = {name: column.copy() for name, column in kept.tables["factors"].items()}
    passing(tested, {"EURUSD": [0.01] * 5}, start=2)
    for name, column in before.items():
        assert list(kept.tables["factors"][name]) == list(column)
