"""Positions end at their target, at their stop, or when their time is over."""

import math

import numpy as np
import pytest

from exposure.model.events import DealExecuted, QuoteReceived
from feeds.simulator.plans import ExitPlans
from tests.exposure.builders import Desk, account, instrument

ALL = np.array([True])
NEVER = 10**15


@pytest.fixture
def desk():
    """A long and a short position of one lot, both opened around 1.10000/1.10010."""
    desk = Desk([instrument("EURUSD")], [account()])
    desk.feed(
        QuoteReceived(1, "EURUSD", 1.1, 1.1001),
        DealExecuted(1, "d1", "1", "long", "EURUSD", "buy", "in", 1.0, 1.1001),
        DealExecuted(1, "d2", "1", "short", "EURUSD", "sell", "in", 1.0, 1.1),
    )
    return desk


def planned(exit_at=NEVER, take_profit=math.inf, stop_loss=math.inf):
    plans = ExitPlans()
    plans.plan(0, exit_at, 1.1001 + take_profit, 1.1001 - stop_loss)
    plans.plan(1, exit_at, -1.1 + take_profit, -1.1 - stop_loss)
    return plans


def due(plans, desk, bid, ask, start=100, end=200, is_open=ALL):
    desk.feed(QuoteReceived(2, "EURUSD", bid, ask))
    exits = plans.due(desk.engine.book, is_open, start, end)
    return [(one.position_id, one.reason, one.ts) for one in exits]


def test_a_target_is_reached_at_the_closing_side_of_the_quote(desk):
    plans = planned(take_profit=0.0010)
    assert due(plans, desk, 1.1010, 1.1011) == []
    assert due(plans, desk, 1.1011, 1.1012) == [("long", "tp", 101)]
    assert due(plans, desk, 1.0989, 1.0990) == [("short", "tp", 101)]


def test_a_stop_is_reached_on_the_other_side(desk):
    plans = planned(stop_loss=0.0010)
    assert due(plans, desk, 1.0992, 1.0993) == []
    assert due(plans, desk, 1.0991, 1.0992) == [("long", "sl", 101)]
    assert due(plans, desk, 1.1009, 1.1010) == [("short", "sl", 101)]


def test_time_is_over_at_its_moment_or_at_once_if_that_has_passed(desk):
    assert due(planned(exit_at=201), desk, 1.1, 1.1001) == []
    in_time = due(planned(exit_at=150), desk, 1.1, 1.1001)
    assert in_time == [("long", "client", 150), ("short", "client", 150)]
    too_late = due(planned(exit_at=50), desk, 1.1, 1.1001)
    assert [ts for _, _, ts in too_late] == [101, 101]


def test_a_symbol_that_does_not_trade_is_left_for_later(desk):
    closed = np.array([False])
    assert due(planned(exit_at=150), desk, 1.1, 1.1001, is_open=closed) == []


def test_a_closed_position_has_no_plan_any_more(desk):
    plans = planned(exit_at=150)
    desk.feed(DealExecuted(3, "d3", "1", "long", "EURUSD", "sell", "out", 1.0, 1.1))
    assert due(plans, desk, 1.1, 1.1001) == [("short", "client", 150)]


def test_plans_of_many_slots_are_set_at_once_and_kept_when_more_come(desk):
    plans = ExitPlans()
    plans.plan(np.arange(2), np.array([150, 300]), np.full(2, np.inf), np.full(2, -np.inf))
    plans.plan(5_000, 1, 1.0, 1.0)
    assert due(plans, desk, 1.1, 1.1001) == [("long", "client", 150)]


def test_loaded_plans_are_the_same(desk):
    plans = ExitPlans()
    plans.load(planned(exit_at=150).save())
    assert len(due(plans, desk, 1.1, 1.1001)) == 2


def test_targets_of_a_split_symbol_are_divided_and_others_stay():
    plans = ExitPlans()
    plans.plan(np.arange(4), np.full(4, 10), np.full(4, 120.0), np.full(4, -90.0))
    plans.split(np.array([1, 3, 900], np.int32), 4.0)
    assert plans.take_profit[:4].tolist() == [120.0, 30.0, 120.0, 30.0]
    assert plans.stop_loss[:4].tolist() == [-90.0, -22.5, -90.0, -22.5]
