"""Reverse stress: never a larger move than a brute-force scan finds, and never one that is safe."""

from __future__ import annotations

import numpy as np
import pytest

from exposure.model.events import PositionRestored, QuoteReceived
from exposure.risk.reverse import (
    SCAN_PERCENT,
    all_targets,
    could_lose,
    reverse_stress,
    smallest_move,
)
from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stress import house_loss_usd
from exposure.risk.stress_book import StressBook
from tests.exposure.builders import Desk, account, instrument
from tests.exposure.risk.books import random_book


def scanned(book, target, sign, capital, step=0.05, most=30.0):
    for size in np.arange(step, most, step):
        if house_loss_usd(book, [Shock(target, ShockKind.PERCENT, sign * size)]) > capital:
            return sign * size
    return None


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("target", ["EUR", "USD", "GBPUSD"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_smallest_move_is_that_of_a_brute_force_scan(seed, target, sign):
    book = StressBook(random_book(seed))
    for capital in (300.0, 5_000.0, 30_000.0):
        slow = scanned(book, target, sign, capital)
        quick = smallest_move(book, target, sign, capital, limit_percent=29.95)
        if slow is None:
            assert quick.move_percent is None or abs(quick.move_percent) > 29.9
            continue
        assert quick.move_percent is not None
        assert abs(slow) - 0.05 - 1e-6 <= abs(quick.move_percent) <= abs(slow) + 1e-6
        assert quick.loss_usd > capital
        just_less = quick.move_percent * (1.0 - 1e-5)
        assert house_loss_usd(book, [Shock(target, ShockKind.PERCENT, just_less)]) <= capital


@pytest.fixture
def turning():
    """A loss that comes, turns into a gain and comes back much later.

    The house is short 1 lot to a client and long 2 from another who has 2,000: falling, it gains
    2 lots' worth until the client is empty, and rising it loses 1.
    """
    made = Desk(
        [instrument("EURUSD")],
        [account("1", balance=2_000.0), account("2", balance=90_000.0)],
    )
    made.feed(
        PositionRestored(1, "1", "P", "EURUSD", "buy", 2.0, 1.0),
        PositionRestored(1, "2", "P", "EURUSD", "sell", 1.0, 1.0),
        QuoteReceived(1, "EURUSD", 1.0, 1.0),
    )
    return StressBook(made.engine)


def test_a_loss_that_follows_a_gain_is_found(turning):
    # down x %: the house gains min(2,000; 2,000 x) and loses 1,000 x: 5,000 are lost at x = 7
    down = smallest_move(turning, "EURUSD", -1.0, 5_000.0)
    assert down.move_percent == pytest.approx(-7.0, abs=1e-5)
    # up x %: it loses 2,000 x and gains 1,000 x: 5,000 at x = 5
    up = smallest_move(turning, "EURUSD", 1.0, 5_000.0)
    assert up.move_percent == pytest.approx(5.0, abs=1e-5)


def test_the_smallest_move_of_all_comes_first(turning):
    moves = reverse_stress(turning, 5_000.0)
    assert [one.move_percent for one in moves] == sorted(
        (one.move_percent for one in moves), key=abs
    )
    smallest = moves[0]
    # USD down by x moves EURUSD up by x / (1 - x): 4.76 % are enough
    assert (smallest.target, smallest.direction) == ("USD", "down")
    assert smallest.move_percent == pytest.approx(-100.0 * 0.05 / 1.05, abs=1e-5)


def test_a_move_that_does_not_exist_is_said_with_the_largest_loss_seen(turning):
    moves = reverse_stress(turning, 1e9, ["EURUSD"])
    assert [one.move_percent for one in moves] == [None, None]
    # 99 % up: 198,000 are lost to client 1 and 2 has no more than 90,000
    largest = {one.direction: one.loss_usd for one in moves}
    assert largest["up"] == pytest.approx(108_000.0)
    assert reverse_stress(turning, 1e9) == []


def test_progress_ends_at_one(turning):
    told = []
    reverse_stress(turning, 5_000.0, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_the_scan_rises():
    assert list(SCAN_PERCENT) == sorted(set(SCAN_PERCENT))
    assert (SCAN_PERCENT[0], SCAN_PERCENT[-1]) == (0.1, 99.0)


@pytest.mark.parametrize("seed", range(6))
def test_the_part_that_a_target_reaches_loses_what_the_whole_book_does(seed):
    book = StressBook(random_book(seed))
    for target in all_targets(book):
        part = book.narrowed([Shock(target, ShockKind.PERCENT, 1.0)])
        assert len(part.holdings.slot) <= len(book.holdings.slot)
        for percent in (-30.0, -2.0, 0.5, 20.0):
            shocks = [Shock(target, ShockKind.PERCENT, percent)]
            assert house_loss_usd(part, shocks) == pytest.approx(
                house_loss_usd(book, shocks), abs=1e-6
            )


@pytest.mark.parametrize("seed", range(6))
def test_nothing_that_loses_the_capital_is_left_unlooked_at(seed):
    book = StressBook(random_book(seed))
    for target in all_targets(book):
        for percent in (-60.0, -5.0, 5.0, 60.0):
            loss = house_loss_usd(book, [Shock(target, ShockKind.PERCENT, percent)])
            assert loss <= 0.0 or could_lose(book, target, percent, loss)
