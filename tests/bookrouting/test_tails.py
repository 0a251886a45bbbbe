"""Tail probabilities agree with direct sums and with dice."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookrouting.tails import (
    chance_in_words,
    log_binomial_tail,
    log_normal_bayes_factor,
    log_poisson_tail,
    log_surprise_tail,
)


@given(st.integers(1, 30), st.floats(0.001, 20.0))
def test_a_poisson_tail_is_the_sum_of_its_terms_above_the_mean(count, mean):
    direct = 1.0 - sum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(count))
    got = math.exp(log_poisson_tail(count, mean))
    assert got == (1.0 if count <= mean else pytest.approx(direct, rel=1e-6, abs=1e-12))


def test_a_poisson_tail_is_known_where_a_float_would_be_zero():
    assert log_poisson_tail(400, 1e-3) == pytest.approx(
        400 * math.log(1e-3) - math.lgamma(401), rel=1e-5
    )
    assert log_poisson_tail(0, 3.0) == 0.0
    assert log_poisson_tail(2, 0.0) == -math.inf


@given(st.integers(0, 12), st.integers(1, 12), st.floats(0.05, 0.95))
def test_a_binomial_tail_is_the_sum_of_its_terms(count, trials, share):
    direct = sum(
        math.comb(trials, k) * share**k * (1 - share) ** (trials - k)
        for k in range(count, trials + 1)
    )
    assert math.exp(log_binomial_tail(count, trials, share)) == pytest.approx(direct, abs=1e-12)


def test_surprises_that_chance_makes_are_as_rare_as_they_are_said_to_be():
    rng = np.random.default_rng(4)
    mean, trials = 0.8, 20
    counts = rng.poisson(mean, 20_000)
    log_p = np.array([
        log_surprise_tail(int(k), trials, float(rng.standard_exponential(k).sum()), mean)
        for k in counts
    ])  # fmt: skip
    for alpha in (0.1, 0.01, 0.001):
        assert (log_p <= math.log(alpha)).mean() <= 1.25 * alpha
    assert (log_p <= math.log(0.1)).mean() > 0.05


def test_more_surprise_is_rarer_than_the_count_alone():
    assert log_surprise_tail(5, 5, 17.0, 0.06) < log_poisson_tail(5, 0.06) - 3.0
    assert log_surprise_tail(0, 5, 0.0, 0.06) == 0.0


def test_a_bayes_factor_rises_with_the_mean_and_doubts_what_is_unsure():
    def factor(mean, error):
        return log_normal_bayes_factor(mean, error, expected=1.3, spread=0.6, null_spread=0.1)

    values = [factor(mean, 0.1) for mean in (-2.0, -0.1, 0.0, 0.3, 1.0, 2.0)]
    assert values == sorted(values)
    assert values[1] > values[0] - 1e-12
    assert factor(1.3, 0.1) > factor(1.3, 2.0) > 0.0 > factor(0.0, 0.1)


def test_a_chance_is_said_in_words():
    assert chance_in_words(0.0) == "1 in 1"
    assert chance_in_words(-math.inf) == "less than 1 in a billion"
