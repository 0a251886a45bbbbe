"""A calibrated probability is the share of those who are."""

import numpy as np
import pytest

from bookrouting.calibration import brier, brier_skill, calibration_error, fit_calibration


def made(random, count=20_000):
    """Return log odds that are too sure of themselves, edges, and the truth."""
    honest = random.normal(-1.5, 2.0, count)
    toxic = random.random(count) < 1.0 / (1.0 + np.exp(-honest))
    return 2.0 * honest + 0.6, random.normal(0.0, 1.0, count), toxic


def probability(calibration, odds, edges):
    logit = calibration.intercept + calibration.slope * odds + calibration.edge * edges
    return 1.0 / (1.0 + np.exp(-logit))


def test_the_fit_undoes_what_was_too_sure():
    random = np.random.default_rng(5)
    odds, edges, toxic = made(random)
    found = fit_calibration(odds, edges, toxic)
    assert (found.intercept, found.slope, found.edge) == pytest.approx((-0.3, 0.5, 0.0), abs=0.06)
    odds, edges, toxic = made(random)
    p, raw = probability(found, odds, edges), 1.0 / (1.0 + np.exp(-odds))
    assert calibration_error(p, toxic) < 0.01 < calibration_error(raw, toxic)
    assert brier(p, toxic) < brier(raw, toxic)
    assert brier_skill(p, toxic) > 0.3


def test_without_clients_nothing_is_changed_and_a_perfect_split_ends():
    nothing = np.zeros(0)
    found = fit_calibration(nothing, nothing, np.zeros(0, bool))
    assert (found.intercept, found.slope, found.edge) == (0.0, 1.0, 0.0)
    odds = np.array([-3.0, -2.0, 2.0, 3.0])
    split = fit_calibration(odds, np.zeros(4), odds > 0.0)
    assert np.isfinite([split.intercept, split.slope, split.edge]).all()


def test_a_calibration_error_is_the_mean_gap_of_said_and_seen():
    p, toxic = np.array([0.25, 0.25, 0.25, 0.25, 0.9]), np.array([1, 0, 0, 0, 1], bool)
    assert calibration_error(p, toxic) == pytest.approx(0.1 / 5)
    assert calibration_error(np.zeros(0), np.zeros(0, bool)) == 0.0
    assert brier_skill(np.zeros(2), np.zeros(2, bool)) == 0.0
