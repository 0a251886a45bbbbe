"""Hedging one exposure by another: the worked figures of the hedging literature, and costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exposure.risk.covariance import covariance_of
from exposure.risk.cross_hedge import hedge_with_costs, least_variance_hedge, soft_threshold
from exposure.risk.var import Tail, component_var, portfolio_sd

COVARIANCE = covariance_of(np.array([0.006, 0.007]), np.array([[1.0, 0.6], [0.6, 1.0]]))
"""EUR and GBP against USD: 60 and 70 basis points a day, correlated 0.6."""

EURUSD = np.array([[1.0], [0.0]])
MILLIONS = np.array([5.5, -0.5])


def left_after(exposure, hedge):
    return portfolio_sd(exposure + EURUSD @ hedge, COVARIANCE)


def test_one_pair_hedges_two_currencies_better_than_flattening_its_own():
    hedge = least_variance_hedge(MILLIONS, EURUSD, COVARIANCE)
    assert hedge == pytest.approx([-5.15])
    assert portfolio_sd(MILLIONS, COVARIANCE) == pytest.approx(0.031027, abs=5e-7)
    assert left_after(MILLIONS, hedge) == pytest.approx(0.002800, abs=5e-7)
    assert left_after(MILLIONS, np.array([-5.5])) == pytest.approx(0.003500, abs=5e-7)


def test_costs_leave_a_part_of_the_hedge_undone():
    cost, risk_aversion = np.array([0.3e-4]), 2.0
    assert cost[0] / (risk_aversion * COVARIANCE[0, 0]) == pytest.approx(0.41667, abs=5e-6)
    hedge = hedge_with_costs(MILLIONS, EURUSD, COVARIANCE, cost, risk_aversion)
    assert hedge == pytest.approx([-4.7333], abs=5e-5)
    assert hedge_with_costs(MILLIONS, EURUSD, COVARIANCE, 20 * cost, risk_aversion) == [0.0]


def test_ten_euros_against_eight_pounds():
    weights = np.array([10.0, -8.0])
    parts = component_var(weights, COVARIANCE, Tail.NORMAL.var_99)
    assert portfolio_sd(weights, COVARIANCE) == pytest.approx(0.0520, abs=1e-12)
    assert parts == pytest.approx([0.070864, 0.050106], abs=5e-7)
    assert parts.sum() == pytest.approx(0.120970, abs=5e-7)


def test_pounds_hedged_by_euros_keep_what_correlation_cannot_reach():
    pounds = np.array([0.0, -8.0])
    hedge = least_variance_hedge(pounds, EURUSD, COVARIANCE)
    assert hedge == pytest.approx([5.6])
    share = left_after(pounds, hedge) ** 2 / portfolio_sd(pounds, COVARIANCE) ** 2
    assert share == pytest.approx(0.64)


def test_a_limit_holds_and_a_second_instrument_takes_over():
    both = np.eye(2)
    costs, most = np.full(2, 1e-6), np.array([1.0, 10.0])
    hedge = hedge_with_costs(MILLIONS, both, COVARIANCE, costs, 2.0, most)
    assert hedge[0] == -1.0
    assert hedge[1] != 0.0
    assert hedge_with_costs(MILLIONS, both, COVARIANCE, np.zeros(2), 2.0) == pytest.approx(
        -MILLIONS
    )


def test_instruments_without_risk_and_twins_are_no_trouble():
    twins = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert least_variance_hedge(MILLIONS, twins, COVARIANCE) == pytest.approx([-2.575, -2.575, 0.0])
    hedge = hedge_with_costs(MILLIONS, twins, COVARIANCE, np.zeros(3), 1.0)
    assert hedge.sum() == pytest.approx(-5.15)


@pytest.mark.parametrize(("value", "moved"), [(5.0, 4.5), (-5.0, -4.5), (0.5, 0.0), (-0.2, 0.0)])
def test_the_soft_threshold(value, moved):
    assert soft_threshold(value, 0.5) == moved


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_no_small_change_of_the_trades_is_better(seed):
    chance = np.random.default_rng(seed)
    root = chance.normal(size=(4, 4)) * 0.01
    covariance, exposure = root @ root.T + 1e-6 * np.eye(4), chance.normal(size=4)
    instruments, costs = chance.normal(size=(4, 3)), chance.uniform(0.0, 1e-4, 3)

    def objective(hedge):
        rest = exposure + instruments @ hedge
        return rest @ covariance @ rest + costs @ np.abs(hedge)

    best = hedge_with_costs(exposure, instruments, covariance, costs, 2.0)
    for change in chance.normal(size=(40, 3)) * 10.0 ** -chance.uniform(1, 5, (40, 1)):
        assert objective(best) <= objective(best + change) + 1e-12
