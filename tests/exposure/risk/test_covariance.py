"""Covariances come from factors, start as RiskMetrics says, and belong to some book."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exposure.errors import DomainError
from exposure.risk.covariance import (
    CORRELATION_HALF_LIFE,
    INTERVALS_PER_DAY,
    VOLATILITY_HALF_LIFE,
    IntradayMoments,
    correlation_of,
    covariance_of,
    ewma_covariance,
    ewma_volatility,
    repaired,
    shrunk,
)
from exposure.risk.factors import usd_prices


def walk(seed, steps, correlation, sd):
    chance = np.random.default_rng(seed)
    root = np.linalg.cholesky(covariance_of(np.array(sd), np.array(correlation)))
    return chance.standard_normal((steps, len(sd))) @ root.T


def test_the_first_thirty_returns_start_the_forecast_and_the_next_moves_it_by_six_percent():
    returns = np.concatenate([np.full(15, 0.01), np.full(15, -0.03), [0.05]])
    start = (0.01**2 + 0.03**2) / 2
    volatility = ewma_volatility(returns)
    assert np.isnan(volatility[:30]).all()
    assert volatility[30] ** 2 == pytest.approx(start)
    assert volatility[31] ** 2 == pytest.approx(0.94 * start + 0.06 * 0.05**2)
    assert ewma_covariance(returns[:, None])[0, 0] == pytest.approx(volatility[31] ** 2)


@pytest.mark.parametrize("estimate", [ewma_covariance, ewma_volatility])
def test_fewer_than_thirty_returns_are_refused(estimate):
    with pytest.raises(DomainError, match="needs 30 returns to start, there are 29"):
        estimate(np.zeros((29, 2)))


def test_a_cross_has_the_variance_that_its_legs_give_it():
    pairs = [("EUR", "USD"), ("USD", "JPY"), ("EUR", "GBP"), ("XAU", "EUR")]
    moves = walk(1, 400, np.eye(4), [0.006, 0.007, 0.004, 0.01])
    closes = np.exp(np.cumsum(moves, axis=0))
    names, prices = usd_prices(pairs, closes)
    assert sorted(names) == ["EUR", "GBP", "JPY", "XAU"]
    covariance = ewma_covariance(np.diff(np.log(prices), axis=0))
    for (base, quote), close in zip(pairs, closes.T, strict=True):
        exposure = np.array([(name == base) - (name == quote) for name in names], np.float64)
        own = ewma_covariance(np.diff(np.log(close))[:, None])[0, 0]
        assert exposure @ covariance @ exposure == pytest.approx(own, rel=1e-9)
    # GBPJPY was never quoted, and has a variance all the same
    cross = np.array([(name == "GBP") - (name == "JPY") for name in names], np.float64)
    assert cross @ covariance @ cross > 0.0


def test_an_asset_without_a_way_to_usd_is_refused_by_name():
    with pytest.raises(DomainError, match="no pair leads from AUD, NZD to USD"):
        usd_prices([("EUR", "USD"), ("AUD", "NZD")], np.ones((3, 2)))


def test_shrinking_moves_correlations_a_fifth_of_the_way_to_their_mean():
    correlation = np.array([[1.0, 0.9, 0.3], [0.9, 1.0, 0.0], [0.3, 0.0, 1.0]])
    moved = shrunk(correlation)
    assert moved[0, 1] == pytest.approx(0.8 * 0.9 + 0.2 * 0.4)
    assert moved[1, 2] == pytest.approx(0.2 * 0.4)
    assert np.diag(moved).tolist() == [1.0, 1.0, 1.0]
    known = np.array([[True, True, False], [True, True, False], [False, False, True]])
    partly = shrunk(correlation, known=known)
    assert partly[0, 1] == pytest.approx(0.9)
    assert partly[0, 2] == correlation[0, 2]


def test_correlations_of_a_covariance_and_back():
    sd, correlation = np.array([0.01, 0.0, 0.02]), np.array([[1, 0, 0.5], [0, 1, 0], [0.5, 0, 1]])
    assert correlation_of(covariance_of(sd, correlation)) == pytest.approx(correlation)


def test_correlations_that_no_book_can_have_are_repaired_to_near_ones():
    impossible = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    possible = repaired(impossible)
    assert np.linalg.eigvalsh(possible).min() >= -1e-9
    assert np.diag(possible).tolist() == [1.0, 1.0, 1.0]
    assert np.abs(possible - impossible).max() < 0.5
    assert (np.sign(possible) == np.sign(impossible)).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(0, 10_000))
def test_whatever_pairs_say_the_repaired_matrix_gives_no_negative_variance(size, seed):
    chance = np.random.default_rng(seed)
    raw = np.clip(chance.uniform(-1.2, 1.2, (size, size)), -1.0, 1.0)
    said = (raw + raw.T) / 2
    np.fill_diagonal(said, 1.0)
    kept = repaired(said)
    assert np.linalg.eigvalsh(kept).min() > -1e-9
    assert np.abs(kept).max() <= 1.0 + 1e-9
    assert np.array_equal(repaired(kept), kept) or np.allclose(repaired(kept), kept, atol=1e-6)


def test_five_minute_moves_find_the_daily_volatility_and_correlation_behind_them():
    sd = np.array([0.006, 0.012]) / np.sqrt(INTERVALS_PER_DAY)
    moments = IntradayMoments(2)
    for row in walk(2, 8_000, [[1.0, -0.4], [-0.4, 1.0]], sd):
        moments.observe(row, np.ones(2, np.int64))
    assert np.sqrt(moments.daily_variance()) == pytest.approx([0.006, 0.012], rel=0.05)
    assert moments.correlation()[0, 1] == pytest.approx(-0.4, abs=0.04)
    assert moments.counts.tolist() == [8_000, 8_000]


def test_what_was_seen_a_half_life_ago_weighs_half():
    moments = IntradayMoments(2)
    moments.observe(np.array([1.0, 1.0]), np.ones(2, np.int64))
    for _ in range(VOLATILITY_HALF_LIFE):
        moments.observe(np.zeros(2), np.ones(2, np.int64))
    assert moments.squares == pytest.approx([0.5, 0.5])
    for _ in range(CORRELATION_HALF_LIFE - VOLATILITY_HALF_LIFE):
        moments.observe(np.zeros(2), np.ones(2, np.int64))
    assert moments.products == pytest.approx(np.full((2, 2), 0.5))


def test_a_night_counts_as_one_move_of_the_day_and_a_weekend_not_at_all():
    moments = IntradayMoments(1)
    for _ in range(20):
        for _ in range(78):
            moments.observe(np.array([0.001]), np.array([1]))
        moments.observe(np.array([0.02]), np.array([210]))
    moments.observe(np.array([0.5]), np.array([INTERVALS_PER_DAY + 1]))
    assert moments.daily_variance()[0] == pytest.approx(78 * 0.001**2 + 0.02**2, rel=0.02)
    assert moments.counts.tolist() == [20 * 79]


def test_only_moves_over_the_same_time_tell_how_two_factors_go_together():
    moments = IntradayMoments(2)
    moments.observe(np.array([0.1, 0.1]), np.array([1, 2]))
    moments.observe(np.array([0.1, np.nan]), np.array([1, 1]))
    assert np.isnan(moments.correlation()[0, 1])
    moments.observe(np.array([0.1, -0.1]), np.array([2, 2]))
    assert moments.correlation()[0, 1] == pytest.approx(moments.correlation()[1, 0])
    assert moments.correlation()[0, 1] < 0.0


def test_a_factor_that_never_moves_has_no_correlation_to_measure():
    moments = IntradayMoments(2)
    moments.observe(np.array([0.0, 0.1]), np.ones(2, np.int64))
    assert moments.daily_variance()[0] == 0.0
    assert np.isnan(moments.correlation()[0, 1])
