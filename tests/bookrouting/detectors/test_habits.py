"""How clients trade: context is called context, and evidence has a bar."""

import numpy as np
import pytest

from bookrouting.detectors.finding import Weight
from bookrouting.detectors.habits import (
    break_even_rates,
    scalping,
    sharp_deals,
    swap_arbitrage,
    weekend_gaps,
    win_rate,
)
from tests.bookrouting.detectors.made_trades import SECOND, closes


def test_short_holds_are_shown_as_context():
    quick = closes(10)
    quick = quick._replace(closed=quick.opened + 30 * SECOND)
    found = scalping(quick)
    assert (found.fired, found.weight) == (True, Weight.CONTEXT)
    assert "holds for 30 s" in found.sentence
    assert not scalping(closes(10)).fired


def test_who_lives_on_swap_is_found_and_who_earns_some_is_not():
    hunted = closes(6, swap=np.full(6, 3.0), profit=np.full(6, -0.5))
    late = np.full(6, 600.0)
    found = swap_arbitrage(hunted, late)
    assert found.fired
    assert "6 were opened in the half hour before rollover" in found.sentence
    assert not swap_arbitrage(hunted._replace(profit=np.full(6, 9.0)), late).fired
    assert not swap_arbitrage(hunted._replace(profit=np.full(6, -9.0)), late).fired


def test_weekends_need_four_and_all_of_many():
    assert not weekend_gaps(np.ones(3), 0.5).fired
    assert not weekend_gaps(np.ones(6), 0.5).fired  # one in 64
    assert weekend_gaps(np.ones(7), 0.5).fired
    assert not weekend_gaps(np.array([1.0, -1.0] * 6), 0.5).fired
    assert weekend_gaps(np.array([np.nan, 0.0]), 0.0).n == 0


def test_few_big_deals_that_gain_are_to_be_watched():
    few = closes(4, profit=np.full(4, 900.0))
    found = sharp_deals(few, np.full(4, 80_000.0), 10_000.0)
    assert (found.fired, found.weight) == (True, Weight.CONTEXT)
    assert found.statistic == 8.0
    assert not sharp_deals(few, np.array([80_000.0, 80_000.0, 80_000.0, 9_000.0]), 1e4).fired
    assert not sharp_deals(few._replace(profit=-few.profit), np.full(4, 8e4), 1e4).fired


def test_the_break_even_rate_is_that_of_the_targets():
    five_sixty = closes(
        1, take_profit=np.array([5.0]), stop_loss=np.array([60.0]), cost_distance=np.zeros(1)
    )
    assert break_even_rates(five_sixty, np.array([True])) == pytest.approx([60 / 65])


def guarded(n, wins, target, stop):
    profit = np.where(np.arange(n) < wins, 1.0, -stop / target)
    return closes(
        n, profit=profit, take_profit=np.full(n, target), stop_loss=np.full(n, stop),
        cost_distance=np.zeros(n),
    )  # fmt: skip


def test_a_martingale_player_wins_often_and_no_more_than_his_targets_make_him():
    found = win_rate(guarded(100, 90, 5.0, 60.0))
    assert not found.fired
    assert found.statistic < 0.0
    assert "(90%) where 92% break even" in found.sentence


def test_a_win_rate_above_break_even_is_context_only():
    found = win_rate(guarded(100, 80, 10.0, 10.0))
    assert (found.fired, found.weight) == (True, Weight.CONTEXT)
    assert found.statistic == pytest.approx(6.0)
    assert "never use a win rate alone" in found.pitfall


@pytest.mark.parametrize("n", [0, 5])
def test_trades_without_targets_have_no_break_even_rate(n):
    assert win_rate(closes(n)).n == 0
