"""A market full of strangers among whom some act as one: the stress for cluster detection.

Strangers are made hard to tell from rings: popular symbols, busy hours, herds that lean one way for
an hour, news on which everybody jumps, robots that wait for the same bar, grids that open ten
tickets at once. Rings are made faint: their followers copy a small part of the leader's trades,
late, in other sizes, and hide it among trades of their own; some have five trades in all.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from bookrouting.clusters.fills import FillColumns, Floats, Int64s

Generator = np.random.Generator

_S: Final = 1_000_000_000
_DAY_S: Final = 86_400.0
_START: Final = 1_773_014_400 * _S
_SYMBOL_WEIGHTS: Final = 1.0 / np.arange(1, 13)
_HOURS: Final = np.array(
    [4, 4, 4, 3, 3, 4, 6, 8, 10, 10, 10, 9, 10, 12, 12, 11, 10, 8, 7, 6, 5, 4, 4, 4], float
)
_NEWS_A_DAY: Final = 5
_NEWS_SHARE: Final = 0.15
_ROBOT_SHARE: Final = 0.03
_GRID_SHARE: Final = 0.05
_LEAN: Final = 0.25
_YOUNG_TRADES: Final = 5


class RingTerms(NamedTuple):
    """How many act as one, and how well they hide it.

    Units: shares of the leader's trades that are copied, delays in seconds (log-uniform), ``size``
    the standard deviation of the log size ratio, ``young_share`` of followers with five trades in
    all, ``own_ratio`` trades of a follower's own per copied one.
    """

    accounts: int = 800
    days: int = 20
    trades: float = 60.0
    rings: int = 10
    hedged_pairs: int = 10
    follow: tuple[float, float] = (0.15, 0.30)
    delay_s: tuple[float, float] = (0.2, 120.0)
    size_sigma: float = 0.5
    young_share: float = 0.2
    own_ratio: float = 1.0


class RingDay(NamedTuple):
    """Opening deals and the truth.

    ``rings`` lists each copy cluster, the leader first; ``hedged`` each pair that stands against
    itself.
    """

    fills: FillColumns
    rings: list[list[int]]
    hedged: list[tuple[int, int]]


class _Trades(NamedTuple):
    """Trades of one account. Shapes: (n,). Units: ``at`` and ``hold`` s from the start."""

    at: Floats
    symbol: Int64s
    side: Int64s
    lots: Floats
    hold: Floats


def make_rings(seed: int, terms: RingTerms | None = None) -> RingDay:
    """Return some weeks of opening deals with rings among strangers."""
    terms = terms or RingTerms()
    rng = np.random.default_rng([seed, 17])
    lean = 0.5 + _LEAN * rng.standard_normal((terms.days * 24 + 1, len(_SYMBOL_WEIGHTS)))
    world = _World(terms, lean, rng)
    everybody = [world.stranger() for _ in range(terms.accounts)]
    world.join_news(everybody)
    names = iter(rng.permutation(terms.accounts).tolist())
    rings = [[next(names) for _ in range(rng.integers(3, 7))] for _ in range(terms.rings)]
    for ring in rings:
        everybody[ring[0]] = world.leader()
        for follower in ring[1:]:
            everybody[follower] = world.follower(everybody[ring[0]])
    hedged = [(next(names), next(names)) for _ in range(terms.hedged_pairs)]
    for one, other in hedged:
        everybody[one] = world.leader()
        everybody[other] = world.opposite(everybody[one])
    return RingDay(_columns(everybody), rings, hedged)


class _World:
    def __init__(
        self,
        terms: RingTerms,
        lean: Floats,
        rng: Generator,
    ) -> None:
        self._terms, self._lean, self._rng = terms, lean, rng

    def stranger(self) -> _Trades:
        rng = self._rng
        count = max(1, int(self._terms.trades * rng.lognormal(-0.5, 1.0)))
        begins = rng.random() * 0.7 * self._terms.days if rng.random() < 0.3 else 0.0  # noqa: PLR2004
        trades = self._trades(count, begins)
        draw = rng.random()
        if draw < _ROBOT_SHARE:
            return trades._replace(at=np.floor(trades.at / 300.0) * 300.0 + rng.random(count))
        return self._with_grids(trades) if draw < _ROBOT_SHARE + _GRID_SHARE else trades

    def leader(self) -> _Trades:
        return self._trades(int(self._rng.integers(60, 240)), 0.0)

    def follower(self, leader: _Trades) -> _Trades:
        rng, terms = self._rng, self._terms
        young = rng.random() < terms.young_share
        share = rng.uniform(*terms.follow)
        copied = np.flatnonzero(rng.random(len(leader.at)) < share)
        if young:
            begin = rng.integers(max(1, len(copied) - _YOUNG_TRADES + 1))
            copied = copied[begin : begin + _YOUNG_TRADES]
        copies = self._copies(leader, copied)
        own = 0 if young else rng.poisson(terms.own_ratio * len(copied))
        return _joined(copies, self._trades(int(own), 0.0))

    def opposite(self, one: _Trades) -> _Trades:
        rng, terms = self._rng, self._terms
        copied = np.flatnonzero(rng.random(len(one.at)) < rng.uniform(*terms.follow))
        copies = self._copies(one, copied)
        return _joined(
            copies._replace(
                side=-copies.side,
                lots=one.lots[copied] * np.exp(rng.uniform(-0.15, 0.15, len(copied))),
                hold=one.hold[copied] + one.at[copied] - copies.at + rng.random(len(copied)) * 20,
            ),
            self._trades(int(rng.poisson(terms.own_ratio * len(copied))), 0.0),
        )

    def join_news(self, everybody: list[_Trades]) -> None:
        rng = self._rng
        for _ in range(_NEWS_A_DAY * self._terms.days):
            at, symbol = rng.random() * self._terms.days * _DAY_S, self._symbols(1)[0]
            side = rng.choice([-1, 1])
            for account in np.flatnonzero(rng.random(len(everybody)) < _NEWS_SHARE).tolist():
                moment = at + rng.exponential(20.0)
                follows = side if rng.random() < 0.8 else -side  # noqa: PLR2004
                one = self._trades(1, 0.0)
                everybody[account] = _joined(
                    everybody[account],
                    one._replace(
                        at=np.array([moment]), symbol=np.array([symbol]), side=np.array([follows])
                    ),
                )

    def _copies(self, leader: _Trades, copied: Int64s) -> _Trades:
        rng, terms = self._rng, self._terms
        low, high = np.log(terms.delay_s)
        delay = np.exp(rng.uniform(low, high, len(copied)))
        ratio = np.exp(rng.normal(rng.normal(0.0, 1.0), terms.size_sigma, len(copied)))
        return _Trades(
            leader.at[copied] + delay,
            leader.symbol[copied],
            leader.side[copied],
            leader.lots[copied] * ratio,
            leader.hold[copied],
        )

    def _trades(self, count: int, begins: float) -> _Trades:
        rng, days = self._rng, self._terms.days
        day = rng.uniform(begins, days, count).astype(int)
        hour = rng.choice(24, count, p=_HOURS / _HOURS.sum())
        at = day * _DAY_S + (hour + rng.random(count)) * 3_600.0
        favourites = self._symbols(3)
        symbol = favourites[rng.choice(3, count, p=(0.6, 0.3, 0.1))]
        lean = self._lean[(at // 3_600.0).astype(int), symbol]
        side = np.where(rng.random(count) < lean, 1, -1)
        lots = np.exp(rng.normal(-2.0, 1.0)) * np.exp(rng.normal(0.0, 0.3, count))
        return _Trades(at, symbol, side, lots, rng.lognormal(7.0, 1.0, count))

    def _with_grids(self, trades: _Trades) -> _Trades:
        times = self._rng.integers(1, 8, len(trades.at))
        spread = self._rng.random(int(times.sum())) * 10.0
        grid = _Trades._make(np.repeat(column, times) for column in trades)
        return grid._replace(at=grid.at + spread)

    def _symbols(self, count: int) -> Int64s:
        weights = _SYMBOL_WEIGHTS / _SYMBOL_WEIGHTS.sum()
        return self._rng.choice(len(weights), count, p=weights)


def _joined(first: _Trades, second: _Trades) -> _Trades:
    return _Trades._make(np.concatenate(pair) for pair in zip(first, second, strict=True))


def _columns(everybody: list[_Trades]) -> FillColumns:
    account = np.repeat(np.arange(len(everybody)), [len(one.at) for one in everybody])
    at, symbol, side, lots, hold = (
        np.concatenate(column) for column in zip(*everybody, strict=True)
    )
    ts = _START + (at * _S).astype(np.int64)
    return FillColumns(
        account.astype(np.int32), symbol.astype(np.int32), side.astype(np.int8), lots, ts,
        ts + (hold * _S).astype(np.int64),
    )  # fmt: skip
