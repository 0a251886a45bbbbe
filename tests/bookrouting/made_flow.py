"""A market of one symbol and clients of known truth, on a grid of seconds.

The mid is a walk with fat tails, a volatility of its own each hour, a hidden drift that comes and
goes, and news. The house quotes a second late. Clients of a kind and level share one true edge,
which is measured on a path of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bookrouting.flow_batch import entries_only
from bookrouting.flow_settings import NS_PER_S, SCORED_S, FlowSettings

KAPPA, FLOOR = FlowSettings().kappa, FlowSettings().floor_variance
LONGEST = int(SCORED_S[-1])

KINDS = {
    # kind: (levels of skill, seconds held, share of clients)
    "noise": ((0.0,), 600, 0.45),
    "trend": ((600.0,), 1_800, 0.20),
    "scalper": ((0.0,), 30, 0.12),
    "latency": ((1.2, 0.9, 0.6), 10, 0.04),
    "news": ((1.0, 0.6, 0.3), 60, 0.05),
    "informed": ((1.0, 0.7, 0.4, 0.15), 600, 0.10),
    "evader": ((0.7, 0.5), 10, 0.02),
    "swap": ((1.6, 0.8), 7_200, 0.02),
}


class Market(NamedTuple):
    """Prices in pips, one per second. Shapes: all (seconds,)."""

    mid: np.ndarray
    quoted: np.ndarray
    drift: np.ndarray
    half_spread: np.ndarray
    variance: np.ndarray
    news: np.ndarray


class Population(NamedTuple):
    """Clients' trades as columns of the flow book, and the truth about each client."""

    flow: object
    kind: np.ndarray
    edge: np.ndarray


def made_market(random, seconds=200_000, sigma=0.16, half_life=240.0, news_sd=10.0):
    hours = 1 + seconds // 3_600
    sd = sigma * np.repeat(np.exp(random.normal(0.0, 0.3, hours)), 3_600)[:seconds]
    noise = random.standard_t(4, seconds) / np.sqrt(2.0) * sd
    keep = 0.5 ** (1.0 / half_life)
    drift = np.empty(seconds)
    drift[0] = 0.0
    pushes = random.standard_normal(seconds) * 0.012 * sigma / 0.16 * np.sqrt(1.0 - keep**2)
    for t in range(1, seconds):
        drift[t] = keep * drift[t - 1] + pushes[t]
    news = np.sort(random.choice(seconds - 4_000, seconds // 7_200, replace=False)) + 1_000
    steps = noise + drift
    for at in news:
        steps[at : at + 30] += random.normal(0.0, news_sd) / 30.0
    mid = steps.cumsum()
    half = np.full(seconds, 0.7)
    for at in news:
        half[at : at + 60] = 1.4
    seen = np.empty(seconds)
    seen[0] = sigma**2
    squares, weight = np.diff(mid) ** 2, 1.0 - 0.5 ** (1.0 / 600.0)
    for t in range(1, seconds):
        seen[t] = seen[t - 1] + weight * (min(squares[t - 1], 25.0 * seen[t - 1]) - seen[t - 1])
    return Market(mid, np.concatenate([mid[:1], mid[:-1]]), drift, half, seen, news)


def chosen(random, market, kind, level, count):
    """Return when and on which side a client trades."""
    last = len(market.mid) - LONGEST - 10
    times = np.sort(random.choice(np.arange(1_000, last), count, replace=False))
    side = random.choice([-1.0, 1.0], count)
    match kind:
        case "latency" | "evader":
            gap = market.mid - market.quoted
            fast = np.flatnonzero(np.abs(gap[1_000:last]) > (level if kind == "latency" else 0.9))
            picked = np.sort(random.choice(fast + 1_000, count))
            fakes = random.random(count) < (0.0 if kind == "latency" else level)
            times = np.where(fakes, times, picked)
            side = np.where(fakes, side, np.sign(gap[times]))
        case "informed":
            right = random.random(count) < 0.5 + level / 2.0
            side = np.where(right, 1.0, -1.0) * np.sign(market.drift[times])
        case "news":
            soon = random.choice(market.news, count) + random.integers(1, 6, count)
            way = np.sign(market.mid[soon + 25] - market.mid[soon])
            right = random.random(count) < 0.5 + level / 2.0
            times, side = soon, np.where(right, 1.0, -1.0) * way
        case "trend":
            side = np.sign(market.mid[times] - market.mid[times - int(level)])
    order = np.argsort(times, kind="stable")
    return times[order], side[order]


def true_edge(random, market, kind, level, hold):
    """Return the mean net gain of many trades in costs; who tosses a coin just pays."""
    if kind in {"noise", "scalper"}:
        return -1.0
    if kind == "swap":
        return level - 1.0
    times, side = chosen(random, market, kind, level, 20_000)
    cost = 2.0 * market.half_spread[times]
    moved = market.quoted[np.minimum(times + hold, len(market.mid) - 1)] - market.quoted[times]
    return float((side * moved / cost).mean()) - 1.0


def population(seed, clients=600, trades=100, **terms):
    random = np.random.default_rng(seed)
    market, apart = made_market(random, **terms), made_market(random, 400_000, **terms)
    edges = {
        (kind, level): true_edge(random, apart, kind, level, hold)
        for kind, (levels, hold, _) in KINDS.items()
        for level in levels
    }
    shares = np.array([share for *_, share in KINDS.values()])
    kinds = random.choice(list(KINDS), clients, p=shares / shares.sum())
    rows, edge = [], np.empty(clients)
    for client, kind in enumerate(kinds):
        level = random.choice(KINDS[kind][0])
        edge[client] = edges[kind, level]
        times, side = chosen(random, market, kind, level, trades)
        swap = np.full(trades, level if kind == "swap" else 0.0)
        rows.append((np.full(trades, client), times, side, swap))
    client, times, side, swap = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    order = np.argsort(times, kind="stable")
    client, times, side, swap = client[order], times[order], side[order], swap[order]
    cost = 2.0 * market.half_spread[times]
    ahead = (times[:, None] + np.array(SCORED_S, np.int64)).astype(np.int64)
    moved = side[:, None] * (market.quoted[ahead] - market.quoted[times][:, None])
    variance = KAPPA * market.variance[times][:, None] * np.array(SCORED_S) / cost[:, None] ** 2
    flow = entries_only(
        client.astype(np.int32),
        times * NS_PER_S,
        moved / cost[:, None],
        variance + FLOOR,
        cost / 11_000.0,
        swap,
    )
    return Population(flow, kinds, edge)


def auc(score, positive):
    """Return the probability that a positive one scores above another; ties count half."""
    _, place = np.unique(score, return_inverse=True)
    counts = np.bincount(place)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[place]
    ones = int(positive.sum())
    others = len(positive) - ones
    return (ranks[positive].sum() - ones * (ones + 1) / 2.0) / (ones * others)
