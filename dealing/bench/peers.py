"""The same work by other means: what one tick does to every account, in numpy and in pandas.

Both get the book's columns once and then, per tick, revalue the positions the tick touches, add
them up per account and look for accounts at or below their margin-call level.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from exposure.engine import ExposureEngine
from exposure.model.quotes import QuoteColumns
from exposure.state import BY_CLOSE, SAME

Floats = NDArray[np.float64]


class Peer(Protocol):
    """Something that keeps every account's floating profit current, tick by tick."""

    floating: Floats

    def tick(self, symbol: int, bid: float, ask: float) -> int:
        """Apply one quote and return how many accounts are at or below margin call."""
        ...


class Columns:
    """The book's columns in plain arrays, and which slots a tick of each symbol touches."""

    def __init__(self, engine: ExposureEngine) -> None:
        book, count = engine.book, len(engine.book.position_ids)
        p = book.positions
        self.account, self.symbol = p.account[:count].copy(), p.symbol[:count].copy()
        self.side, self.lots = p.side[:count].copy(), p.lots[:count].copy()
        self.open_price = p.open_price[:count].copy()
        self.conversion, self.pair = p.conversion[:count].copy(), p.pair[:count].copy()
        self.units = book.prices.units_per_lot[self.symbol]
        self.value = p.value[:count].copy()
        accounts = len(book.terms)
        self.funds = (book.accounts.balance + book.accounts.credit)[:accounts]
        self.margin = book.accounts.margin[:accounts].copy()
        self.call_level = book.accounts.margin_call_level[:accounts].copy()
        self.floating = book.accounts.floating[:accounts].copy()
        self.bid, self.ask = book.prices.bid.copy(), book.prices.ask.copy()
        self.mid_rate = book.rates.pairs.mid.copy()
        self.legs = book.rates.pairs
        self.pairs_of = [book.rates.pairs_of_symbol.row(s) for s in range(len(book.instruments))]
        self.slots_of = [slots_touched_by(engine, symbol) for symbol in range(len(self.pairs_of))]

    def quote(self, symbol: int, bid: float, ask: float) -> None:
        """Take a price and bring the rates that depend on it up to date."""
        self.bid[symbol], self.ask[symbol] = bid, ask
        for pair in self.pairs_of[symbol].tolist():
            rate = 1.0
            for leg, inverted in (
                (self.legs.leg_1[pair], self.legs.inverted_1[pair]),
                (self.legs.leg_2[pair], self.legs.inverted_2[pair]),
            ):
                if leg >= 0:
                    mid = (self.bid[leg] + self.ask[leg]) / 2
                    rate = rate / mid if inverted else rate * mid
            self.mid_rate[pair] = rate

    def values(self, slots: NDArray[np.int32]) -> Floats:
        """Return the floating profit of positions in account currency."""
        symbol, side = self.symbol[slots], self.side[slots]
        close = np.where(side > 0.0, self.bid[symbol], self.ask[symbol])
        profit = side * (close - self.open_price[slots]) * self.lots[slots] * self.units[slots]
        conversion = self.conversion[slots]
        rate = np.where(conversion == BY_CLOSE, 1.0 / close, self.mid_rate[self.pair[slots]])
        return np.where(conversion == SAME, profit, profit * rate)


def slots_touched_by(engine: ExposureEngine, symbol: int) -> NDArray[np.int32]:
    """Return the positions whose value a quote of the symbol changes, each once."""
    book = engine.book
    pairs = book.rates.pairs_of_symbol.row(symbol).tolist()
    rows = [book.of_symbol.row(symbol), *(book.of_pair.row(pair) for pair in pairs)]
    return np.unique(np.concatenate(rows))


class NumpyPeer:
    """One vectorised pass per tick."""

    def __init__(self, engine: ExposureEngine) -> None:
        self._book = Columns(engine)
        self.floating = self._book.floating

    def tick(self, symbol: int, bid: float, ask: float) -> int:
        """Apply one quote and return how many accounts are at or below margin call."""
        book = self._book
        book.quote(symbol, bid, ask)
        slots = book.slots_of[symbol]
        values = book.values(slots)
        np.add.at(self.floating, book.account[slots], values - book.value[slots])
        book.value[slots] = values
        touched = np.unique(book.account[slots])
        equity = book.funds[touched] + self.floating[touched]
        return int((100.0 * equity <= book.call_level[touched] * book.margin[touched]).sum())


class PandasPeer:
    """A frame of positions, grouped by account per tick."""

    def __init__(self, engine: ExposureEngine) -> None:
        self._book = Columns(engine)
        self.floating = self._book.floating
        self._positions = pd.DataFrame({"account": self._book.account, "value": self._book.value})
        self._accounts = pd.DataFrame(
            {
                "funds": self._book.funds,
                "margin": self._book.margin,
                "call_level": self._book.call_level,
            }
        )

    def tick(self, symbol: int, bid: float, ask: float) -> int:
        """Apply one quote and return how many accounts are at or below margin call."""
        book = self._book
        book.quote(symbol, bid, ask)
        slots = book.slots_of[symbol]
        rows = self._positions.iloc[slots]
        values = pd.Series(book.values(slots), index=rows.index)
        change = (values - rows["value"]).groupby(rows["account"]).sum()
        self._positions.iloc[slots, 1] = values.to_numpy()
        touched = change.index.to_numpy()
        self.floating[touched] += change.to_numpy()
        accounts = self._accounts.iloc[touched]
        equity = accounts["funds"] + self.floating[touched]
        return int((100.0 * equity <= accounts["call_level"] * accounts["margin"]).sum())


def run(peer: Peer, ticks: QuoteColumns, begin: int, end: int) -> int:
    """Apply ticks ``begin`` to ``end`` one by one; return the margin calls seen."""
    calls = 0
    for symbol, bid, ask in zip(
        ticks.symbol[begin:end].tolist(),
        ticks.bid[begin:end].tolist(),
        ticks.ask[begin:end].tolist(),
        strict=True,
    ):
        calls += peer.tick(symbol, bid, ask)
    return calls
