"""What moves a book: one factor per currency and per asset, each priced in USD.

A symbol is long its base (or its asset) and short its quote, so its own return is the difference of
two factors and every cross agrees with its legs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.client_book import ClientBook
from exposure.currencies import ISO_CURRENCIES
from exposure.errors import DomainError
from exposure.model.instruments import AssetClass, Instrument
from exposure.risk.covariance import IntradayMoments
from exposure.underlyings import underlying_of

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]
Int32s = NDArray[np.int32]

USD: Final = "USD"
INTERVAL_NS: Final = 300_000_000_000
"""Prices are sampled when source time passes a multiple of five minutes."""

_UNKNOWN: Final = -1
_LONG_AGO: Final = -(10**9)
"""An interval from which no move is an observation."""


class FactorMap(NamedTuple):
    """Which factors symbols consist of; the number of factors stands for USD, which has no risk.

    ``symbols`` are those of each factor that is no currency, the best to price it by first.

    Shapes: names, classes, symbols (f,), asset, quote (symbols,).
    """

    names: list[str]
    classes: list[str]
    symbols: list[list[int]]
    asset: Int32s
    quote: Int32s


class Observed(NamedTuple):
    """A factor's USD price and when it was quoted (ns UTC); NaN without one."""

    price_usd: float
    stamp: int


def asset_of(instrument: Instrument) -> str:
    """Return what one is long of with a long position: a currency, or an asset."""
    if instrument.base != instrument.quote:
        return instrument.base
    return underlying_of(instrument)


def factor_map(instruments: Sequence[Instrument], known: Iterable[str] = ()) -> FactorMap:
    """Return the factors of instruments, those that are known already in their order first.

    Args:
        instruments: In order of definition.
        known: Names of factors.
    """
    index = {name: k for k, name in enumerate(known)}
    for instrument in instruments:
        for name in (asset_of(instrument), instrument.quote):
            if name != USD:
                index.setdefault(name, len(index))
    classes = [AssetClass.FX.value if name in ISO_CURRENCIES else "" for name in index]
    symbols: list[list[int]] = [[] for _ in index]
    for symbol, instrument in enumerate(instruments):
        k = index.get(asset_of(instrument))
        if k is not None and classes[k] != AssetClass.FX:
            classes[k] = classes[k] or instrument.asset_class
            symbols[k].append(symbol)
    for listed in symbols:
        listed.sort(key=lambda symbol: instruments[symbol].quote != USD)
    index[USD] = len(index)
    return FactorMap(
        list(index)[:-1],
        classes,
        symbols,
        np.array([index[asset_of(i)] for i in instruments], np.int32),
        np.array([index[i.quote] for i in instruments], np.int32),
    )


def usd_prices(pairs: Sequence[tuple[str, str]], closes: Floats) -> tuple[list[str], Floats]:
    """Return the factors of a history of pairs, and their USD prices.

    Of several ways to USD the one over the fewest pairs counts, then the pair that comes first.

    Args:
        pairs: Base and quote of each column.
        closes: One row per moment, prices above 0.

    Raises:
        DomainError: A base or quote has no way to USD.

    Shapes: closes (t, n) -> (t, f).
    """
    found: dict[str, Floats] = {USD: np.ones(len(closes))}
    while True:
        reached: dict[str, Floats] = {}
        for k, (base, quote) in enumerate(pairs):
            if quote in found and base not in found:
                reached.setdefault(base, closes[:, k] * found[quote])
            elif base in found and quote not in found:
                reached.setdefault(quote, found[base] / closes[:, k])
        if not reached:
            break
        found |= reached
    lost = sorted({name for pair in pairs for name in pair} - found.keys())
    if lost:
        raise DomainError(f"no pair leads from {', '.join(lost)} to USD: add one that does")
    names = [name for name in found if name != USD]
    return names, np.stack([found[name] for name in names], axis=1)


