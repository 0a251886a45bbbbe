"""The same tick by other means: numpy, pandas and plain Python objects.

All get the book's columns once and then, per tick, revalue the positions the tick touches, add
them up per account and look for accounts at or below their margin-call level.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dealing.bench.bandwidth import touched_slots
from exposure.engine import ExposureEngine
from exposure.model.quotes import QuoteColumns
from exposure.state import BY_CLOSE, SAME

Floats = NDArray[np.float64]


class Peer(Protocol):
    """Something that keeps every account's floating profit current, tick by tick."""

    @property
    def floating(self) -> Floats:
        """Every account's floating profit, in account currency."""
        ...

    def tick(self, symbol: int, bid: float, ask: float) -> int:
        """Apply one quote and return how many accounts are at or below margin call."""
        ...


class Columns:
    """The book's columns in plain arrays, and which slots a tick of each symbol touches."""

    def __init__(self, engine: ExposureEngine) -> None:
        """Take a book whose values are current; free slots hold no lots and are worth nothing."""
        book, count = engine.book, len(engine.book.position_ids)
        p = book.positions
        held = p.account[:count] >= 0
        self.account, self.symbol = np.maximum(p.account[:count], 0), p.symbol[:count].copy()
        self.side, self.lots = p.side[:count].copy(), np.where(held, p.lots[:count], 0.0)
        self.open_price = p.open_price[:count].copy()
        self.conversion, self.pair = p.conversion[:count].copy(), p.pair[:count].copy()
        self.units = book.prices.units_per_lot[self.symbol]
        self.value = np.where(held, p.value[:count], 0.0)
        self.accounts = len(book.terms)
        self.funds = (book.accounts.balance + book.accounts.credit)[: self.accounts]
        self.margin = book.accounts.margin[: self.accounts].copy()
        self.call_level = book.accounts.margin_call_level[: self.accounts].copy()
        self.floating = book.accounts.floating[: self.accounts].copy()
        self.bid, self.ask = book.prices.bid.copy(), book.prices.ask.copy()
        self.mid_rate = book.rates.pairs.mid.copy()
        self.legs = book.rates.pairs
        self.pairs_of = [book.rates.pairs_of_symbol.row(s) for s in range(len(book.instruments))]
        self.slots_of = [touched_slots(engine, symbol) for symbol in range(len(self.pairs_of))]

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

    def values(self, slots: NDArray[np.int32] | slice) -> Floats:
        """Return the floating profit of positions in account currency."""
        symbol, side = self.symbol[slots], self.side[slots]
        close = np.where(side > 0.0, self.bid[symbol], self.ask[symbol])
        profit = side * (close - self.open_price[slots]) * self.lots[slots] * self.units[slots]
        conversion = self.conversion[slots]
        rate = np.where(conversion == BY_CLOSE, 1.0 / close, self.mid_rate[self.pair[slots]])
        return np.where(conversion == SAME, profit, profit * rate)


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


@dataclass(slots=True)
class _Account:
    """An account as an object."""

    funds: float
    margin: float
    call_level: float
    positions: list[_Position] = field(default_factory=list)
    floating: float = 0.0


@dataclass(slots=True)
class _Position:
    """A position as an object."""

    account: _Account
    symbol: int
    side: float
    lots: float
    open_price: float
    units: float
    conversion: int
    pair: int
    value: float


class ObjectsPeer:
    """Plain Python: an object per account and per position, and a loop."""

    def __init__(self, engine: ExposureEngine) -> None:
        self._book = book = Columns(engine)
        funds, margins, levels = book.funds, book.margin, book.call_level
        self._accounts = [
            _Account(*row)
            for row in zip(funds.tolist(), margins.tolist(), levels.tolist(), strict=True)
        ]
        columns = (
            book.account, book.symbol, book.side, book.lots, book.open_price, book.units,
            book.conversion, book.pair, book.value,
        )  # fmt: skip
        rows = zip(*(column.tolist() for column in columns), strict=True)
        self._positions = [_Position(self._accounts[row[0]], *row[1:]) for row in rows]
        for position in self._positions:
            position.account.positions.append(position)
        self._touched = [
            [self._positions[slot] for slot in slots.tolist()] for slots in book.slots_of
        ]
        for account in self._accounts:
            account.floating = sum(position.value for position in account.positions)

    @property
    def floating(self) -> Floats:
        """Every account's floating profit, in account currency."""
        return np.array([account.floating for account in self._accounts])

    def tick(self, symbol: int, bid: float, ask: float) -> int:
        """Apply one quote and return how many accounts are at or below margin call."""
        self._book.quote(symbol, bid, ask)
        bids, asks, rates = (
            self._book.bid.tolist(), self._book.ask.tolist(), self._book.mid_rate.tolist(),
        )  # fmt: skip
        touched: dict[int, _Account] = {}
        for p in self._touched[symbol]:
            close = bids[p.symbol] if p.side > 0.0 else asks[p.symbol]
            value = p.side * (close - p.open_price) * p.lots * p.units
            if p.conversion == BY_CLOSE:
                value /= close
            elif p.conversion != SAME:
                value *= rates[p.pair]
            p.value = value
            touched[id(p.account)] = p.account
        calls = 0
        for account in touched.values():
            account.floating = sum(position.value for position in account.positions)
            equity = account.funds + account.floating
            calls += 100.0 * equity <= account.call_level * account.margin
        return calls


def run(peer: Peer, ticks: QuoteColumns) -> int:
    """Apply ticks one by one; return the margin calls seen."""
    calls = 0
    for symbol, bid, ask in zip(*(column.tolist() for column in ticks[:3]), strict=True):
        calls += peer.tick(symbol, bid, ask)
    return calls
