"""What kind of trader somebody is, by what he does."""

import numpy as np
import pytest

from bookrouting.detectors.behaviour import Known, behaviour
from tests.bookrouting.detectors.made_trades import SECOND, closes


def tags_of(trades, **known):
    return {tag.name: tag.strength for tag in behaviour(trades, Known(**known)).tags}


def unregular(n, seed=1, **columns):
    """Trades at odd seconds, one after the other."""
    base = closes(n, **columns)
    odd = np.random.default_rng(seed).integers(0, 60, n) * SECOND
    return base._replace(opened=base.opened + odd, closed=base.closed + odd)


def test_doubling_after_losses_only_is_martingale():
    lots, profit = np.tile([1.0, 2.0, 4.0, 1.0], 5), np.tile([-1.0, -1.0, 1.0, 1.0], 5)
    assert tags_of(unregular(20, lots=lots, profit=profit)) == {"martingale": 1.0}


def test_doubling_whatever_happened_is_not():
    lots = np.tile([1.0, 2.0], 10)
    profit = np.array([-1.0, -1.0, 1.0, 1.0] * 5)
    assert "martingale" not in tags_of(unregular(20, lots=lots, profit=profit))


@pytest.mark.parametrize(("hold_s", "name"), [(30, "scalper"), (2 * 86_400, "swing trader")])
def test_holding_times_name_a_trader(hold_s, name):
    trades = unregular(10)
    symbols = np.arange(10, dtype=np.int32)
    trades = trades._replace(closed=trades.opened + hold_s * SECOND, symbol=symbols)
    assert tags_of(trades) == {name: 1.0}


def overlapping(n, **columns):
    trades = unregular(n, **columns)
    return trades._replace(closed=trades.opened + 20_000 * SECOND)


def test_buying_more_of_what_falls_is_averaging_down_and_of_what_rises_is_not():
    falling = overlapping(10, open_price=1.1 - 0.001 * np.arange(10))
    assert tags_of(falling) == {"averages down": 0.9}
    assert tags_of(falling._replace(side=-np.ones(10))) == {}


def test_standing_on_both_sides_at_once_is_hedging():
    assert tags_of(overlapping(10, side=np.tile([1.0, -1.0], 5))) == {"hedger": 0.9}


def test_entries_on_the_same_second_are_a_robots():
    trades = closes(20)
    assert tags_of(trades) == {"robot": pytest.approx(1.0)}
    false = sum("robot" in tags_of(unregular(20, seed)) for seed in range(200))
    assert false <= 2


def test_what_others_found_out_is_said():
    strengths = tags_of(
        unregular(9), news_ratio=0.6, before_rollover_ratio=0.1, cluster="copy-7", leads=True
    )
    assert strengths == {"copies": 1.0, "news trader": 0.6}
    said = behaviour(unregular(9), Known(cluster="copy-7", leads=True)).sentence
    assert said == "copies: leads copy-7"


def test_few_trades_and_no_habits_are_said_as_such():
    assert behaviour(closes(4)).sentence == "too few trades to say (4)"
    assert behaviour(unregular(9)).sentence == "no habit stands out in 9 trades"
