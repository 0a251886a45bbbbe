"""One-sidedness from 0 to 1; Kyle's lambda comes back when it is planted."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookrouting.detectors.gauges import KyleLambda, OneSidedness


def test_flow_to_one_side_is_one_and_balanced_flow_is_none():
    gauge, balanced = OneSidedness(10.0), OneSidedness(10.0)
    assert gauge.value is None
    for _ in range(40):
        gauge.take(2.5)
        balanced.take(5.0)
        balanced.take(-5.0)
    assert gauge.value == 1.0
    assert balanced.value == 0.0


def test_the_gauge_forgets_all_but_the_last_buckets():
    gauge = OneSidedness(1.0, buckets=5)
    for lots in [1.0] * 50 + [0.5, -0.5] * 5:
        gauge.take(lots)
    assert gauge.value == 0.0


@given(st.lists(st.floats(-500.0, 500.0), min_size=1, max_size=40))
def test_one_sidedness_is_between_nothing_and_one_however_large_the_deals(deals):
    gauge = OneSidedness(7.0)
    for lots in deals:
        gauge.take(lots)
    assert gauge.value is None or 0.0 <= gauge.value <= 1.0 + 1e-9


def test_a_deal_larger_than_a_bucket_is_that_many_small_ones():
    whole, parts = OneSidedness(3.0), OneSidedness(3.0)
    whole.take(31.0)
    for _ in range(31):
        parts.take(1.0)
    assert whole.value == parts.value == 1.0


def planted(slope, seed, n=400):
    rng = np.random.default_rng(seed)
    gauge = KyleLambda(buckets_per_day=20.0)
    for flow in rng.normal(0.3, 2.0, n):
        gauge.take(flow, 0.1 + slope * flow + rng.normal(0.0, 1.5))
    return gauge.slope


def test_a_planted_lambda_is_within_two_errors_about_95_times_in_100():
    inside = [abs(found.value - 0.25) < 2.0 * found.error
              for found in (planted(0.25, seed) for seed in range(300))]  # fmt: skip
    assert 0.92 <= np.mean(inside) <= 0.98


def test_without_forgetting_the_slope_is_that_of_least_squares():
    rng = np.random.default_rng(1)
    x = rng.normal(0.0, 1.0, 50)
    y = 2.0 + 0.7 * x + rng.normal(0.0, 0.3, 50)
    gauge = KyleLambda(buckets_per_day=1.0, half_life_days=1e9)
    for flow, move in zip(x, y, strict=True):
        gauge.take(flow, move)
    slope, constant = np.polyfit(x, y, 1)
    residual = y - slope * x - constant
    error = math.sqrt((residual @ residual) / 48 / ((x - x.mean()) @ (x - x.mean())))
    assert gauge.slope.value == pytest.approx(slope)
    assert gauge.slope.error == pytest.approx(error, rel=1e-6)
    assert gauge.slope.n == 50


def test_a_slope_needs_three_buckets_with_different_flows_and_numbers():
    gauge = KyleLambda(buckets_per_day=10.0)
    for _ in range(5):
        assert gauge.slope is None
        gauge.take(1.0, 0.3)
    gauge.take(math.nan, 0.1)
    gauge.take(1.0, math.inf)
    assert gauge.slope is None
    gauge.take(2.0, 0.6)
    assert gauge.slope.value == pytest.approx(0.3)
