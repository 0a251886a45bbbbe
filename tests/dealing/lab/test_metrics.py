"""How rankings and probabilities are judged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.lab.metrics import auc, brier_skill, calibration_error, correlation, precision_at_k

SCORES = st.lists(
    st.tuples(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 3.0]), st.booleans()), min_size=1, max_size=40
)


@given(SCORES)
def test_auc_is_the_share_of_pairs_in_the_right_order(pairs):
    score, positive = (np.array(column) for column in zip(*pairs, strict=True))
    wins = [
        1.0 if high > low else 0.5 if high == low else 0.0
        for high in score[positive]
        for low in score[~positive]
    ]

    found = auc(score, positive, ~positive)

    assert found == (pytest.approx(np.mean(wins)) if wins else None)


def test_precision_at_k_looks_at_as_many_as_there_are():
    score = np.array([5.0, 4.0, 3.0, 2.0, 1.0])

    assert precision_at_k(score, np.array([True, False, True, False, True])) == 2 / 3
    assert precision_at_k(score, np.zeros(5, bool)) is None


def test_calibration_error_is_how_far_words_are_from_deeds():
    said = np.array([0.25] * 4 + [0.85] * 4)
    was = np.array([True, False, False, False, True, True, True, False])

    assert calibration_error(said, was) == pytest.approx(0.5 * 0.0 + 0.5 * 0.10)
    assert calibration_error(said[:0], was[:0]) is None


def test_saying_the_base_rate_has_no_skill_and_saying_the_truth_has_all():
    was = np.array([True, False, False, False])

    assert brier_skill(np.full(4, 0.25), was) == pytest.approx(0.0)
    assert brier_skill(was.astype(float), was) == pytest.approx(1.0)
    assert brier_skill(np.full(4, 0.5), np.zeros(4, bool)) is None


def test_nothing_correlates_with_what_does_not_vary():
    rising = np.arange(4.0)

    assert correlation(rising, 2.0 * rising) == pytest.approx(1.0)
    assert correlation(rising, np.ones(4)) is None
    assert correlation(np.array([np.nan, 1.0]), np.array([1.0, 2.0])) is None
