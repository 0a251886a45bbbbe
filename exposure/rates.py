"""Conversion rates between currencies, found through the symbols that are quoted.

Source: semantics.md section 3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from exposure.model.instruments import Instrument
from exposure.ragged import Ragged
from exposure.state import PairArrays, PriceArrays, new_table, with_room


class Leg(NamedTuple):
    """One step of a conversion: multiply by the symbol's price, or divide if inverted."""

    symbol: int
    inverted: bool


class RateBook:
    """Which symbols lead from one currency to another, and what that is worth now."""

    def __init__(self, pivots: tuple[str, ...]) -> None:
        self._pivots = pivots
        self._symbols_of: dict[tuple[str, str], list[int]] = {}
        self._pair_of: dict[tuple[str, str], int] = {}
        self.pairs: PairArrays = new_table(PairArrays, 16)
        self.pairs_of_symbol = Ragged()

    def define(self, symbol: int, instrument: Instrument) -> None:
        """Make a symbol known; no conversion goes through it before its first quote."""
        self.pairs_of_symbol.add_row()
        self._name(symbol, instrument)

    def _name(self, symbol: int, instrument: Instrument) -> None:
        base, quote = instrument.base, instrument.quote
        if base == quote:
            return
        symbols = self._symbols_of.setdefault((base, quote), [])
        exact = instrument.symbol == f"{base}{quote}"
        symbols.insert(0 if exact else len(symbols), symbol)

    def redefine(self, instruments: list[Instrument], prices: PriceArrays) -> None:
        """Read all symbols' names anew after one of them changed, and find every path again."""
        self._symbols_of.clear()
        for symbol, instrument in enumerate(instruments):
            self._name(symbol, instrument)
        self.resolve(prices)

    def path(self, prices: PriceArrays, source: str, target: str) -> tuple[Leg, ...] | None:
        """Return the legs from source to target, () if same, None if no path is quoted."""
        if source == target:
            return ()
        direct = self._leg(prices, source, target)
        if direct is not None:
            return (direct,)
        for pivot in self._pivots:
            if pivot in {source, target}:
                continue
            first = self._leg(prices, source, pivot)
            second = self._leg(prices, pivot, target)
            if first is not None and second is not None:
                return (first, second)
        return None

    def mid(self, prices: PriceArrays, source: str, target: str) -> float:
        """Return rate(source->target) at mid prices, NaN without a path."""
        legs = self.path(prices, source, target)
        if legs is None:
            return float("nan")
        rate = 1.0
        for leg in legs:
            mid = _mid(prices, leg.symbol)
            rate = rate / mid if leg.inverted else rate * mid
        return rate

    def market(self, prices: PriceArrays, source: str, target: str, *, is_profit: bool) -> float:
        """Return the rate at which a profit (or a loss) is exchanged at market, NaN if none."""
        legs = self.path(prices, source, target)
        if legs is None:
            return float("nan")
        rate = 1.0
        for leg in legs:
            at_bid = is_profit != leg.inverted
            price = float((prices.bid if at_bid else prices.ask)[leg.symbol])
            rate = rate / price if leg.inverted else rate * price
        return rate

    def pair(self, prices: PriceArrays, source: str, target: str) -> int:
        """Return the number of a conversion that kernels keep current, adding it if new."""
        key = (source, target)
        if key not in self._pair_of:
            self._pair_of[key] = len(self._pair_of)
            self.pairs = with_room(self.pairs, len(self._pair_of))
            self.resolve(prices)
        return self._pair_of[key]

    @property
    def pair_names(self) -> list[tuple[str, str]]:
        """All conversions in order of their number."""
        return list(self._pair_of)

    def resolve(self, prices: PriceArrays) -> None:
        """Find every conversion's path anew; needed when a symbol gets its first quote."""
        for (source, target), number in self._pair_of.items():
            legs = self.path(prices, source, target) or ()
            self._set_leg(number, 1, legs[0] if legs else None)
            self._set_leg(number, 2, legs[1] if len(legs) > 1 else None)
            gain = self.market(prices, source, target, is_profit=True)
            loss = self.market(prices, source, target, is_profit=False)
            self.pairs.mid[number] = self.mid(prices, source, target)
            self.pairs.gain[number], self.pairs.loss[number] = gain, loss
        self._link_symbols(prices)

    def restore_pairs(
        self, prices: PriceArrays, names: list[tuple[str, str]], pairs: PairArrays
    ) -> None:
        """Take back stored conversions; their rates stay as they were."""
        self._pair_of = {name: number for number, name in enumerate(names)}
        self.pairs = with_room(pairs, max(len(names), 1))
        self._link_symbols(prices)

    def _link_symbols(self, prices: PriceArrays) -> None:
        self.pairs_of_symbol.clear()
        for (source, target), number in self._pair_of.items():
            for leg in self.path(prices, source, target) or ():
                self.pairs_of_symbol.append(leg.symbol, number)

    def _set_leg(self, number: int, which: int, leg: Leg | None) -> None:
        symbols, flags = (
            (self.pairs.leg_1, self.pairs.inverted_1)
            if which == 1
            else (self.pairs.leg_2, self.pairs.inverted_2)
        )
        symbols[number] = -1 if leg is None else leg.symbol
        flags[number] = leg is not None and leg.inverted

    def _leg(self, prices: PriceArrays, source: str, target: str) -> Leg | None:
        symbol = self._quoted(prices, source, target)
        if symbol is not None:
            return Leg(symbol, inverted=False)
        symbol = self._quoted(prices, target, source)
        return None if symbol is None else Leg(symbol, inverted=True)

    def _quoted(self, prices: PriceArrays, base: str, quote: str) -> int | None:
        """Return the quoted symbol XY: the one named exactly so, else the first defined."""
        symbols = self._symbols_of.get((base, quote), ())
        return next((symbol for symbol in symbols if _usable(prices, symbol)), None)


def _mid(prices: PriceArrays, symbol: int) -> float:
    return (float(prices.bid[symbol]) + float(prices.ask[symbol])) / 2


def _usable(prices: PriceArrays, symbol: int) -> bool:
    return bool(prices.quoted[symbol]) and _mid(prices, symbol) > 0.0


def house_rates(
    book: RateBook, prices: PriceArrays, instruments: list[Instrument]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return rate(quote->USD) per instrument at mid, NaN without a path.

    Shapes: (instruments,).
    """
    known = {quote: book.mid(prices, quote, "USD") for quote in {i.quote for i in instruments}}
    return np.array([known[i.quote] for i in instruments], np.float64)
