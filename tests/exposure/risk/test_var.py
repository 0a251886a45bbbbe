"""VaR and ES: their figures, how they add up, and what no risk measure may get wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exposure.errors import DomainError
from exposure.risk.var import (
    HOUR_DAYS,
    Tail,
    binomial_pmf,
    component_var,
    filtered_returns,
    filtered_scenario_prices,
    historical_es,
    historical_var,
    historical_var_interval,
    liquidity_adjusted_var,
    portfolio_sd,
    repriced_pnl,
    scenario_prices,
)

SEEDS = st.integers(0, 100_000)
LOSSES = np.arange(1.0, 251.0)
"""1 to 250, so that a figure says which loss it is."""


def book(seed, size=5):
    chance = np.random.default_rng(seed)
    root = chance.normal(size=(size, size)) * 0.005
    return chance.normal(size=size) * 1e6, root @ root.T


# Multiples ----------------------------------------------------------------------------------------


def test_the_multiples_of_a_standard_deviation():
    assert (Tail.NORMAL.var_99, Tail.NORMAL.var_975) == (2.32635, 1.95996)
    assert (Tail.NORMAL.es_99, Tail.NORMAL.es_975) == (2.66521, 2.33780)
    assert (Tail.STUDENT_4.var_99, Tail.STUDENT_4.es_975) == (2.64949, 2.82387)


@pytest.mark.parametrize("tail", list(Tail))
def test_the_multiples_are_those_of_their_distribution(tail):
    # ES is the mean VaR beyond a level, and a level is a tail of the density
    def survival(x):
        if tail is Tail.NORMAL:
            return math.erfc(x / math.sqrt(2)) / 2
        t = x * math.sqrt(2)
        root = t / math.sqrt(1 + t * t / 4)
        return 0.5 - 3 / 8 * root * (1 - t * t / (12 * (1 + t * t / 4)))

    for var, es, share in ((tail.var_99, tail.es_99, 0.01), (tail.var_975, tail.es_975, 0.025)):
        assert survival(var) == pytest.approx(share, rel=1e-4)
        beyond = np.exp(np.linspace(math.log(var), math.log(2_000.0), 40_001))
        tails = np.array([survival(x) for x in beyond])
        mean_excess = np.trapezoid(np.maximum(tails, 0.0), beyond) / share
        assert var + mean_excess == pytest.approx(es, abs=4e-4)


# From a covariance --------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_the_components_add_up_to_the_var(seed):
    weights, covariance = book(seed)
    parts = component_var(weights, covariance, 2.32635)
    assert parts.sum() == pytest.approx(2.32635 * portfolio_sd(weights, covariance), rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.floats(0.001, 1_000.0))
def test_twice_the_book_is_twice_the_risk(seed, times):
    weights, covariance = book(seed)
    once = portfolio_sd(weights, covariance)
    assert portfolio_sd(times * weights, covariance) == pytest.approx(times * once, rel=1e-9)
    assert portfolio_sd(-weights, covariance) == pytest.approx(once)


def test_no_book_no_risk():
    _, covariance = book(1)
    nothing = np.zeros(5)
    assert portfolio_sd(nothing, covariance) == 0.0
    assert component_var(nothing, covariance, 2.3).tolist() == [0.0] * 5
    assert historical_var(np.zeros(100), 0.99) == historical_es(np.zeros(100), 0.99) == 0.0


def test_a_perfect_hedge_leaves_the_rest_of_the_book():
    weights, covariance = book(2)
    hedge = np.zeros(5)
    hedge[3] = -weights[3]
    rest = np.delete(weights, 3)
    smaller = np.delete(np.delete(covariance, 3, 0), 3, 1)
    assert portfolio_sd(weights + hedge, covariance) == pytest.approx(portfolio_sd(rest, smaller))
    assert component_var(weights + hedge, covariance, 2.3)[3] == 0.0
    assert portfolio_sd(weights - weights, covariance) == 0.0


def test_an_hour_has_the_root_of_its_share_of_a_day():
    weights, covariance = book(3)
    day = portfolio_sd(weights, covariance)
    assert portfolio_sd(weights, covariance, HOUR_DAYS) == pytest.approx(day / math.sqrt(24))


def test_liquidity_costs_half_a_stressed_spread_and_the_time_to_sell():
    weights, covariance = np.array([1e6, -2e6]), np.diag([1e-6, 4e-6])
    deep, spread = np.array([1e9, 1e9]), np.array([1e-4, 2e-4])
    plain = 2.0 * portfolio_sd(weights, covariance)
    cost = 2.5 * (1e6 * 1e-4 + 2e6 * 2e-4)
    found = liquidity_adjusted_var(weights, covariance, 2.0, spread, deep)
    assert found == pytest.approx(plain + cost)
    # two hours of a tenth of the depth each, for the second position
    shallow = np.array([1e9, 1e7])
    slow = 2.0 * math.sqrt(1e12 * 1e-6 + 2 * 4e12 * 4e-6)
    found = liquidity_adjusted_var(weights, covariance, 2.0, spread, shallow)
    assert found == pytest.approx(slow + cost)


# From history -------------------------------------------------------------------------------------


def test_a_historical_var_is_the_kth_worst_loss_and_interpolates_between_two():
    assert historical_var(-LOSSES, 0.98) == 246.0  # the 5th worst
    assert historical_var(-LOSSES, 0.99) == 248.5  # between the 2nd and the 3rd
    assert historical_var(-LOSSES, 0.999) == 250.0  # a quarter of one: the worst
    assert historical_var(-LOSSES, 0.0) == 1.0
    assert historical_var(LOSSES, 0.99) == -2.5  # even the worst days gain


def test_a_historical_es_is_the_mean_of_the_worst_with_a_fraction_of_the_last():
    worst_six = 250 + 249 + 248 + 247 + 246 + 245
    assert historical_es(-LOSSES, 0.975) == pytest.approx((worst_six + 0.25 * 244) / 6.25)
    assert historical_es(-LOSSES, 0.98) == pytest.approx(248.0)
    assert historical_es(-LOSSES, 0.999) == 250.0
    assert historical_es(-LOSSES, 0.0) == pytest.approx(125.5)


def test_a_figure_of_no_scenarios_is_refused():
    for figure in (historical_var, historical_es, historical_var_interval):
        with pytest.raises(DomainError, match="at least one scenario"):
            figure(np.zeros(0), 0.99)


@settings(max_examples=200, deadline=None)
@given(SEEDS, st.sampled_from([0.9, 0.95, 0.975, 0.99, 0.993]), st.integers(1, 300))
def test_two_books_together_are_never_worse_than_apart(seed, confidence, days):
    chance = np.random.default_rng(seed)
    one, other = chance.standard_t(2, (2, days))
    together = historical_es(one + other, confidence)
    apart = historical_es(one, confidence) + historical_es(other, confidence)
    assert together <= apart + 1e-9 * abs(apart)
    assert historical_es(one, confidence) >= historical_var(one, confidence) - 1e-12


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.floats(0.01, 100.0), st.floats(-100.0, 100.0))
def test_historical_figures_grow_with_the_book_and_shrink_by_cash(seed, times, cash):
    pnl = np.random.default_rng(seed).standard_t(3, 250)
    for figure in (historical_var, historical_es):
        expected = times * figure(pnl, 0.99) - cash
        assert figure(times * pnl + cash, 0.99) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_repricing_holds_for_crosses_inverse_pairs_and_assets_in_other_currencies():
    # EUR, GBP, JPY, XAU in USD
    now = np.array([1.25, 1.6, 0.01, 1_300.0])
    then = np.array([[1.5, 1.4, 0.012, 1_000.0]])
    eurgbp, usdjpy, xaueur = now[0] / now[1], 1 / now[2], now[3] / now[0]
    for units, gain_usd in (
        ([1e5, -1e5 * eurgbp, 0, 0], 1e5 * (1.5 / 1.4 - eurgbp) * 1.4),
        ([0, 0, -1e5 * usdjpy, 0], 1e5 * (1 / 0.012 - usdjpy) * 0.012),
        ([-100 * xaueur, 0, 0, 100], 100 * (1_000 / 1.5 - xaueur) * 1.5),
    ):
        assert repriced_pnl(np.array(units), now, then) == pytest.approx([gain_usd])


def test_prices_that_may_be_negative_move_by_differences():
    history = np.array([[100.0, 18.27], [110.0, -37.63], [99.0, -30.0]])
    now, absolute = np.array([200.0, 20.0]), np.array([False, True])
    moved = scenario_prices(now, history, absolute)
    assert moved == pytest.approx(np.array([[220.0, 20.0 - 55.90], [180.0, 27.63]]))


def test_filtering_scales_the_past_to_todays_volatility():
    chance = np.random.default_rng(5)
    calm, wild = chance.normal(0, 0.002, 500), chance.normal(0, 0.01, 250)
    returns = np.concatenate([calm, wild])
    filtered = filtered_returns(returns)
    assert len(filtered) == 720
    assert filtered[:470].std() == pytest.approx(filtered[470:].std(), rel=0.25)
    assert historical_var(filtered, 0.99) > 1.5 * historical_var(returns[:500], 0.99)
    history = np.exp(np.cumsum(np.concatenate([[0.0], returns])))[:, None]
    relative = filtered_scenario_prices(np.array([2.0]), history, np.array([False]))
    assert relative[:, 0] == pytest.approx(2.0 * np.exp(filtered))
    history = np.cumsum(np.concatenate([[0.0], returns]))[:, None]
    differences = filtered_scenario_prices(np.array([2.0]), history, np.array([True]))
    assert differences[:, 0] == pytest.approx(2.0 + filtered)


def test_the_interval_of_a_historical_var_holds_the_true_one_as_often_as_it_says():
    chance, inside = np.random.default_rng(7), 0
    for pnl in chance.standard_normal((2_000, 500)):
        low, high = historical_var_interval(pnl, 0.99)
        assert low <= historical_var(pnl, 0.99) <= high
        inside += low <= Tail.NORMAL.var_99 <= high
    assert 0.95 <= inside / 2_000 <= 0.985


def test_with_few_scenarios_nobody_knows_the_upper_end():
    low, high = historical_var_interval(-LOSSES, 0.99)
    assert (low, high) == (244.0, math.inf)
    assert historical_var_interval(-LOSSES[:5], 0.5) == (-math.inf, math.inf)


def test_binomial_chances_add_up():
    chances = binomial_pmf(250, 0.01)
    assert chances.sum() == pytest.approx(1.0, rel=1e-12)
    assert chances[0] == pytest.approx(0.99**250)
