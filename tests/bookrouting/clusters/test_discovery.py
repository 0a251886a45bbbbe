"""Rings are found among strangers, and strangers are not found however alike they are."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookrouting.clusters.discovery import Link, LinkKind, PairKind, find_pairs
from bookrouting.clusters.fills import FillColumns, decisions
from bookrouting.clusters.groups import group
from tests.bookrouting.clusters.made_fills import (
    DAY_S,
    SECOND,
    copying,
    fills,
    joined,
    shuffled,
    strangers,
)


def found_in(base, links=()):
    return find_pairs(decisions(base), links)


def together(pairs):
    return {tuple(sorted(pair[:2])) for pair in pairs}


def a_follower(seed=1, **ways):
    rng = np.random.default_rng(seed)
    return copying(strangers(rng), rng, 7, 60, **ways)


def test_a_follower_is_found_with_his_leader_delay_and_size():
    (pair,) = found_in(a_follower(size=0.5))
    assert (pair.leader, pair.follower, pair.kind) == (7, 60, PairKind.COPY)
    assert pair.coincidences > 10
    assert pair.expected < 1.0
    assert 0.0 < pair.lag_s < 5.0
    assert pair.size_ratio == pytest.approx(0.5)
    assert pair.leads_ratio == 1.0
    assert 0.25 < pair.followed_ratio < 0.75
    assert "took the same side" in pair.sentence
    assert f"{pair.coincidences} times" in pair.sentence


def test_a_hedged_pair_is_confirmed_by_sizes_and_closing_times_only():
    (pair,) = found_in(a_follower(sign=-1, size=1.05))
    assert (pair.kind, pair.is_confirmed) == (PairKind.HEDGE, True)
    (other_size,) = found_in(a_follower(sign=-1, size=3.0))
    (other_close,) = found_in(a_follower(sign=-1, size=1.05, close=False))
    assert not other_size.is_confirmed
    assert not other_close.is_confirmed


@pytest.mark.parametrize("seed", range(4))
def test_strangers_are_not_found(seed):
    assert found_in(strangers(np.random.default_rng(seed), accounts=200, symbols=3)) == []


def test_a_young_account_is_found_by_five_trades_beside_a_known_leader():
    rng = np.random.default_rng(3)
    base = copying(strangers(rng, accounts=150, trades=60), rng, 0, 150, share=0.6)
    led = np.flatnonzero(base.account == 0)[10:15]
    young = FillColumns(
        np.full(5, 151, np.int32), base.symbol[led], base.side[led], np.ones(5),
        base.ts[led] + 9 * SECOND, base.closed[led],
    )  # fmt: skip
    (cluster,) = group(found_in(joined(base, young)))
    assert cluster.members == (0, 150, 151)


def news_day(rng, accounts=150, bursts=40):
    """Strangers who all jump on the same news, mostly on the same side."""
    base = strangers(rng, accounts=accounts)
    rows = []
    for _ in range(bursts):
        at, side = rng.random() * 10 * DAY_S, rng.choice([-1, 1])
        for account in np.flatnonzero(rng.random(accounts) < 0.25).tolist():
            own = side if rng.random() < 0.9 else -side
            rows.append((account, 0, own, at + rng.exponential(15.0)))
    return joined(base, fills(*rows))


@pytest.mark.parametrize("seed", range(3))
def test_a_crowd_that_jumps_on_news_is_no_cluster(seed):
    assert found_in(news_day(np.random.default_rng(seed))) == []


def test_a_follower_is_found_in_a_crowd_that_jumps_on_news():
    rng = np.random.default_rng(9)
    assert together(found_in(copying(news_day(rng), rng, 7, 150, share=0.4))) == {(7, 150)}


def test_robots_that_wait_for_the_same_bar_are_no_cluster():
    rng = np.random.default_rng(2)
    base = strangers(rng, accounts=100)
    robots = [
        (100 + robot, 0, rng.choice([-1, 1]), 300.0 * bar + rng.random())
        for robot in range(8)
        for bar in np.flatnonzero(rng.random(10 * DAY_S // 300) < 0.08).tolist()
    ]
    assert found_in(joined(base, fills(*robots))) == []


def test_those_who_trade_little_but_the_most_popular_symbol_are_no_cluster():
    rng = np.random.default_rng(4)
    busy = strangers(rng, accounts=300, trades=40, symbols=1, days=3)
    assert found_in(busy) == []


def test_ten_thousand_clusters_of_one_are_quick_and_empty():
    rng = np.random.default_rng(1)
    assert found_in(strangers(rng, accounts=10_000, trades=1)) == []
    assert found_in(strangers(rng, accounts=10_000, trades=3)) == []


def test_tickets_of_one_decision_do_not_count_as_many():
    one = [(0, 0, 1, 1_000.0 + k) for k in range(20)] + [(0, 0, 1, 50_000.0 * k) for k in (1, 3, 5)]
    other = [(1, 0, 1, 1_001.0 + k) for k in range(20)] + [(1, 0, 1, 50_000.0 * k) for k in (2, 4)]
    rest = strangers(np.random.default_rng(1), accounts=30)
    moved = rest._replace(account=rest.account + 2)
    assert found_in(joined(fills(*one, *other), moved)) == []


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 5), number=st.integers(0, 2**31))
def test_order_mirrored_sides_and_other_numbers_change_nothing(seed, number):
    rng = np.random.default_rng(number)
    base = copying(strangers(np.random.default_rng(seed), accounts=30), rng, 7, 30)
    pairs = found_in(base)
    assert found_in(shuffled(base, rng)) == pairs
    mirrored = found_in(base._replace(side=(-base.side).astype(np.int8)))
    assert [pair[:6] for pair in mirrored] == [pair[:6] for pair in pairs]
    name = rng.permutation(31).astype(np.int32)
    renamed = together(found_in(base._replace(account=name[base.account])))
    assert renamed == {tuple(sorted((int(name[a]), int(name[b])))) for a, b in together(pairs)}


def weak_pair(seed, trades):
    """Two accounts of which one copies so few trades that it is not found by that alone."""
    rng = np.random.default_rng(seed)
    base = strangers(rng, accounts=300, trades=40)
    led = np.flatnonzero(base.account == 0)[5 : 5 + trades]
    delay = np.array([130, 90, 140, 75, 110])[:trades] * SECOND
    return joined(base, FillColumns(
        np.full(trades, 300, np.int32), base.symbol[led], base.side[led], np.ones(trades),
        base.ts[led] + delay, base.closed[led],
    ))  # fmt: skip


def test_a_link_raises_the_odds_of_a_pair_that_trades_alike():
    base = weak_pair(1, 4)
    assert found_in(base) == []
    links = [Link(300, 0, LinkKind.PAYMENT), Link(0, 300, LinkKind.DEVICE)]
    assert together(found_in(base, links)) == {(0, 300)}


def test_a_link_alone_is_never_enough():
    base = strangers(np.random.default_rng(2), accounts=40)
    links = [Link(a, a + 1, kind) for a in range(39) for kind in LinkKind]
    assert found_in(base, links) == []
    assert found_in(base, [Link(0, 0, LinkKind.DEVICE), Link(0, 999, LinkKind.DEVICE)]) == []


def test_one_account_or_none_is_no_question():
    assert found_in(fills((0, 0, 1, 1.0))) == []
    assert found_in(strangers(np.random.default_rng(1), accounts=0)) == []


def test_every_number_of_a_pair_is_finite():
    for pair in found_in(a_follower()):
        assert all(math.isfinite(x) for x in pair if isinstance(x, int | float))
