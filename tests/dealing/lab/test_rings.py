"""Faint rings are found in the stress market as well as the design asks."""

import numpy as np
import pytest

from bookrouting.clusters.discovery import PairKind
from dealing.lab.ring_market import RingTerms, make_rings
from dealing.lab.rings import ring_rows

SMALL = RingTerms(accounts=300, rings=6, hedged_pairs=6)


@pytest.fixture(scope="module")
def rows():
    return list(ring_rows([1, 2, 3], SMALL))


@pytest.mark.parametrize("kind", list(PairKind))
def test_rings_are_found_precisely_and_nearly_all(rows, kind):
    mine = [row for row in rows if row.kind is kind]
    assert np.mean([row.precision for row in mine]) >= 0.95
    assert np.mean([row.recall for row in mine]) >= 0.80
    assert all(row.true_pairs > 0 for row in mine)


def test_a_market_without_rings_has_none():
    none = SMALL._replace(rings=0, hedged_pairs=0)
    assert [row.found_pairs for row in ring_rows([4, 5], none)] == [0, 0, 0, 0]


def test_the_same_seed_draws_the_same_market():
    first, second, other = make_rings(1, SMALL), make_rings(1, SMALL), make_rings(2, SMALL)
    assert all(np.array_equal(a, b) for a, b in zip(first.fills, second.fills, strict=True))
    assert first.rings == second.rings != other.rings


def test_followers_hide_as_the_terms_say():
    day = make_rings(3, SMALL)
    counts = np.bincount(day.fills.account, minlength=SMALL.accounts)
    young = [counts[one] for ring in day.rings for one in ring[1:] if counts[one] == 5]
    assert young != []
    for ring in day.rings:
        assert counts[ring[0]] >= 60
