"""What the clients do: look at the market, decide, order, and plan when to give up.

All clients decide together, on columns. An order carries its own exit plan: how long it is meant to
be held and at which prices it is closed earlier.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feeds.simulator.choices import CHOOSERS, Floats, Generator, Ints, MarketView, Signs
from feeds.simulator.kinds import KINDS, ClientKind, habit_column
from feeds.simulator.population import Population

LARGEST_LOTS: Final = 50.0
SMALLEST_LOTS: Final = 0.01

_DOUBLINGS: Final = 6
_TARGET_SIGMA: Final = 0.6
_JUMP_REACTION_S: Final = 4.0
_LATENCY_REACTION_NS: Final = 25_000_000
_HOUR_S: Final = 3_600.0
_NS: Final = 1_000_000_000

ACTIVITY_BY_HOUR_UTC: Final = (
    0.45, 0.45, 0.40, 0.35, 0.35, 0.40, 0.55, 0.80, 0.95, 1.00, 0.95, 0.90,
    1.00, 1.15, 1.20, 1.15, 1.00, 0.85, 0.70, 0.60, 0.50, 0.35, 0.35, 0.40,
)  # fmt: skip
"""How busy clients are, as a multiple of a usual hour of the European day."""

_MARTINGALE: Final = KINDS.index(ClientKind.MARTINGALE)
_LATENCY: Final = KINDS.index(ClientKind.LATENCY)
_NEWS: Final = KINDS.index(ClientKind.NEWS)
_WATCHERS: Final = (_LATENCY, _NEWS)
"""Kinds that watch all the time and act on an occasion; all others look now and then."""


class Orders(NamedTuple):
    """Market orders, column by column, in order of time.

    Units: ``ts`` ns UTC; ``hold_ns`` meant to be held; the targets in price from the fill, inf
    for none.
    """

    ts: NDArray[np.int64]
    account: NDArray[np.int64]
    symbol: Ints
    sign: NDArray[np.int8]
    lots: Floats
    hold_ns: NDArray[np.int64]
    take_profit: Floats
    stop_loss: Floats


class Clients:
    """Everybody's next look at the market, and the stakes that martingale players have reached.

    Units: ``ready_at`` ns UTC, before which a watcher (LATENCY, NEWS) does not trade again;
    ``losses`` in a row.
    """

    def __init__(
        self, population: Population, orders_per_s_cap: float, now: int, rng: Generator
    ) -> None:
        self.population = population
        n = len(population.accounts)
        self.ready_at: NDArray[np.int64] = np.zeros(n, np.int64)
        self.losses: NDArray[np.int8] = np.zeros(n, np.int8)
        rate = habit_column("looks_per_hour")[population.kind] * population.pace / _HOUR_S
        self._pause_s: Floats = 1.0 / rate
        self._watchers = {code: np.flatnonzero(population.kind == code) for code in _WATCHERS}
        rate[np.isin(population.kind, _WATCHERS)] = 0.0
        self._pause(np.arange(n), now, rng)
        self._cumulative = np.cumsum(rate * min(1.0, orders_per_s_cap / max(rate.sum(), 1e-12)))

    def decide(self, view: MarketView, start: int, end: int, rng: Generator) -> Orders:
        """Return the orders of everybody who decides to trade in (start, end], by time."""
        watching = [self._watching(start, end, code, rng) for code in _WATCHERS]
        looking = np.concatenate([self._looking(start, end, rng), *watching])
        kind = self.population.kind[looking]
        symbol, sign = np.zeros(len(looking), np.int32), np.zeros(len(looking), np.int8)
        for code in np.unique(kind).tolist():
            mine = kind == code
            favourites = self.population.favourites[looking[mine]]
            symbol[mine], sign[mine] = CHOOSERS[KINDS[code]](view, favourites, rng)
        trading = (sign != 0) & view.open[symbol] & np.isfinite(view.usd_per_lot[symbol])
        ts = self._moments(kind[trading], start, end, rng)
        order = np.argsort(ts, kind="stable")
        account = looking[trading][order]
        self._pause(account, start, rng)
        return self._orders(
            view, ts[order], account, symbol[trading][order], sign[trading][order], rng
        )

    def position_closed(self, account: int, profit: float) -> None:
        """Let a client learn how a position ended; a martingale player remembers."""
        if self.population.kind[account] == _MARTINGALE:
            lost = profit < 0.0
            self.losses[account] = min(int(self.losses[account]) + 1, _DOUBLINGS) if lost else 0

    def save(self) -> dict[str, Any]:
        """Return what changes while clients trade."""
        return {"ready_at": self.ready_at, "losses": self.losses}

    def load(self, state: dict[str, Any]) -> None:
        """Take back what ``save`` returned."""
        self.ready_at, self.losses = state["ready_at"], state["losses"]

    def _looking(self, start: int, end: int, rng: Generator) -> NDArray[np.int64]:
        total = float(self._cumulative[-1])
        mean = total * activity(start) * (end - start) / _NS
        draws = rng.random(int(rng.poisson(mean))) * total
        chosen = np.searchsorted(self._cumulative, draws, side="right")
        return np.unique(chosen.clip(max=len(self._cumulative) - 1))

    def _watching(self, start: int, end: int, code: int, rng: Generator) -> NDArray[np.int64]:
        watchers = self._watchers[code]
        ready: NDArray[np.int64] = watchers[self.ready_at[watchers] <= start]
        if code == _LATENCY:
            return ready
        reacts = 1.0 - np.exp(-(end - start) / _NS / _JUMP_REACTION_S)
        reacting: NDArray[np.int64] = ready[rng.random(len(ready)) < reacts]
        return reacting

    def _moments(
        self, kind: NDArray[np.int8], start: int, end: int, rng: Generator
    ) -> NDArray[np.int64]:
        wait = rng.random(len(kind)) * (end - start)
        quick = rng.random(len(kind)) * _LATENCY_REACTION_NS
        wait = np.where(kind == _LATENCY, np.minimum(wait, quick), wait)
        return start + 1 + wait.astype(np.int64)

    def _pause(self, account: NDArray[np.int64], start: int, rng: Generator) -> None:
        watchers = account[np.isin(self.population.kind[account], _WATCHERS)]
        pause = rng.exponential(self._pause_s[watchers]) * _NS
        self.ready_at[watchers] = start + pause.astype(np.int64)

    def _orders(
        self,
        view: MarketView,
        ts: NDArray[np.int64],
        account: NDArray[np.int64],
        symbol: Ints,
        sign: Signs,
        rng: Generator,
    ) -> Orders:
        kind, distance = self.population.kind[account], view.distance[symbol]
        stake = self.population.stake_usd[account] * 2.0 ** self.losses[account].astype(np.int64)
        take_profit, stop_loss = target_distances(kind, rng)
        return Orders(
            ts=ts,
            account=account,
            symbol=symbol,
            sign=sign,
            lots=whole_lots(stake / view.usd_per_lot[symbol]),
            hold_ns=(hold_seconds(kind, rng) * _NS).astype(np.int64),
            take_profit=take_profit * distance,
            stop_loss=stop_loss * distance,
        )


def activity(ts: int) -> float:
    """Return how busy clients are at a moment, interpolated between whole hours UTC."""
    hours = ts / _NS / _HOUR_S % 24.0
    hour = int(hours)
    now, then = ACTIVITY_BY_HOUR_UTC[hour], ACTIVITY_BY_HOUR_UTC[(hour + 1) % 24]
    return now + (hours - hour) * (then - now)


def hold_seconds(kind: NDArray[np.int8], rng: Generator, *, met: bool = False) -> Floats:
    """Draw how long positions are meant to be held, in seconds.

    Args:
        kind: Codes of the owners' kinds, (n,).
        rng: The only source of chance.
        met: Draw as a moment meets them: in proportion to their length.
    """
    sigma = habit_column("hold_sigma")[kind]
    median: Floats = habit_column("hold_s")[kind]
    if met:
        median = median * np.exp(sigma * sigma)
    return median * np.exp(sigma * rng.standard_normal(len(kind)))


def target_distances(kind: NDArray[np.int8], rng: Generator) -> tuple[Floats, Floats]:
    """Draw how far away profit is taken and losses are stopped, inf for never.

    Everybody has a taste of their own, so that not all close at the same price.

    Shapes: kind (n,) -> two of (n,). Units: multiples of a symbol's ``distance``.
    """
    guarded = rng.random(len(kind)) < habit_column("guarded_share")[kind]
    taste = np.exp(_TARGET_SIGMA * rng.standard_normal(len(kind)))
    return (
        np.where(guarded, taste * habit_column("take_profit")[kind], np.inf),
        np.where(guarded, taste * habit_column("stop_loss")[kind], np.inf),
    )


def whole_lots(lots: Floats) -> Floats:
    """Return tradable lots: hundredths, between the smallest and the largest order."""
    return lots.clip(SMALLEST_LOTS, LARGEST_LOTS).round(2)
