"""The collector leaves alone what is old, and still takes young rubbish away."""

import gc
import weakref
from contextlib import suppress

import pytest

from dealing.garbage import spare_what_is_old, unwatched


class Node:
    """Refers to itself."""

    def __init__(self):
        self.itself = self


@pytest.fixture
def spared():
    before = gc.get_threshold()
    spare_what_is_old()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def passes():
    """Return how often each generation was collected."""
    return [one["collections"] for one in gc.get_stats()]


@pytest.mark.usefixtures("spared")
def test_everything_is_never_looked_at_again_however_much_is_made():
    before = passes()
    held = [[k] for k in range(400_000)]
    after = passes()
    assert len(held) == 400_000
    assert after[0] > before[0]
    assert after[2] == before[2]


@pytest.mark.usefixtures("spared")
def test_young_rubbish_is_still_taken_away():
    gone = weakref.ref(Node())
    gc.collect(1)
    assert gone() is None


def test_nothing_is_looked_at_while_much_is_made_and_everything_afterwards():
    with suppress(ValueError):
        fail_unwatched()
    assert gc.isenabled()
    with unwatched():
        with unwatched():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def fail_unwatched():
    with unwatched():
        assert not gc.isenabled()
        raise ValueError("no state")
