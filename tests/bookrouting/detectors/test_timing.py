"""Who trades when: and what innocent reasons there are for it."""

import math

import numpy as np
import pytest

from bookrouting.detectors.timing import (
    jumps,
    near_releases,
    news,
    off_market_price,
    population_stale_shares,
    stale_quotes,
)
from tests.bookrouting.detectors.made_trades import SECOND, START, entries

NAN = float("nan")


def picker(n, share, rng=None, ahead=1.6e-4):
    """Entries of which a share comes when the fast feed is 0.8 spreads ahead."""
    rng = rng or np.random.default_rng(1)
    stale = rng.random(n) < share
    return entries(n, mid_fast=1.1 + stale * ahead + rng.normal(0.0, 1e-5, n))


def test_who_trades_stale_quotes_is_found_in_few_trades():
    found = stale_quotes(picker(12, 0.9), np.full(12, 0.02))
    assert found.fired
    assert found.statistic > 0.7
    assert found.n == 12
    assert "of 12 entries" in found.sentence


def test_who_meets_a_stale_quote_by_chance_is_not():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert not stale_quotes(picker(200, 0.03, rng), np.full(200, 0.03)).fired


def test_when_our_own_feed_lags_everybody_is_stale_and_nobody_a_picker():
    assert not stale_quotes(picker(30, 0.9), np.full(30, 0.8)).fired


def test_fewer_than_ten_entries_are_not_enough():
    assert not stale_quotes(picker(9, 1.0), np.full(9, 0.02)).fired


def test_a_sell_is_stale_when_the_fast_feed_is_below():
    sells = entries(12, side=-np.ones(12), mid_fast=np.full(12, 1.1 - 1.6e-4))
    assert stale_quotes(sells, np.full(12, 0.02)).fired
    assert not stale_quotes(sells._replace(side=np.ones(12)), np.full(12, 0.02)).fired


def test_without_a_fast_feed_there_is_nothing_to_say():
    found = stale_quotes(entries(20, mid_fast=np.full(20, NAN)), np.full(20, 0.02))
    assert (found.fired, found.n, found.sentence) == (False, 0, "no usable trades yet")


def test_the_population_of_a_minute_leaves_the_client_himself_out():
    account = np.array([1, 1, 2, 3, 4, 4])
    symbol = np.array([0, 0, 0, 0, 1, 1], np.int32)
    ts = START + np.array([1, 2, 3, 70, 1, 2]) * SECOND
    stale = np.array([True, True, False, True, False, False])
    shares = population_stale_shares(account, symbol, ts, stale)
    everybody = 0.5
    assert shares.tolist() == pytest.approx([
        (0 + 4 * everybody) / 5, (0 + 4 * everybody) / 5, (2 + 4 * everybody) / 6,
        everybody, everybody, everybody,
    ])  # fmt: skip
    none = np.zeros(0, np.int64)
    assert len(population_stale_shares(none, none.astype(np.int32), none, none > 0)) == 0


def test_a_fill_far_from_the_fast_feed_is_off_the_market_and_one_near_it_is_not():
    price = np.array([1.1001, 1.1003, 1.1004])
    found = off_market_price(entries(3, price=price))
    assert found.fired
    assert found.statistic == pytest.approx(4.0 / 3.0)
    assert "1 of 3 fills" in found.sentence
    assert not off_market_price(entries(3, price=price, sigma_1s=np.full(3, 1e-4))).fired
    assert off_market_price(entries(3, mid_fast=np.full(3, NAN))).n == 0


def test_entries_from_five_seconds_before_to_a_minute_after_a_release_are_near_it():
    ts = START + np.array([-6, -5, 0, 60, 61]) * SECOND
    symbol = np.zeros(5, np.int32)
    assert near_releases(ts, symbol, [(0, START)]).tolist() == [False, True, True, True, False]
    assert not near_releases(ts, symbol, [(1, START)]).any()
    assert not near_releases(ts, symbol, []).any()


def test_a_jump_is_found_once_and_a_walk_is_none():
    rng = np.random.default_rng(2)
    ts = START + np.arange(600) * SECOND
    walk = 1.1 + np.cumsum(rng.normal(0.0, 1e-5, 600))
    assert jumps(ts, walk, np.full(600, 1e-5)) == []
    walk[300:] += 5e-4
    walk[302:] += 5e-4
    assert jumps(ts, walk, np.full(600, 1e-5)) == [int(ts[300])]
    assert jumps(ts[:1], walk[:1], np.full(1, 1e-5)) == []


def trader_at_news(n, hits, gain):
    near = np.arange(n) < hits
    rng = np.random.default_rng(3)
    moved = np.where(near, gain + rng.normal(0.0, 2e-4, n), 0.0)
    return entries(n, markout_60s=moved), near


def test_news_traders_are_found_by_what_they_gain_not_by_when_they_come():
    assert news(*trader_at_news(40, 30, 4e-4), 0.05).fired
    assert not news(*trader_at_news(40, 30, 0.0), 0.05).fired
    assert not news(*trader_at_news(40, 2, 4e-4), 0.05).fired


def test_news_says_its_numbers():
    found = news(*trader_at_news(40, 30, 4e-4), 0.05)
    assert "30 of 40 entries" in found.sentence
    assert "5.0% is usual" in found.sentence
    assert math.isfinite(found.statistic)
    assert news(entries(0), np.zeros(0, np.bool_), 0.05).n == 0
