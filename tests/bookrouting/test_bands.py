"""Bands: the worked figures, the exact costs against simulation, and what a live flow gives."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookrouting.bands import (
    Flow,
    Price,
    band_at,
    band_for,
    drift_band,
    edge_band,
    flat_band,
    ticket_band,
    ticket_band_at,
)
from bookrouting.flow_rates import DAY_NS, FlowRates
from exposure.errors import DomainError
from tests.thorough import examples

TRADES, SIZE = 4000.0, 0.1
FLOW = Flow(TRADES * SIZE**2)
PRICE = Price(variance=0.006**2, risk_aversion=2.0, cost=0.3e-4)
"""4,000 trades a day of 0.1 M USD; 60 bp a day, 0.3 bp a hedge, gamma 2 per M USD. Unit: M USD."""


def simulated(low, high, low_target, high_target, days=400, seed=3, drift=0.0, fee=0.0):
    """The daily cost and mean square of a band that finite trades run through."""
    chance = np.random.default_rng(seed)
    n = int(days * TRADES)
    steps = chance.choice([-SIZE, SIZE], n, p=[0.5 - drift, 0.5 + drift])
    q, held, hedged, tickets = 0.0, 0.0, 0.0, 0
    for step in steps.tolist():
        q += step
        if q > high + 1e-9:
            hedged, tickets, q = hedged + q - high_target, tickets + 1, high_target
        elif q < low - 1e-9:
            hedged, tickets, q = hedged + low_target - q, tickets + 1, low_target
        held += q * q
    mean_square = held / n
    cost = PRICE.weight * mean_square / 2 + (PRICE.cost * hedged + fee * tickets) / days
    return cost, mean_square


def test_the_cube_root_rule_comes_to_its_worked_figures():
    band = edge_band(FLOW, PRICE)
    assert band.half_width == pytest.approx(2.924, abs=5e-4)
    assert band.cost == pytest.approx(3.078e-4, abs=5e-8)
    assert band.variance == pytest.approx(2.850, abs=5e-4)
    assert band.cost == pytest.approx(0.75 * PRICE.cost * FLOW.variance / band.half_width)


def test_flattening_is_wider_and_a_quarter_dearer():
    edge, flat = edge_band(FLOW, PRICE), flat_band(FLOW, PRICE)
    assert flat.half_width / edge.half_width == pytest.approx(4 ** (1 / 3))
    assert flat.half_width / edge.half_width == pytest.approx(1.587, abs=5e-4)
    assert flat.cost / edge.cost == pytest.approx(2 ** (1 / 3))
    flatter = ticket_band_at(FLOW, PRICE, 1.5 * edge.half_width, 0.0)
    assert flatter.cost == pytest.approx(3.88e-4, rel=5e-3)


@pytest.mark.parametrize(
    ("times", "measured"),
    [(0.4, 5.07), (0.6, 3.70), (0.8, 3.21), (1.0, 3.10), (1.2, 3.23), (1.5, 3.74), (2.0, 5.21)],
)
def test_the_formula_follows_the_simulated_table(times, measured):
    # the table's trades of 0.1 M overshoot a side by half of one, which widens a narrow band
    half = times * edge_band(FLOW, PRICE).half_width
    assert band_at(FLOW, PRICE, half).cost * 1e4 == pytest.approx(measured, rel=0.05)
    assert band_at(FLOW, PRICE, half + SIZE / 2).cost * 1e4 == pytest.approx(measured, rel=0.02)


@pytest.mark.parametrize("times", [0.6, 1.0, 1.5])
def test_a_simulated_desk_pays_what_the_formula_says(times):
    half = times * edge_band(FLOW, PRICE).half_width
    cost, mean_square = simulated(-half, half, -half, half)
    assert cost == pytest.approx(band_at(FLOW, PRICE, half).cost, rel=0.05)
    assert mean_square == pytest.approx(half**2 / 3, rel=0.08)


def test_a_simulated_desk_that_flattens_pays_what_the_formula_says():
    half = 1.5 * edge_band(FLOW, PRICE).half_width
    assert simulated(-half, half, 0.0, 0.0)[0] == pytest.approx(3.88e-4, rel=0.05)


def test_a_ticket_fee_widens_the_band_and_moves_the_target_in():
    fee = 2e-5
    price = PRICE._replace(ticket_cost=fee)
    best = ticket_band(FLOW, price)
    assert best.half_width > edge_band(FLOW, PRICE).half_width > best.high_target > 0.0
    cost, _ = simulated(best.low, best.high, best.low_target, best.high_target, fee=fee)
    assert cost == pytest.approx(best.cost, rel=0.05)


@examples(60)
@given(
    fee=st.floats(1e-8, 1e-3),
    cost=st.floats(0.0, 1e-3),
    half=st.floats(0.1, 30.0),
    inner=st.floats(0.0, 0.99),
)
def test_no_other_band_and_target_is_cheaper(fee, cost, half, inner):
    price = PRICE._replace(ticket_cost=fee, cost=cost)
    best = ticket_band(FLOW, price)
    assert best.cost <= ticket_band_at(FLOW, price, half, inner * half).cost * (1 + 1e-9)


def test_without_a_fee_the_target_is_the_edge_and_without_a_spread_it_is_zero():
    tiny = ticket_band(FLOW, PRICE._replace(ticket_cost=1e-12))
    assert tiny.half_width == pytest.approx(edge_band(FLOW, PRICE).half_width, rel=2e-2)
    assert tiny.high_target == pytest.approx(tiny.high, rel=2e-2)
    free = ticket_band(FLOW, PRICE._replace(ticket_cost=1e-5, cost=0.0))
    assert free.high_target == pytest.approx(0.0, abs=1e-4 * free.high)


def test_an_informed_price_moves_the_band_by_its_drift_over_the_risk():
    drift = 3e-5
    shifted = drift_band(FLOW, PRICE._replace(drift=drift))
    assert shifted.centre == pytest.approx(drift / PRICE.weight, rel=1e-3)
    assert shifted.half_width == pytest.approx(edge_band(FLOW, PRICE).half_width, rel=1e-3)


def test_without_a_direction_the_search_finds_the_cube_root():
    band = drift_band(FLOW, PRICE)
    assert band.half_width == pytest.approx(edge_band(FLOW, PRICE).half_width, rel=1e-4)
    assert (band.centre, band.cost) == pytest.approx((0.0, edge_band(FLOW, PRICE).cost), abs=1e-4)


def test_flow_with_a_direction_is_hedged_earlier_on_the_side_it_pushes_to():
    share = 0.01
    flow = FLOW._replace(drift=2 * share * TRADES * SIZE)
    band = drift_band(flow, PRICE)
    assert band.high < edge_band(FLOW, PRICE).half_width < -band.low
    cost, _ = simulated(band.low, band.high, band.low, band.high, drift=share)
    assert cost == pytest.approx(band.cost, rel=0.05)
    half = edge_band(FLOW, PRICE).half_width
    assert cost < simulated(-half, half, -half, half, drift=share)[0]


def test_flow_that_returns_by_itself_is_never_hedged():
    sd = math.sqrt(FLOW.variance / (2 * 40.0))
    assert edge_band(FLOW, PRICE).half_width > 2.5 * sd
    never = band_for(FLOW._replace(reversion=40.0), PRICE)
    assert (never.low, never.high, never.hedged) == (-math.inf, math.inf, 0.0)
    assert never.cost == pytest.approx(PRICE.weight * sd**2 / 2)
    assert band_for(FLOW._replace(reversion=10.0), PRICE) == edge_band(FLOW, PRICE)


def test_a_band_cannot_be_found_without_risk():
    with pytest.raises(DomainError, match="flow's variance must be above 0"):
        edge_band(Flow(0.0), PRICE)
    with pytest.raises(DomainError, match="risk aversion"):
        edge_band(FLOW, PRICE._replace(risk_aversion=0.0))


def watched(days=6, seed=5, sd=0.006, per_day=2000, size=2.0, up=0.5):
    """The rates of a desk that was watched: random trades, and a price every five minutes."""
    chance, rates = np.random.default_rng(seed), FlowRates()
    mid, step = 1.1, 300_000_000_000
    for k in range(days * 288):
        mid *= math.exp(chance.normal(0.0, sd / math.sqrt(288)))
        rates.take_price(1 + k * step, mid, 0.3e-4 * mid)
        for _ in range(chance.poisson(per_day / 288)):
            side = 1.0 if chance.random() < up else -1.0
            rates.take_trade(1 + k * step, side * float(chance.uniform(0.5, 1.5)) * size)
    return rates


def test_a_live_flow_gives_the_rates_it_was_made_with():
    rates = watched()
    flow, price = rates.flow(), rates.price(110_000.0, 2e-6)
    assert rates.trades_per_day == pytest.approx(2000, rel=0.05)
    assert rates.mean_lots == pytest.approx(2.0, rel=0.03)
    assert flow.variance == pytest.approx(2000 * 4.0 * 13 / 12, rel=0.06)
    assert flow.drift == 0.0
    assert math.sqrt(price.variance) / 110_000.0 == pytest.approx(0.006, rel=0.05)
    assert price.cost == pytest.approx(0.3e-4 * 110_000.0)
    assert band_for(flow, price).half_width > 0.0


def test_a_live_flow_with_a_direction_says_so():
    flow = watched(days=3, up=0.6).flow()
    assert flow.drift == pytest.approx(2000 * 2.0 * 0.2, rel=0.15)


def test_before_enough_was_seen_nothing_is_said():
    rates = watched(days=1, per_day=10)
    assert rates.flow() is None
    assert rates.price(110_000.0, 2e-6) is None


def test_what_was_kept_goes_on_the_same_and_a_clock_set_back_passes_no_time():
    rates = watched(days=1)
    other = FlowRates.restored(msgspec.json.decode(msgspec.json.encode(rates.export())))
    for one in (rates, other):
        one.take_trade(2 * DAY_NS, 3.0)
        before = one.watched_days
        one.take_trade(DAY_NS, math.nan)
        one.take_trade(DAY_NS, 1.0)
        one.take_price(DAY_NS, math.nan, 1.0)
        assert one.watched_days == before
    assert rates.export() == other.export()
