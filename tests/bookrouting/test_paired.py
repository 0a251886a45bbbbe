"""The error band of a difference between two policies: it holds as often as it says."""

from __future__ import annotations

import numpy as np
import pytest

from bookrouting.paired import LEAST_BLOCKS, paired_difference

REPETITIONS = 500


def draws(blocks, seed=1):
    return np.random.default_rng(seed).integers(0, blocks, (REPETITIONS, blocks))


@pytest.mark.parametrize("blocks", [10, 24, 60])
@pytest.mark.parametrize("tail", ["normal", "heavy"])
def test_the_band_holds_as_often_as_it_says(blocks, tail):
    chance = np.random.default_rng(blocks)
    drawn, held, rounds = draws(blocks), 0, 400
    for _ in range(rounds):
        if tail == "normal":
            differences = chance.normal(3.0, 10.0, blocks)
        else:
            differences = 3.0 + 10.0 * chance.standard_t(4, blocks)
        band = paired_difference(differences, drawn).band
        held += band.low <= 3.0 * blocks <= band.high
    # heavy tails of four degrees of freedom cost a percent or two
    assert 0.91 <= held / rounds <= 0.985


def test_the_band_is_wider_where_several_policies_are_compared():
    differences = np.random.default_rng(1).normal(1.0, 5.0, 24)
    one = paired_difference(differences, draws(24))
    five = paired_difference(differences, draws(24), policies=5)
    assert (one.total, one.confidence, five.confidence) == (five.total, 0.95, pytest.approx(0.99))
    assert five.band.low < one.band.low < one.total < one.band.high < five.band.high


def test_what_two_policies_have_in_common_widens_nothing():
    chance = np.random.default_rng(3)
    market = chance.normal(0.0, 1e6, 24)
    ours, theirs = market + 10.0, market + chance.normal(0.0, 1.0, 24)
    found = paired_difference(ours - theirs, draws(24))
    assert found.is_proven
    assert found.total == pytest.approx(240.0, abs=20.0)


def test_the_same_results_are_no_proof_and_few_blocks_give_no_band():
    assert not paired_difference(np.zeros(24), draws(24)).is_proven
    few = LEAST_BLOCKS - 1
    assert paired_difference(np.ones(few), draws(few)).band is None
    assert paired_difference(np.full(24, np.nan), draws(24)).band is None
