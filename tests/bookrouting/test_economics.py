"""What flow is worth, how much to keep of it, and what learning it costs: the worked figures."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookrouting import economics, hedging
from bookrouting.bands import Flow, Price, edge_band
from bookrouting.economics import (
    HedgedRevenue,
    Internalisation,
    ProviderCost,
    hedge_rate,
    hedge_ratio,
    hedge_regret_bound,
    hedge_weights,
    kept_revenue,
    kept_share,
    leader_regret,
    probability_hedged_is_better,
    risk_aversion_from_cost,
    risk_aversion_from_var,
    routed,
    sampled_provider,
    shrunk_stale,
    wrong_decisions,
)
from exposure.errors import DomainError
from tests.thorough import examples


@pytest.mark.parametrize("module", [economics, hedging])
def test_the_examples_in_the_text_are_true(module):
    assert doctest.testmod(module).failed == 0


def test_a_latency_picker_costs_money_in_both_books():
    # pips per trade, as simulated: 1.0 hedged for a normal client, -1.44 for a stale-price picker
    normal = HedgedRevenue(markup=1.0)
    picker = HedgedRevenue(markup=1.0, stale=2.44)
    assert (normal.expected, picker.expected) == (1.0, pytest.approx(-1.44))
    assert kept_revenue(1.77) == -1.77
    costs = HedgedRevenue(1.4, 0.5, lp_commission=0.2, lp_slippage=0.1, reject_cost=0.05)
    assert costs.expected == pytest.approx(1.55)


def test_how_much_of_a_flow_to_keep():
    assert kept_share(-1.4, 1.0, 1.0, 1.0) == pytest.approx(0.4)
    assert kept_share(-1.4, 1.0, 1.0, 1.0, -0.2) == pytest.approx(0.6)
    assert hedge_ratio(0.4) == pytest.approx(0.6)
    assert kept_share(-1.4, 1.0, 1.0, 0.0) == 1.0
    assert kept_share(-0.9, 1.0, 1.0, 0.0) == 0.0
    assert (kept_share(-9.0, 1.0, 1.0, 1.0), kept_share(9.0, 1.0, 1.0, 1.0)) == (1.0, 0.0)


@examples(60)
@given(
    edge=st.floats(-5, 5), a=st.floats(-5, 5), variance=st.floats(0.01, 9),
    gamma=st.floats(0.01, 9), k=st.floats(-5, 5), other=st.floats(0, 1),
)  # fmt: skip
def test_no_other_share_is_worth_more(edge, a, variance, gamma, k, other):
    def worth(w):
        return w * -edge + (1 - w) * a - gamma / 2 * (w**2 * variance + 2 * w * k)

    assert worth(kept_share(edge, a, variance, gamma, k)) >= worth(other) - 1e-9


def test_risk_aversion_comes_from_a_cost_or_from_a_limit():
    assert risk_aversion_from_cost(500.0, 1e8) == pytest.approx(1e-5)
    with pytest.raises(DomainError, match="variance must be above 0"):
        risk_aversion_from_cost(500.0, 0.0)
    sigma, psi, s2 = 0.006, 0.3e-4, 40e12
    gamma = risk_aversion_from_var(20_000.0, psi, s2, sigma)
    band = edge_band(Flow(s2), Price(sigma**2, gamma, psi))
    assert 2.32635 * sigma * math.sqrt(band.variance) == pytest.approx(20_000.0)
    with pytest.raises(DomainError, match="VaR limit"):
        risk_aversion_from_var(0.0, psi, s2, sigma)


def test_staleness_is_believed_by_how_often_it_was_seen():
    assert [shrunk_stale(2.0, n) for n in (0, 5, 95)] == [0.0, 1.0, 1.9]


def test_a_client_switches_on_evidence_and_back_only_when_it_is_gone():
    assert probability_hedged_is_better(0.3, 0.5, 0.0) == pytest.approx(0.7257, abs=5e-5)
    assert probability_hedged_is_better(0.3, 0.3, 0.0, 0.4) == pytest.approx(0.7257, abs=5e-5)
    assert [probability_hedged_is_better(e, 0.0, 1.0) for e in (-2.0, -1.0, 0.0)] == [0.0, 0.5, 1.0]
    hedged, path = False, []
    for p in (0.7, 0.81, 0.6, 0.41, 0.39, 0.79):
        hedged = routed(p, was_hedged=hedged)
        path.append(hedged)
    assert path == [False, True, True, True, False, False]


@examples(80)
@given(
    half=st.floats(0.1, 3), shock=st.floats(0.1, 5), phi=st.floats(0.0, 1), p=st.floats(0, 1),
    q=st.floats(-20, 20), side=st.sampled_from([-1, 1]),
)  # fmt: skip
def test_a_trade_is_kept_exactly_where_keeping_it_gains(half, shock, phi, p, q, side):
    rule = Internalisation(half, shock, phi)
    gain = rule.gain(p, q, side)
    if abs(gain) > 1e-9:
        assert rule.keeps(p, q, side) == (gain > 0.0)


def test_one_buy_from_a_flat_and_from_a_long_house():
    rule = Internalisation(half_spread=0.5, price_shock=2.0, inventory_penalty=0.1)
    assert rule.cut == pytest.approx(0.2)
    assert rule.gain(0.3, 2.0, 1) == pytest.approx(0.5 - 0.6 - 0.1 + 0.4)
    assert not rule.keeps(0.3, 0.0, 1)
    assert rule.keeps(0.3, 2.0, 1)  # long already: a client's buy brings it down
    assert not rule.keeps(0.3, 2.0, -1)


def test_following_the_leader_errs_seldom_and_cheaply():
    assert (wrong_decisions(0.4, 6.0), leader_regret(0.4, 6.0)) == pytest.approx((112.5, 45.0))
    assert (wrong_decisions(2.0, 6.0), leader_regret(2.0, 6.0)) == pytest.approx((4.5, 9.0))
    assert (wrong_decisions(0.0, 6.0), leader_regret(0.0, 6.0)) == (math.inf, 0.0)


def test_a_simulated_leader_errs_as_often_as_the_integral_says():
    chance = np.random.default_rng(8)
    sums = np.cumsum(chance.normal(0.4, 6.0, (400, 4000)), axis=1)
    wrong = (sums < 0.0).sum(axis=1).mean()
    assert wrong == pytest.approx(wrong_decisions(0.4, 6.0), rel=0.15)


def test_multiplicative_weights_keep_their_promise_against_any_payoffs():
    chance, rounds = np.random.default_rng(2), 400
    for payoffs in (
        chance.uniform(0.0, 1.0, (rounds, 3)),
        np.eye(3)[np.arange(rounds) % 3],
        np.repeat(np.eye(3), [150, 150, 100], axis=0),
    ):
        earned, totals = 0.0, np.zeros(3)
        for row in payoffs:
            earned += hedge_weights(totals, hedge_rate(3, rounds), 1.0) @ row
            totals += row
        regret = totals.max() - earned
        assert regret <= hedge_regret_bound(3, rounds, 1.0) == pytest.approx(14.82, abs=0.01)


PRIOR = ProviderCost("", 5, 0.5, 1.0)


def test_the_cheap_provider_gets_most_and_the_dear_one_is_never_written_off():
    chance, truth = np.random.default_rng(4), {"cheap": 0.2, "dear": 0.8}
    seen: dict[str, list[float]] = {name: [] for name in truth}
    for _ in range(1500):
        providers = [
            ProviderCost(n, len(x), float(np.mean(x or [0.0])), float(np.var(x or [0.0])))
            for n, x in seen.items()
        ]
        name = sampled_provider(providers, chance.random(2).tolist(), chance.random(), PRIOR)
        seen[name].append(float(chance.normal(truth[name], 1.0)))
    assert 0.015 < len(seen["dear"]) / 1500 < 0.15


def test_exploration_takes_the_least_tried_and_cannot_be_switched_off():
    few, many = ProviderCost("few", 3, 9.0, 1.0), ProviderCost("many", 900, 0.1, 1.0)
    assert sampled_provider([few, many], [0.5, 0.5], 0.0199, PRIOR, 0.0) == "few"
    assert sampled_provider([few, many], [0.5, 0.5], 0.0201, PRIOR, 0.0) == "many"
    near = ProviderCost("near", 3, 0.6, 1.0)
    assert sampled_provider([near, many], [0.02, 0.98], 0.5, PRIOR) == "near"
    with pytest.raises(DomainError, match="no provider"):
        sampled_provider([], [], 0.5, PRIOR)
