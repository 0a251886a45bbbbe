"""The score is the mixture of science.md section 2, and says no more than it knows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookrouting.flow_settings import CHANNELS, HORIZONS, SEEN_CHANNELS, ScoreSettings
from bookrouting.score import (
    FlowSums,
    chance_of_loss,
    channel_weights,
    new_sums,
    score_clients,
)

SETTINGS = ScoreSettings()


def sums_of(weight, mean, trades=40, swap=0.0, breakeven=0.0):
    """Return one client's sums: weights and means of all channels but the swap."""
    weight, mean = (np.broadcast_to(one, (SEEN_CHANNELS,)) for one in (weight, mean))
    return FlowSums(
        np.array([weight], np.float64), np.array([weight * mean], np.float64),
        np.array([trades]), np.array([float(trades)]), np.array([swap * (trades + 3.0)]),
        np.array([breakeven]),
    )  # fmt: skip


def normal(x, variance):
    return math.exp(-x * x / (2.0 * variance)) / math.sqrt(2.0 * math.pi * variance)


def scales(channel, settings=SETTINGS):
    """Return how wide means are without an edge, and with one."""
    if channel in {10, 11}:
        return settings.result_null_sd, settings.result_edge_sd
    horizon = channel % 5 if channel < 10 else channel - 12
    return settings.null_sd[horizon], settings.edge_sd[horizon]


def plainly(weight, mean, trades, swap, settings=SETTINGS):
    """Write the mixture down as science.md does; return P of each channel, edge, odds."""
    factors = []
    needed = max(1.0 - swap, settings.least_edge)
    for k in range(17):
        null, edge = scales(k, settings)
        s2 = 1.0 / weight[k]
        m = max(mean[k], -0.5 * math.sqrt(s2))
        there = normal(m - needed - settings.edge_offset * edge, edge**2 + s2)
        factors.append(math.log(there / normal(m, null**2 + s2)))
    gain = settings.swap_gain * min(max(swap - 1.0, -1.5), 3.0)
    factors = [min(max(one, -12.0), 40.0) for one in factors] + [trades / (trades + 3.0) * gain]
    others = [settings.result_weight, settings.sized_result_weight]
    others += [settings.sized_entry_weight] * 5 + [1.0]
    weights = np.array([1.0] * 5 + list(settings.exit_weights) + others)
    prior = 0.12 * weights / weights.sum()
    odds = prior * np.exp(factors)
    p = odds / (odds.sum() + 0.88)
    precision = 1.0 / settings.null_sd[3] ** 2 + weight[3]
    little = weight[3] * mean[3] / precision
    expected = (1.0 - p.sum() + p[17]) * little
    for k in range(17):
        _, edge = scales(k, settings)
        mu = needed + settings.edge_offset * edge
        found = (mu / edge**2 + weight[k] * mean[k]) / (1.0 / edge**2 + weight[k])
        expected += p[k] * (little + found if 5 <= k < 10 else found)
    return p, expected + swap - 1.0, math.log(odds.sum() / 0.88)


@given(
    st.lists(st.floats(0.05, 60.0), min_size=17, max_size=17),
    st.lists(st.floats(-3.0, 3.0), min_size=17, max_size=17),
    st.floats(-1.0, 4.0),
)
def test_it_is_the_formula_written_plainly(weight, mean, swap):
    weight, mean = np.array(weight), np.array(mean)
    found = score_clients(sums_of(weight, mean, swap=swap))
    p, edge, log_odds = plainly(weight, mean, 40, swap)
    np.testing.assert_allclose(found.p_channel[0], p, rtol=1e-9, atol=1e-15)
    assert found.edge[0] == pytest.approx(edge, rel=1e-9, abs=1e-12)
    assert found.p_model[0] == pytest.approx(p.sum(), rel=1e-9)
    assert found.log_odds[0] == pytest.approx(log_odds, abs=1e-9)


