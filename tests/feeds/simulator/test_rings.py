"""Followers copy a leader, later and in their own size; partners stand against each other."""

import numpy as np
import pytest

from feeds.simulator.kinds import KINDS, ClientKind
from feeds.simulator.population import populate
from feeds.simulator.rings import NOBODY, Echo, Followers
from tests.feeds.simulator.small_market import SECOND, START, SmallMarket

INSTRUMENTS = SmallMarket().instruments
DONE = Echo(START, 0, 3, 1, 0.5, START + 60 * SECOND, 0.01, 0.02)


@pytest.fixture(scope="module")
def crowd():
    return populate(2_000, INSTRUMENTS, np.random.default_rng(3))


@pytest.fixture
def rng():
    return np.random.default_rng(8)


def followers(crowd, sign):
    return np.flatnonzero(crowd.rings.sign == sign)


def echoes_of(crowd, leader, rng, times=400):
    desk = Followers(crowd.rings, crowd.stake_usd)
    for _ in range(times):
        desk.hear(DONE._replace(account=int(leader)), rng)
    return desk.due(START + 10**15)


def test_every_copier_has_a_leader_and_every_leader_a_few_of_them(crowd):
    rings = crowd.rings
    copiers = followers(crowd, 1)
    of_client = {crowd.accounts[k].client_id for k in copiers}
    wanted = KINDS.index(ClientKind.COPY)
    clients = {crowd.accounts[k].client_id for k in np.flatnonzero(crowd.kind == wanted)}
    assert of_client == clients
    _, sizes = np.unique(rings.leader[copiers], return_counts=True)
    assert sizes.max() <= 5
    assert np.median(sizes) >= 2
    assert not np.isin(rings.leader[copiers], copiers).any()


def test_hedged_clients_come_in_pairs_of_different_clients(crowd):
    rings = crowd.rings
    seconds = followers(crowd, -1)
    assert len(seconds) > 4
    for second in seconds:
        first = rings.leader[second]
        assert crowd.kind[first] == crowd.kind[second] == KINDS.index(ClientKind.HEDGED_PAIR)
        assert crowd.accounts[first].client_id != crowd.accounts[second].client_id
        assert (rings.ring == rings.ring[second]).sum() == 2


def test_followers_copy_their_share_of_trades_later_and_in_their_own_size(crowd, rng):
    leader = crowd.rings.leader[followers(crowd, 1)[0]]
    mine = np.flatnonzero(crowd.rings.leader == leader)
    echoes = echoes_of(crowd, leader, rng)
    for follower in mine:
        own = [echo for echo in echoes if echo.account == follower]
        assert len(own) / 400 == pytest.approx(crowd.rings.share[follower], abs=0.1)
        delays = np.array([echo.due - START for echo in own]) / SECOND
        assert np.median(delays) == pytest.approx(crowd.rings.delay_s[follower], rel=0.25)
        assert {echo.sign for echo in own} == {1}
        ratio = np.array([echo.lots for echo in own]) / 0.5
        usual = crowd.stake_usd[follower] / crowd.stake_usd[leader]
        assert np.median(ratio) == pytest.approx(usual, rel=0.15)


def test_partners_take_the_other_side_in_nearly_the_same_size_until_the_same_time(crowd, rng):
    second = followers(crowd, -1)[0]
    echoes = echoes_of(crowd, crowd.rings.leader[second], rng)
    assert len(echoes) / 400 > 0.9
    assert {echo.sign for echo in echoes} == {-1}
    assert {echo.exit_at for echo in echoes} == {DONE.exit_at}
    assert np.median([abs(echo.lots - 0.5) for echo in echoes]) < 0.05


def test_nobody_follows_who_follows_nobody(crowd, rng):
    alone = np.flatnonzero(crowd.rings.ring == 0)[0]
    assert crowd.rings.leader[alone] == NOBODY
    assert echoes_of(crowd, alone, rng) == []


def test_orders_on_their_way_are_due_in_order_once_and_survive_a_restart(crowd, rng):
    desk = Followers(crowd.rings, crowd.stake_usd)
    leader = int(crowd.rings.leader[followers(crowd, 1)[0]])
    for _ in range(50):
        desk.hear(DONE._replace(account=leader), rng)
    other = Followers(crowd.rings, crowd.stake_usd)
    other.load(desk.save())
    soon = desk.due(START + 2 * SECOND)
    assert soon == sorted(soon) == other.due(START + 2 * SECOND)
    rest = desk.due(START + 10**15)
    assert rest == other.due(START + 10**15) != []
    assert desk.due(START + 10**16) == []


def test_orders_on_their_way_are_split_with_their_symbol(crowd, rng):
    desk = Followers(crowd.rings, crowd.stake_usd)
    leader = int(crowd.rings.leader[followers(crowd, 1)[0]])
    for _ in range(20):
        desk.hear(DONE._replace(account=leader), rng)
    before = [Echo(*row) for row in desk.save()]
    desk.split(1, 4.0)
    assert [Echo(*row) for row in desk.save()] == before
    desk.split(3, 4.0)
    first = Echo(*desk.save()[0])
    assert (first.lots, first.take_profit, first.stop_loss) == (
        4.0 * before[0].lots, before[0].take_profit / 4.0, before[0].stop_loss / 4.0,
    )  # fmt: skip
