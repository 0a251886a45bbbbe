"""An alarm may be asked for after every trade and still keeps its word."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookrouting.evidence import e_bh, e_process, log_e_value


def test_an_e_value_is_the_mixture_of_bets_that_it_stands_for():
    n, total, prior = 12.0, 7.5, 5.0
    edges = np.linspace(0.0, 6.0, 600_001)
    density = 2.0 * np.sqrt(prior / (2.0 * np.pi)) * np.exp(-prior * edges**2 / 2.0)
    mixed = np.trapezoid(density * np.exp(edges * total - n * edges**2 / 2.0), edges)
    assert math.exp(log_e_value(n, total, prior)) == pytest.approx(mixed, rel=1e-6)


def test_before_any_trade_an_e_value_is_one():
    assert log_e_value(0.0, 0.0, 5.0) == pytest.approx(0.0, abs=1e-12)


@given(st.floats(0.0, 1e6), st.floats(-5.0, 5.0))
def test_e_values_are_finite_and_grow_with_the_gain(count, mean):
    low = log_e_value(count, mean * count, 5.0)
    high = log_e_value(count, (mean + 0.01) * count, 5.0)
    assert math.isfinite(low)
    assert high >= low - 1e-9 * abs(low)


def test_the_far_tail_meets_the_near_one():
    at = [log_e_value(95.0, 10.0 * x, 5.0) for x in (-9.999999, -10.000001)]
    assert at[0] == pytest.approx(at[1], abs=1e-6)


def test_clients_without_an_edge_rarely_ever_alarm_however_often_one_looks():
    random = np.random.default_rng(1)
    gains = random.standard_t(4, (2_000, 500)) / math.sqrt(2.0)
    ever = np.mean([e_process(row).max() >= 20.0 for row in gains])
    looked = np.abs(gains.cumsum(axis=1) / np.sqrt(np.arange(1, 501)))
    assert ever <= 0.05
    assert np.mean((looked[:, 9:] > 1.96).any(axis=1)) > 0.25  # what repeated tests would do


def test_clients_with_an_edge_are_found_soon():
    random = np.random.default_rng(1)
    rows = [e_process(row) for row in random.normal(0.5, 1.0, (300, 200))]
    found = [int(np.argmax(row >= 20.0)) for row in rows if row.max() >= 20.0]
    assert len(found) == 300
    assert np.median(found) < 45


def test_one_absurd_gain_is_no_proof():
    assert e_process(np.array([1e9]))[0] < 20.0


def test_among_many_the_share_of_false_ones_is_kept():
    assert e_bh(np.array([1.0, 200.0, 90.0, 0.1]), 0.05).tolist() == [1, 2]
    assert e_bh(np.array([30.0, 1.0, 1.0, 1.0]), 0.05).tolist() == []
    assert e_bh(np.zeros(0), 0.05).tolist() == []


def test_no_more_than_the_share_is_wrong_on_average():
    random, wrong = np.random.default_rng(3), []
    for _ in range(300):
        z = np.concatenate([random.normal(0.0, 1.0, 90), random.normal(3.5, 1.0, 10)])
        chosen = e_bh(np.exp(3.5 * z - 3.5**2 / 2.0), 0.1)
        wrong.append(np.mean(chosen < 90) if len(chosen) else 0.0)
    assert np.mean(wrong) <= 0.1