@given(
    st.lists(st.floats(0.0, 1e6), min_size=17, max_size=17),
    st.lists(st.floats(-1e4, 1e4), min_size=17, max_size=17),
    st.floats(-50.0, 50.0),
    st.integers(0, 500),
)
def test_whatever_the_sums_the_answer_is_finite(weight, mean, swap, trades):
    found = score_clients(sums_of(np.array(weight), np.array(mean), trades, swap))
    for name, column in found._asdict().items():
        assert np.isfinite(column).all(), name
    assert 0.0 <= found.p_toxic[0] <= 1.0
    assert found.edge_low[0] <= found.edge[0] <= found.edge_high[0]
    assert 0.0 <= found.p_channel[0].sum() <= 1.0 + 1e-12


def test_a_client_of_few_trades_keeps_the_base_rate():
    found = score_clients(sums_of(50.0, 3.0, trades=4))
    assert found.p_toxic[0] == SETTINGS.prior_toxic
    assert score_clients(new_sums(1)).p_toxic[0] == SETTINGS.prior_toxic
    assert score_clients(sums_of(50.0, 3.0, trades=5)).p_toxic[0] > 0.9


def test_without_its_strongest_channel_a_score_is_lower():
    is_second = np.arange(SEEN_CHANNELS) == 1
    mean = np.where(is_second, 2.0, 0.0)
    whole, part = sums_of(20.0, mean), sums_of(np.where(is_second, 0.0, 20.0), mean)
    assert score_clients(part).p_toxic[0] < 0.5 < score_clients(whole).p_toxic[0]


def test_more_gain_is_never_less_dangerous():
    means = np.linspace(-3.0, 3.0, 61)
    found = [score_clients(sums_of(10.0, [mean] + [0.0] * 16)).p_toxic[0] for mean in means]
    assert np.all(np.diff(found) >= -1e-12)


def test_a_swap_that_pays_for_the_trade_is_an_edge():
    paid, unpaid = (score_clients(sums_of(5.0, 0.0, swap=swap)) for swap in (2.0, 0.0))
    assert paid.p_toxic[0] > 0.8
    assert paid.edge[0] > 0.5
    assert unpaid.p_toxic[0] < 0.1


def test_passing_on_is_judged_against_what_it_earns():
    poor, rich = (score_clients(sums_of(20.0, 0.0, breakeven=one)) for one in (0.0, 1.5))
    assert poor.p_pass_on[0] < 0.1
    assert rich.p_pass_on[0] > 0.9


def test_many_clients_at_once_are_each_client_alone():
    random = np.random.default_rng(1)
    many = FlowSums(
        random.uniform(0.0, 30.0, (50, SEEN_CHANNELS)),
        random.normal(0.0, 20.0, (50, SEEN_CHANNELS)),
        random.integers(0, 100, 50), random.uniform(0.0, 100.0, 50), random.normal(0, 5.0, 50),
        random.normal(0.0, 1.0, 50),
    )  # fmt: skip
    whole = score_clients(many)
    alone = [score_clients(FlowSums(*(column[k : k + 1] for column in many))) for k in range(50)]
    for name, column in whole._asdict().items():
        np.testing.assert_array_equal(column, np.concatenate([getattr(a, name) for a in alone]))
    np.testing.assert_array_equal(whole.score, 100.0 * whole.p_toxic)


def test_the_prior_is_divided_among_all_channels():
    weights = channel_weights(SETTINGS)
    assert len(weights) == CHANNELS == 3 * HORIZONS + 3
    assert weights.sum() == pytest.approx(1.0)


def test_a_loss_over_the_next_trades_is_mostly_noise():
    assert chance_of_loss(0.0, 0.0, 5.0, 50) == pytest.approx(0.5)
    assert chance_of_loss(-1.0, 0.0, 14.2, 50) == pytest.approx(0.31, abs=0.005)
    assert chance_of_loss(0.5, 0.5, 0.0, 50) == pytest.approx(0.841, abs=5e-4)
    assert chance_of_loss(0.5, 0.0, 0.0, 50) == 1.0
