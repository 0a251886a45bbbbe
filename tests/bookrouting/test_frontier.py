"""The price of safety, what netting saves, and the ticket a dealer is shown."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookrouting.frontier import hedge_frontier, knee, netting_saving
from bookrouting.tickets import ProviderQuote, suggested_ticket
from exposure.errors import DomainError
from exposure.model.deals import Side
from exposure.risk.covariance import covariance_of
from tests.thorough import examples

COVARIANCE = covariance_of(np.array([0.006, 0.007]), np.array([[1.0, 0.6], [0.6, 1.0]]))
MILLIONS = np.array([5.5, -0.5])
EURUSD = np.array([[1.0], [0.0]])
BOTH = np.eye(2)
COSTS = np.array([0.3e-4, 0.5e-4])
AVERSIONS = np.geomspace(0.02, 200.0, 41).tolist()
TRIANGLE = np.array([[1.0, 0.0, 1.0], [-1.0, 1.0, 0.0]])
"""EURGBP, GBPUSD and EURUSD in EUR and GBP."""


def test_a_point_of_the_frontier_is_the_worked_hedge():
    (point,) = hedge_frontier(MILLIONS, EURUSD, COVARIANCE, COSTS[:1], [2.0])
    assert point.hedge == pytest.approx([-4.7333], abs=5e-5)
    assert point.cost_usd == pytest.approx(0.3e-4 * 4.7333, rel=1e-4)
    assert point.var_usd == pytest.approx(2.32635 * point.sd_usd)


def test_safety_costs_more_and_more_and_the_knee_lies_between():
    points = hedge_frontier(MILLIONS, BOTH, COVARIANCE, COSTS, AVERSIONS)
    costs, risks = [p.cost_usd for p in points], [p.var_usd for p in points]
    assert costs == sorted(costs)
    assert risks == sorted(risks, reverse=True)
    best = knee(points)
    assert costs[0] < best.cost_usd < costs[-1]
    # before the knee a USD buys more VaR than after it
    k = points.index(best)
    before = (risks[0] - risks[k]) / (costs[k] - costs[0])
    assert before > 2.0 * (risks[k] - risks[-1]) / (costs[-1] - costs[k])


def test_limits_hold_along_the_frontier_and_a_flat_one_has_no_knee():
    most = np.array([1.0, 1.0])
    points = hedge_frontier(MILLIONS, BOTH, COVARIANCE, COSTS, AVERSIONS, most)
    assert all(np.abs(p.hedge).max() <= 1.0 for p in points)
    idle = hedge_frontier(MILLIONS, BOTH, COVARIANCE, COSTS, [1e-6, 1e-5])
    assert knee(idle) is idle[0]
    with pytest.raises(DomainError, match="no knee"):
        knee([])


def test_two_legs_that_are_one_pair_are_closed_as_one():
    # long 5 M EURGBP and 5 M GBPUSD are long 5 M EURUSD
    cost = np.array([0.5e-4, 0.3e-4, 0.1e-4])
    saving = netting_saving(np.array([5.0, 5.0, 0.0]), TRIANGLE, cost)
    assert saving.singly_usd == pytest.approx(5 * 0.8e-4)
    assert saving.net_usd == pytest.approx(5 * 0.1e-4)
    assert saving.net == pytest.approx([0.0, 0.0, -5.0])
    assert saving.saved_usd == pytest.approx(5 * 0.7e-4)


@examples(60)
@given(
    legs=st.lists(st.floats(-10, 10), min_size=3, max_size=3),
    costs=st.lists(st.floats(1e-6, 1e-3), min_size=3, max_size=3),
    along=st.floats(-20, 20),
)
def test_no_other_trades_with_the_same_result_are_cheaper(legs, costs, along):
    legs, cost = np.array(legs), np.array(costs)
    saving = netting_saving(legs, TRIANGLE, cost)
    assert TRIANGLE @ (legs + saving.net) == pytest.approx([0.0, 0.0], abs=1e-7)
    # a round trip through the triangle changes no exposure
    other = saving.net + along * np.array([1.0, 1.0, -1.0])
    assert saving.net_usd <= cost @ np.abs(other) + 1e-9
    assert saving.saved_usd >= 0.0


def test_too_many_instruments_are_refused():
    with pytest.raises(DomainError, match="too many"):
        netting_saving(np.zeros(60), np.ones((8, 60)), np.zeros(60))


QUOTES = [
    ProviderQuote("near", 1.09999, 1.10001, 0, depth_lots=5.0),
    ProviderQuote("deep", 1.09998, 1.10002, 0),
    ProviderQuote("charges", 1.10000, 1.10000, 0, commission_usd_per_lot=6.0),
    ProviderQuote("old", 1.0, 1.0, 10**12),
    ProviderQuote("silent", math.nan, math.nan, 0),
]


def ticket(side=Side.SELL, lots=51.5, quotes=QUOTES):
    return suggested_ticket(
        "EURUSD", side, lots, quotes, 100_000.0, MILLIONS * 1e6, np.array([1e5, 0.0]), COVARIANCE,
        stale_after_ns=2_000_000_000,
    )  # fmt: skip


def test_a_ticket_says_what_it_costs_and_what_it_saves():
    made = ticket()
    assert (made.lp, made.cost_usd) == ("deep", pytest.approx(51.5 * 2.0))
    assert made.var_before_usd == pytest.approx(2.32635 * 31_027, rel=1e-4)
    assert made.var_after_usd == pytest.approx(2.32635 * 2_800, rel=1e-4)
    assert made.sentence == (
        "Sell 51.5 lots of EURUSD at deep: costs 103 USD, saves 65,665 USD of daily VaR "
        "(from 72,179 to 6,514)"
    )
    assert ticket(lots=5.0).lp == "near"
    assert "ADDS" in ticket(side=Side.BUY).sentence


def test_without_a_provider_there_is_no_ticket_but_a_reason():
    with pytest.raises(DomainError, match="no provider quotes EURUSD"):
        ticket(quotes=QUOTES[3:])
    with pytest.raises(DomainError, match="5 is the most"):
        ticket(quotes=QUOTES[:1])
