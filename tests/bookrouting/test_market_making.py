"""The quoting dealer: the published table's figures, and that its formulas are what they claim."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookrouting import market_making
from bookrouting.market_making import QuotedPair, Tier, dealer, lambert_w_of_exp
from exposure.errors import DomainError
from exposure.risk.covariance import covariance_of
from tests.thorough import examples

BP = 1e-4
SIZES = (1.0, 5.0, 10.0, 20.0, 50.0)
EUR, GBP, CHF, JPY = range(4)
CROSS = ((-0.5, 3.5), (0.5, 2.5))
TABLE = {
    (EUR, None): ((900, 540, 234, 90, 36), ((-1.9, 11.0), (-0.3, 3.5)), 0.1, 1e-5),
    (GBP, None): ((600, 200, 150, 40, 10), ((-1.4, 5.5), (0.0, 2.0)), 0.15, 1.5e-5),
    (CHF, None): ((420, 140, 105, 28, 7), ((-1.2, 4.5), (0.0, 1.9)), 0.25, 2.5e-5),
    (JPY, None): ((825, 375, 180, 105, 15), ((-1.6, 9.0), (-0.1, 3.0)), 0.1, 1.5e-5),
    (EUR, GBP): ((400, 50, 25, 20, 5), CROSS, 0.25, 3e-5),
    (EUR, CHF): ((400, 50, 25, 20, 5), CROSS, 0.25, 3e-5),
    (EUR, JPY): ((400, 50, 25, 20, 5), CROSS, 0.25, 3e-5),
    (GBP, CHF): ((160, 20, 10, 8, 2), CROSS, 0.4, 5e-5),
    (GBP, JPY): ((160, 20, 10, 8, 2), CROSS, 0.4, 5e-5),
    (CHF, JPY): ((80, 10, 5, 4, 1), CROSS, 0.4, 5e-5),
}
"""Table 1 of arXiv 2207.04100: rates, (alpha, beta per bp) of two tiers, psi and eta in bp."""

SIGMA = np.array([80.0, 70.0, 60.0, 60.0]) * BP
RHO = np.array([[1, 0.6, 0.5, 0.3], [0.6, 1, 0.3, 0.2], [0.5, 0.3, 1, 0.4], [0.3, 0.2, 0.4, 1]])
IMPACT = np.array([5e-3, 7e-3, 8e-3, 6e-3]) * BP
GAMMA = 20.0


def quoted(base, quote):
    rates, tiers, psi, eta = TABLE[base, quote]
    made = tuple(Tier(alpha, beta / BP) for alpha, beta in tiers)
    return QuotedPair(base, quote, SIZES, rates, made, psi * BP, eta * BP)


def one_pair(impact=0.0):
    return dealer([quoted(EUR, None)], np.array([[SIGMA[0] ** 2]]), GAMMA, np.array([impact]))


def five_currencies():
    pairs = [quoted(*key) for key in TABLE]
    return dealer(pairs, covariance_of(SIGMA, RHO), GAMMA, IMPACT)


def test_one_pair_comes_to_the_published_figures():
    found = one_pair()
    pair = found.pairs[0]
    assert found.franchise[0, 0] == pytest.approx(3.638e8, rel=0.001)
    assert found.inventory_value[0, 0] == pytest.approx(9.3786e-7, rel=0.001)
    closed = SIGMA[0] / 2 * math.sqrt(GAMMA / found.franchise[0, 0])
    assert found.inventory_value[0, 0] == pytest.approx(closed)
    assert found.zone(pair, EUR) == pytest.approx(5.33, rel=0.01)
    assert one_pair(IMPACT[0]).zone(pair, EUR) == pytest.approx(7.27, rel=0.01)
    flat = np.zeros(1)
    markups = [found.markup(pair, tier, 1.0, 1, flat) / BP for tier in pair.tiers]
    assert markups == pytest.approx([0.182, 0.393], rel=0.01)


def test_five_currencies_come_to_the_published_zones():
    found = five_currencies()
    pairs = dict(zip(TABLE, found.pairs, strict=True))
    own = [found.zone(pairs[currency, None], currency) for currency in (EUR, GBP, JPY, CHF)]
    assert own == pytest.approx([8.18, 8.33, 10.15, 14.18], rel=0.01)
    crosses = [found.zone(pairs[EUR, other], EUR) for other in (GBP, CHF)]
    assert crosses == pytest.approx([52.97, 40.44], rel=0.01)


def test_the_value_solves_its_equation():
    found = five_currencies()
    a, covariance = found.inventory_value, covariance_of(SIGMA, RHO)
    left = 2.0 * a @ found.franchise @ a
    assert left == pytest.approx(GAMMA / 2.0 * covariance, rel=1e-8, abs=1e-12)
    assert (np.linalg.eigvalsh(a) > 0.0).all()


def test_nothing_is_hedged_inside_the_zone_and_quotes_lean_against_the_inventory():
    found = one_pair()
    pair, tier = found.pairs[0], found.pairs[0].tiers[0]
    edge = found.zone(pair, EUR)
    assert found.hedge_rate(pair, np.array([0.99 * edge])) == 0.0
    assert (
        found.hedge_rate(pair, np.array([1.2 * edge]))
        < 0.0
        < found.hedge_rate(pair, np.array([-1.2 * edge]))
    )
    long = np.array([20.0])
    assert found.markup(pair, tier, 1.0, -1, long) < found.markup(pair, tier, 1.0, 1, long)
    # hedging would push the price more than the inventory costs
    assert one_pair(1e-3 * BP * 100).zone(pair, EUR) == math.inf


@examples(80)
@given(
    alpha=st.floats(-3, 2), beta=st.floats(0.5, 20), cost=st.floats(-2, 2), other=st.floats(-5, 5)
)
def test_no_other_markup_earns_more(alpha, beta, cost, other):
    tier = Tier(alpha, beta)
    best = tier.demand(tier.markup(cost)) * (tier.markup(cost) - cost)
    assert best == pytest.approx(tier.value(cost), rel=1e-9, abs=1e-12)
    assert best >= tier.demand(other) * (other - cost) - 1e-12


@examples(40)
@given(alpha=st.floats(-3, 2), beta=st.floats(0.5, 20), cost=st.floats(-1, 1))
def test_the_curvature_is_the_second_derivative(alpha, beta, cost):
    tier, h = Tier(alpha, beta), 1e-3 / beta
    second = (tier.value(cost + h) - 2 * tier.value(cost) + tier.value(cost - h)) / h**2
    assert tier.curvature(cost) == pytest.approx(second, rel=1e-3, abs=1e-6 * beta)


@pytest.mark.parametrize("w", [1e-300, 1e-9, 0.5, 0.9507, 1.0, 2.0, 35.0, 1e6])
def test_lambert_w_undoes_its_inverse(w):
    assert lambert_w_of_exp(w + math.log(w)) == pytest.approx(w, rel=1e-13)


def test_prices_far_away_overflow_nothing():
    tier = Tier(-1.0, 1e5)
    assert tier.markup(-1.0) == pytest.approx(0.0, abs=2e-4)
    assert (tier.value(1.0), tier.demand(1.0)) == (0.0, 0.0)
    assert doctest.testmod(market_making).failed == 0


def test_a_currency_without_a_pair_is_named():
    with pytest.raises(DomainError, match="in no pair"):
        dealer([quoted(EUR, None)], np.eye(2) * 1e-4, GAMMA)
