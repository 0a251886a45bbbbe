"""What a broker can know of each client's trades: the numbers every method is given.

Straightforward on purpose and independent of the product: as-of look-ups in the whole day's quotes.
Shapes are (clients, trades) with NaN after a client's last trade, so that "after n trades" is a
slice. Source: science.md sections 1.1 and 2.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from dealing.lab.columns import NS, Flags, Floats, Ints, Population, Quotes, place_of
from exposure.kernels import kernel

HORIZONS_S: Final = (1.0, 10.0, 60.0, 300.0, 1_800.0)

_KAPPA: Final = 2.1
_V0: Final = 0.153
"""Variance that every markout has, in squared costs: 0.3 pip^2 at a cost of 1.4 pips."""
_WINSOR: Final = 5.0
_VARIANCE_MEMORY_S: Final = 600.0
_LEAST_STEP_S: Final = 1.0


class Observed(NamedTuple):
    """Trades in units of their cost.

    Shapes: (clients, trades), ``markout, variance`` (clients, trades, horizons). Units: costs (the
    spread paid at entry and the commission); ``pnl_usd, notional_usd`` USD; ``hold_s`` seconds;
    ``stale`` NaN without a reference feed; ``known`` marks trades that exist.
    """

    known: Flags
    markout: Floats
    variance: Floats
    swap: Floats
    pnl: Floats
    pnl_usd: Floats
    notional_usd: Floats
    hold_s: Floats
    stale: Floats
    entry_ns: Ints
    symbol: Ints

    @property
    def many(self) -> Ints:
        """How many trades each client has."""
        many: Ints = self.known.sum(axis=1)
        return many

    def until(self, n: int) -> Observed:
        """Return everybody's first n trades."""
        return self._like([column[:, :n] for column in self])

    def of(self, clients: Flags) -> Observed:
        """Return some clients."""
        return self._like([column[clients] for column in self])

    def _like(self, columns: list[Any]) -> Observed:
        return Observed(*columns)


class QuoteIndex:
    """Looks up what was quoted at a moment, symbol by symbol."""

    def __init__(self, quotes: Quotes, symbols: int) -> None:
        self._places = [np.flatnonzero(quotes.symbol == s) for s in range(symbols)]
        self._ts = [quotes.ts[places] for places in self._places]
        self._mid = 0.5 * (quotes.bid + quotes.ask)
        self._spread = quotes.ask - quotes.bid

    def mid(self, symbol: Ints, ts: Ints) -> Floats:
        """Return the latest mids at moments; NaN before the first and after the last quote."""
        return self._at(self._mid, symbol, ts)

    def spread(self, symbol: Ints, ts: Ints) -> Floats:
        """Return the latest spreads at moments; NaN before the first and after the last quote."""
        return self._at(self._spread, symbol, ts)

    def variance(self, symbol: Ints, ts: Ints) -> Floats:
        """Return the mid's variance per second as it was estimated at moments."""
        out = np.full(len(ts), np.nan)
        for s, (places, known) in enumerate(zip(self._places, self._ts, strict=True)):
            mine = np.flatnonzero(symbol == s)
            if len(mine) == 0 or len(known) == 0:
                continue
            rate = np.empty(len(known))
            variance_rate(known, self._mid[places], _VARIANCE_MEMORY_S, rate)
            k = np.searchsorted(known, ts[mine], side="right") - 1
            out[mine] = np.where(k >= 0, rate[k.clip(0)], np.nan)
        return out

    def _at(self, column: Floats, symbol: Ints, ts: Ints) -> Floats:
        out = np.full(len(ts), np.nan)
        for s, (places, known) in enumerate(zip(self._places, self._ts, strict=True)):
            mine = np.flatnonzero(symbol == s)
            if len(mine) == 0 or len(known) == 0:
                continue
            k = np.searchsorted(known, ts[mine], side="right") - 1
            good = (k >= 0) & (ts[mine] <= known[-1])
            out[mine] = np.where(good, column[places[k.clip(0)]], np.nan)
        return out


@kernel
def variance_rate(ts: Ints, mid: Floats, memory_s: float, rate: Floats) -> None:
    """Estimate variance per second with a memory in seconds, from moves at least a second apart."""
    moved, passed, last_ts, last_mid = 0.0, 0.0, ts[0], mid[0]
    rate[0] = 0.0
    for i in range(1, len(ts)):
        step = (ts[i] - last_ts) / NS
        if step >= _LEAST_STEP_S:
            kept = np.exp(-step / memory_s)
            moved = moved * kept + (mid[i] - last_mid) ** 2
            passed = passed * kept + step
            last_ts, last_mid = ts[i], mid[i]
        rate[i] = moved / passed if passed > 0.0 else 0.0


def observed(population: Population) -> Observed:
    """Compute everything that methods look at."""
    trades, symbols = population.trades, len(population.terms)
    index = QuoteIndex(population.quotes, symbols)
    shown = index.mid(trades.symbol, trades.entry_ns)
    cost = index.spread(trades.symbol, trades.entry_ns) + trades.commission
    rate = index.variance(trades.symbol, trades.entry_ns) / cost**2
    markouts, variances = [], []
    for horizon in HORIZONS_S:
        later = index.mid(trades.symbol, trades.entry_ns + int(horizon * NS))
        variance = _KAPPA * rate * horizon + _V0
        edge = _WINSOR * np.sqrt(variance)
        markouts.append((trades.side * (later - shown) / cost).clip(-edge, edge))
        variances.append(variance)
    gain = trades.side * (trades.exit_price - trades.entry_price) - trades.commission + trades.swap
    per_lot = np.array([one.contract_size * one.usd_per_quote for one in population.terms])
    gain = np.where(trades.exit_ns <= population.quotes.ts[-1], gain, np.nan)
    units_usd = trades.lots * per_lot[trades.symbol]
    columns = (
        np.stack(markouts, axis=-1),
        np.stack(variances, axis=-1),
        trades.swap / cost,
        gain / cost,
        gain * units_usd,
        trades.entry_price * units_usd,
        (trades.exit_ns - trades.entry_ns) / NS,
        _stale(population, shown, cost),
    )
    return _by_client(population, columns)


def _stale(population: Population, shown: Floats, cost: Floats) -> Floats:
    if population.reference is None:
        return np.full(len(cost), np.nan)
    trades = population.trades
    index = QuoteIndex(population.reference, len(population.terms))
    stale: Floats = trades.side * (index.mid(trades.symbol, trades.entry_ns) - shown) / cost
    return stale


def _by_client(population: Population, columns: tuple[Floats, ...]) -> Observed:
    trades, clients = population.trades, len(population.truth.kind)
    place = place_of(trades)
    shape = (clients, int(place.max(initial=-1)) + 1)
    known = np.zeros(shape, bool)
    known[trades.client, place] = True
    entry, symbol = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    entry[trades.client, place] = trades.entry_ns
    symbol[trades.client, place] = trades.symbol
    padded: list[Any] = [known]
    for column in columns:
        out = np.full((*shape, *column.shape[1:]), np.nan)
        out[trades.client, place] = column
        padded.append(out)
    padded += [entry, symbol]
    return Observed(*padded)
