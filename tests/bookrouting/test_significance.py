"""The worked values of science.md section 1.8, and what shrinkage and tests promise."""

import numpy as np
import pytest

from bookrouting.significance import (
    SequentialTest,
    best_of_no_skill,
    deflated_sharpe,
    fewest_trades,
    probabilistic_sharpe,
    sharpe_error,
    shrink,
)


def test_a_sharpe_ratio_of_a_tenth_in_200_trades_is_probably_real():
    assert probabilistic_sharpe(0.1, 0.0, 200) == pytest.approx(0.9203, abs=5e-5)
    assert probabilistic_sharpe(0.1, 0.0, 200, -1.5, 8.0) == pytest.approx(0.9042, abs=1e-4)


def test_the_luckiest_of_5000_looks_skilled_until_it_is_said():
    assert best_of_no_skill(5_000, 1 / 200) == pytest.approx(0.2608, abs=5e-5)
    assert deflated_sharpe(0.3, 200, 5_000, 1 / 200) == pytest.approx(0.7059, abs=5e-5)


def test_a_sharpe_ratio_of_a_tenth_needs_273_trades():
    assert fewest_trades(0.1) == pytest.approx(272.9, abs=0.05)


def test_one_trade_has_no_sharpe_ratio():
    with pytest.raises(ValueError, match="needs 2 trades, there are 1"):
        sharpe_error(0.1, 1)


def test_the_sequential_test_has_walds_bounds_and_mean_lengths():
    test = SequentialTest(0.3)
    assert (test.upper, test.lower) == pytest.approx((2.890, -2.251), abs=5e-4)
    assert test.trades_with_edge() == pytest.approx(52.8, abs=0.05)
    assert test.trades_without() == pytest.approx(44.3, abs=0.05)
    assert test.step(1.0) == pytest.approx(0.3 - 0.045)


@pytest.mark.parametrize(
    ("mean", "share", "length"), [(0.3, 0.915, 58.0), (0.0, 0.045, 48.9)], ids=["edge", "none"]
)
def test_the_sequential_test_keeps_its_errors(mean, share, length):
    random, test = np.random.default_rng(4), SequentialTest(0.3)
    paths = (0.3 * random.normal(mean, 1.0, (3_000, 1_000)) - 0.045).cumsum(axis=1)
    ended = (paths >= test.upper) | (paths <= test.lower)
    first = ended.argmax(axis=1)
    believed = paths[np.arange(len(paths)), first] >= test.upper
    assert ended.any(axis=1).all()
    assert believed.mean() == pytest.approx(share, abs=0.02)
    assert (first + 1).mean() == pytest.approx(length, rel=0.05)


def test_shrinkage_finds_the_spread_of_true_means_and_comes_closer_to_them():
    random = np.random.default_rng(2)
    truth, errors = random.normal(-1.0, 0.5, 4_000), random.uniform(0.3, 1.5, 4_000)
    seen = random.normal(truth, errors)
    shrunk = shrink(seen, errors)
    assert shrunk.common == pytest.approx(-1.0, abs=0.05)
    assert shrunk.between == pytest.approx(0.5, abs=0.05)
    assert np.mean((shrunk.mean - truth) ** 2) < 0.5 * np.mean((seen - truth) ** 2)
    assert np.mean(np.abs(shrunk.mean - truth) < 1.645 * shrunk.sd) == pytest.approx(0.9, abs=0.02)


def test_means_that_differ_by_chance_alone_become_one():
    random = np.random.default_rng(0)
    errors = np.full(2_000, 3.0)
    shrunk = shrink(random.normal(0.0, 0.9 * errors), errors)
    assert shrunk.between == 0.0
    assert np.ptp(shrunk.mean) == 0.0
    assert len(shrink(np.zeros(0), np.zeros(0)).mean) == 0