class FactorSampler:
    """Samples the factors' prices every five minutes of source time, and what they did.

    A factor is observed only if it was quoted since its last sample, so a closed market does not
    look calm. A split, dividend or adjustment breaks an asset's row of prices: its next move begins
    at the first quote after it.

    Shapes: ``prices``, ``stamps``, ``intervals``, ``references`` (f,), as ``names``.
    Units: prices USD, ``stamps`` ns, ``intervals`` five minutes since 1970; ``references`` the
    symbol by which an asset is priced, -1 for a currency or before its first quote.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.prices: Floats = np.zeros(0)
        self.stamps: Int64s = np.zeros(0, np.int64)
        self.intervals: Int64s = np.zeros(0, np.int64)
        self.references: Int32s = np.zeros(0, np.int32)
        self.moments = IntradayMoments()
        self.interval = _UNKNOWN
        self.sampled_at = 0
        self.samples = 0
        self._map = factor_map(())
        self._mapped_at = (0, 0, 0)

    def factors(self, book: ClientBook) -> FactorMap:
        """Return which factors the book's symbols consist of, those that are known first."""
        now = (len(book.instruments), book.names_version, len(self.names))
        if now != self._mapped_at:
            self._map, self._mapped_at = factor_map(book.instruments, self.names), now
        return self._map

    def pass_time(self, book: ClientBook, ts: int) -> None:
        """Sample if a boundary of five minutes was passed since the last sample.

        Args:
            book: Prices, rates and instruments.
            ts: Source time, ns UTC.
        """
        interval = ts // INTERVAL_NS
        if interval <= self.interval:
            return
        factors = self.factors(book)
        if len(factors.names) > len(self.names):
            self._grow(factors.names)
        seen = [self._observe(book, factors, k) for k in range(len(self.names))]
        prices = np.array([one.price_usd for one in seen], np.float64)
        stamps = np.array([one.stamp for one in seen], np.int64)
        fresh = np.isfinite(prices) & (stamps > self.stamps)
        with np.errstate(all="ignore"):  # an absurd price is no observation
            moves = np.where(self.absolute(book), prices - self.prices, self._log_moves(prices))
            self.moments.observe(np.where(fresh, moves, np.nan), interval - self.intervals)
        self.prices = np.where(fresh, prices, self.prices)
        self.stamps = np.where(fresh, stamps, self.stamps)
        self.intervals = np.where(fresh, interval, self.intervals)
        self.interval, self.sampled_at = interval, ts
        self.samples += 1

    def interrupt(self, book: ClientBook, symbol: str, ts: int) -> None:
        """Break the row of prices of the asset that a symbol prices: the next one means otherwise.

        Args:
            book: Knows the symbol.
            symbol: Whose prices jump without anybody gaining.
            ts: When, ns UTC; quotes up to then are of the old kind.
        """
        index = book.symbol_of.get(symbol)
        if index is not None:
            broken = self.references == index
            self.intervals[broken] = _LONG_AGO
            self.stamps[broken] = np.maximum(self.stamps[broken], ts)

    def absolute(self, book: ClientBook) -> NDArray[np.bool_]:
        """Return which factors move by differences, because their price may be negative.

        Shapes: (f,).
        """
        return (self.references >= 0) & book.prices.allow_negative[self.references]

    def export(self) -> dict[str, dict[str, Any]]:
        """Return everything as columns: one row per factor, and one per pair of factors."""
        moments, upper = self.moments, np.triu_indices(len(self.names))
        return {
            "factors": {
                "name": list(self.names),
                "price": self.prices.copy(),
                "stamp": self.stamps.copy(),
                "interval": self.intervals.copy(),
                "reference": self.references.copy(),
                "count": moments.counts.copy(),
                "squares": moments.squares.copy(),
                "intervals": moments.intervals.copy(),
            },
            "factor_pairs": {
                "products": moments.products[upper],
                "weights": moments.weights[upper],
            },
        }

    def export_clock(self) -> dict[str, int]:
        """Return when it sampled last, and how often it did."""
        return {
            "interval": self.interval,
            "sampled_at": self.sampled_at,
            "samples": self.samples,
        }

    def restore(self, tables: dict[str, dict[str, Any]], clock: dict[str, int]) -> None:
        """Take back what ``export`` and ``export_clock`` returned."""
        factors, pairs = tables["factors"], tables["factor_pairs"]
        self.names = list(factors["name"])
        self.prices, self.stamps = factors["price"].copy(), factors["stamp"].copy()
        self.intervals = factors["interval"].copy()
        self.references = factors["reference"].copy()
        moments = self.moments = IntradayMoments(len(self.names))
        moments.counts, moments.squares = factors["count"].copy(), factors["squares"].copy()
        moments.intervals = factors["intervals"].copy()
        upper = np.triu_indices(len(self.names))
        for matrix, column in (
            (moments.products, pairs["products"]),
            (moments.weights, pairs["weights"]),
        ):
            matrix[upper] = column
            matrix.T[upper] = column
        self.interval, self.sampled_at = clock["interval"], clock["sampled_at"]
        self.samples = clock["samples"]

    def _grow(self, names: list[str]) -> None:
        more = len(names) - len(self.names)
        self.names = list(names)
        self.prices = np.pad(self.prices, (0, more), constant_values=np.nan)
        self.stamps = np.pad(self.stamps, (0, more), constant_values=_UNKNOWN)
        self.intervals = np.pad(self.intervals, (0, more), constant_values=_LONG_AGO)
        self.references = np.pad(self.references, (0, more), constant_values=_UNKNOWN)
        self.moments.grow(len(names))

    def _observe(self, book: ClientBook, factors: FactorMap, k: int) -> Observed:
        prices = book.prices
        if not factors.symbols[k]:
            return _currency_price(book, factors.names[k])
        if self.references[k] < 0:
            quoted = (symbol for symbol in factors.symbols[k] if prices.quoted[symbol])
            self.references[k] = next(quoted, _UNKNOWN)
        symbol = int(self.references[k])
        if symbol < 0:
            return Observed(math.nan, _UNKNOWN)
        mid = (float(prices.bid[symbol]) + float(prices.ask[symbol])) / 2
        rate = book.rates.mid(prices, book.instruments[symbol].quote, USD)
        return Observed(mid * rate, int(prices.last_ts[symbol]))

    def _log_moves(self, prices: Floats) -> Floats:
        moves = np.full(len(prices), np.nan)
        np.log(prices / self.prices, out=moves, where=(prices > 0.0) & (self.prices > 0.0))
        return moves


def _currency_price(book: ClientBook, currency: str) -> Observed:
    legs = book.rates.path(book.prices, currency, USD)
    if not legs:
        return Observed(math.nan, _UNKNOWN)
    # as old as its older leg: a cross of a live and a dead quote is dead
    stamp = min(int(book.prices.last_ts[leg.symbol]) for leg in legs)
    return Observed(book.rates.mid(book.prices, currency, USD), stamp)
