"""The crowd decides together: how often, how much, for how long."""

import numpy as np
import pytest

from feeds.simulator.clients import (
    ACTIVITY_BY_HOUR_UTC,
    Clients,
    activity,
    hold_seconds,
    target_distances,
    whole_lots,
)
from feeds.simulator.kinds import HABITS, KINDS, ClientKind
from feeds.simulator.population import populate
from tests.feeds.simulator.small_market import SECOND, START, SmallMarket
from tests.feeds.simulator.test_choices import view

EURO = SmallMarket(("EURUSD", "XAUUSD")).instruments
CALM = view(usd_per_lot=np.array([100_000.0, 500_000.0]))
HOUR = 3_600 * SECOND


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def clients(rng):
    return Clients(populate(3_000, EURO, rng), 75.0, START, rng)


def of_kind(clients, orders, kind):
    return clients.population.kind[orders.account] == KINDS.index(kind)


def ordered(clients, rng, seconds, market=CALM):
    return clients.decide(market, START, START + seconds * SECOND, rng)


def test_orders_lie_within_the_step_in_order_of_time(clients, rng):
    ts = ordered(clients, rng, 60).ts
    assert len(ts) > 50
    assert ts[0] > START
    assert ts[-1] <= START + 60 * SECOND
    assert (np.diff(ts) >= 0).all()


def test_clients_trade_as_often_as_their_kind_does(clients, rng):
    noise = sum(
        of_kind(clients, ordered(clients, rng, 10), ClientKind.NOISE).sum() for _ in range(60)
    )
    owners = (clients.population.kind == KINDS.index(ClientKind.NOISE)).sum()
    expected = owners * HABITS[ClientKind.NOISE].looks_per_hour / 6 * activity(START)
    assert noise == pytest.approx(expected, rel=0.2)


def test_a_big_crowd_is_held_to_the_cap(rng):
    crowd = Clients(populate(3_000, EURO, rng), 0.5, START, rng)
    orders = sum(len(ordered(crowd, rng, 10).ts) for _ in range(60))
    # who waits for an occasion orders nothing in a calm market, so it may be well below
    assert 0.4 * 0.5 * 600 < orders < 1.3 * 0.5 * 600


def test_nobody_orders_what_is_closed_or_has_no_rate(clients, rng):
    closed = view(open=np.array([True, False]), usd_per_lot=np.array([np.nan, 1.0]))
    assert len(ordered(clients, rng, 60, closed).ts) == 0


def test_an_occasion_is_used_at_once_and_then_not_for_a_while(clients, rng):
    clients.ready_at[:] = 0
    stale = view(lead=np.array([0.5, 0.5]))
    first = ordered(clients, rng, 1, stale)
    pickers = of_kind(clients, first, ClientKind.LATENCY)
    assert pickers.sum() == (clients.population.kind == KINDS.index(ClientKind.LATENCY)).sum()
    assert (first.ts[pickers] - START < 25_000_001).all()
    again = clients.decide(stale, START + SECOND, START + 2 * SECOND, rng)
    assert of_kind(clients, again, ClientKind.LATENCY).sum() < pickers.sum() / 5


def test_lots_are_the_stake_in_tradable_steps(clients, rng):
    orders = ordered(clients, rng, 60)
    usd = np.array([100_000.0, 500_000.0])[orders.symbol]
    stake = clients.population.stake_usd[orders.account]
    assert orders.lots == pytest.approx(whole_lots(stake / usd))
    assert whole_lots(np.array([0.0, 0.014, 7.126, 1e6])).tolist() == [0.01, 0.01, 7.13, 50.0]


def test_a_martingale_player_doubles_after_each_loss_and_starts_again_after_a_gain(clients):
    player = int(np.flatnonzero(clients.population.kind == KINDS.index(ClientKind.MARTINGALE))[0])
    for losses in (1, 2, 3):
        clients.position_closed(player, -1.0)
        assert clients.losses[player] == losses
    clients.position_closed(player, 5.0)
    assert clients.losses[player] == 0
    for _ in range(50):
        clients.position_closed(player, -1.0)
    assert clients.losses[player] == 6


def test_nobody_else_doubles(clients):
    other = int(np.flatnonzero(clients.population.kind == KINDS.index(ClientKind.NOISE))[0])
    clients.position_closed(other, -1.0)
    assert clients.losses[other] == 0


@pytest.mark.parametrize("kind", list(ClientKind))
def test_positions_are_held_as_long_as_the_kind_holds(kind, rng):
    codes = np.full(20_000, KINDS.index(kind), np.int8)
    assert np.median(hold_seconds(codes, rng)) == pytest.approx(HABITS[kind].hold_s, rel=0.1)


def test_a_moment_meets_long_holds_in_proportion_to_their_length(rng):
    codes = np.zeros(200_000, np.int8)
    drawn = hold_seconds(codes, rng)
    met = hold_seconds(codes, rng, met=True)
    assert np.median(met) == pytest.approx(np.average(np.median(drawn)) * np.exp(1.3**2), rel=0.1)


def test_targets_belong_to_guarded_orders_only(rng):
    codes = np.full(5_000, KINDS.index(ClientKind.TREND), np.int8)
    take_profit, stop_loss = target_distances(codes, rng)
    guarded = np.isfinite(take_profit)
    assert guarded.mean() == pytest.approx(HABITS[ClientKind.TREND].guarded_share, abs=0.03)
    assert (np.isfinite(stop_loss) == guarded).all()
    assert np.median(take_profit[guarded]) == pytest.approx(75.0, rel=0.1)
    assert take_profit[guarded] / stop_loss[guarded] == pytest.approx(2.5)


def test_activity_follows_the_hours_without_steps():
    assert activity(START) == ACTIVITY_BY_HOUR_UTC[12]
    assert activity(START + HOUR // 2) == pytest.approx(sum(ACTIVITY_BY_HOUR_UTC[12:14]) / 2)
    assert activity(START + 11 * HOUR + HOUR // 2) == pytest.approx(
        (ACTIVITY_BY_HOUR_UTC[23] + ACTIVITY_BY_HOUR_UTC[0]) / 2
    )


def test_loaded_clients_remember_their_losses_and_pauses(clients, rng):
    clients.losses[5] = 4
    other = Clients(clients.population, 75.0, START + HOUR, rng)
    other.load(clients.save())
    assert other.losses[5] == 4
    assert (other.ready_at == clients.ready_at).all()
