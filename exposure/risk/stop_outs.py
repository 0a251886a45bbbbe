"""Whose positions the platform closes after a shock, in which order, and what is left of them.

A position is closed at the very price that it is valued at, so closing never changes an account's
equity, only its margin: the order decides about volume and exposure, never about what is owed.
Source: science.md section 6 (MetaTrader: largest loss first, whole; cTrader fair: largest margin
first, whole; cTrader smart: as much of the largest margin as is needed).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure import kernels
from exposure.risk.stress_book import StressBook, Valuation
from exposure.state import BookArrays

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.int32]

LOT_STEP: Final = 0.01
"""The smallest volume that a partial close takes, in lots."""


class StopOutOrder(StrEnum):
    """What a platform closes first, and how much of it.

    ``metatrader``: the largest loss (swap counts), whole. ``ctrader_fair``: the largest margin,
    whole. ``ctrader_smart``: of the largest margin as many hundredths of a lot as are needed.
    """

    METATRADER = "metatrader"
    CTRADER_FAIR = "ctrader_fair"
    CTRADER_SMART = "ctrader_smart"


class StopOuts(NamedTuple):
    """What the platform closed.

    ``left_ratio`` is the share of each position that is still open, ``margin`` what the accounts
    tie up afterwards in their currency.

    Shapes: stopped_out, margin (accounts,), left_ratio (positions,).
    """

    stopped_out: Flags
    margin: Floats
    left_ratio: Floats


def margin_levels(equity: Floats, margin: Floats) -> Floats:
    """Return 100 x equity / margin in percent, infinity without margin."""
    levels = np.full_like(equity, np.inf)
    np.divide(100.0 * equity, margin, out=levels, where=margin >= kernels.MONEY_TOLERANCE)
    return levels


def is_stopped_out(stress: StressBook, equity: Floats) -> Flags:
    """Whether accounts with this equity are at or below their stop-out level.

    Shapes: equity (accounts,) -> (accounts,).
    """
    return _is_beyond(equity, stress.margin, stress.stop_out_level)


def stop_outs(
    stress: StressBook, valued: Valuation, order: StopOutOrder = StopOutOrder.METATRADER
) -> StopOuts:
    """Close positions until every account is above its stop-out level or has none left.

    Positions without a price stay open, because nobody could close them. After each close the
    margin is netted anew, so closing one leg of a hedged pair may cost margin.
    """
    closing = _Closing(stress, valued)
    stopped_out = is_stopped_out(stress, valued.equity)
    rows = np.flatnonzero(stopped_out).astype(np.int32)
    closing.close(_queue(stress, valued, order, stopped_out), rows, order)
    return StopOuts(stopped_out, closing.margin.copy(), closing.left_ratio)


class _Queue(NamedTuple):
    """Positions to close, account by account; an account's are ``start`` to ``start + length``."""

    positions: NDArray[np.int64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]


def _queue(
    stress: StressBook, valued: Valuation, order: StopOutOrder, stopped_out: Flags
) -> _Queue:
    held, p = stress.holdings, stress.book.positions
    places = np.flatnonzero(stopped_out[held.account] & ~np.isnan(valued.value))
    slots = held.slot[places]
    if order is StopOutOrder.METATRADER:
        first = valued.value[places] + held.swap[places]
    else:
        first = -p.margined_lots[slots] * p.margin_per_lot[slots]
    sorted_places = places[np.lexsort((places, first, held.account[places]))]
    length = np.bincount(held.account[places], minlength=stress.accounts)
    return _Queue(sorted_places, np.cumsum(length) - length, length)


class _Closing:
    """A copy of the columns that closing changes; the kernels net margins on it."""

    def __init__(self, stress: StressBook, valued: Valuation) -> None:
        book = stress.book
        arrays = book.arrays()
        self._lots = arrays.positions.margined_lots
        self._stress, self._equity = stress, valued.equity
        self._arrays: BookArrays = arrays._replace(
            positions=arrays.positions._replace(margined_lots=self._lots.copy()),
            accounts=arrays.accounts._replace(margin=arrays.accounts.margin.copy()),
        )
        self._legs, self._seen = np.zeros_like(book.legs), np.zeros_like(book.seen)
        self.left_ratio = np.ones(len(stress.holdings.slot))

    @property
    def margin(self) -> Floats:
        return self._arrays.accounts.margin[: self._stress.accounts]

    def close(self, queue: _Queue, rows: Rows, order: StopOutOrder) -> None:
        """Close one position per account and look again, until nobody is left to close."""
        nth = 0
        while len(rows := rows[queue.length[rows] > nth]):
            positions = queue.positions[queue.start[rows] + nth]
            left = self._net(positions, rows, np.zeros(len(rows)))
            if order is StopOutOrder.CTRADER_SMART:
                enough = ~self.is_beyond(left, rows)
                self._give_back(positions[enough], rows[enough])
            rows = rows[self.is_beyond(self.margin[rows], rows)]
            nth += 1

    def is_beyond(self, margin: Floats, rows: NDArray[np.integer]) -> Flags:
        """Whether accounts with this margin are at or below their stop-out level."""
        return _is_beyond(self._equity[rows], margin, self._stress.stop_out_level[rows])

    def _net(self, positions: NDArray[np.int64], rows: Rows, left_ratio: Floats) -> Floats:
        """Leave a share of one position per account open and return the accounts' margins."""
        slots = self._stress.holdings.slot[positions]
        self.left_ratio[positions] = left_ratio
        self._arrays.positions.margined_lots[slots] = self._lots[slots] * left_ratio
        kernels.refresh_margins(rows, self._arrays, self._legs, self._seen)
        margins: Floats = self.margin[rows]
        return margins

    def _give_back(self, positions: NDArray[np.int64], rows: Rows) -> None:
        """Reopen as much of positions whose whole close is enough as is not needed."""
        lots = np.abs(self._stress.holdings.signed_lots[positions])
        steps = np.ceil(lots / LOT_STEP - kernels.LOTS_TOLERANCE)
        too_few, enough = np.zeros_like(steps), steps
        while np.any(enough - too_few > 1.0):
            middle = np.floor((too_few + enough) / 2)
            beyond = self.is_beyond(self._net(positions, rows, _left(middle, lots)), rows)
            too_few, enough = np.where(beyond, middle, too_few), np.where(beyond, enough, middle)
        self._net(positions, rows, _left(enough, lots))


def _is_beyond(equity: Floats, margin: Floats, stop_out_level: Floats) -> Flags:
    levels = margin_levels(equity, margin)
    beyond: Flags = levels <= stop_out_level + kernels.LEVEL_TOLERANCE
    return beyond


def _left(steps: Floats, lots: Floats) -> Floats:
    """Return which share of positions stays open once so many steps are closed."""
    left: Floats = np.clip(1.0 - steps * LOT_STEP / lots, 0.0, 1.0)
    return np.where(left * lots <= kernels.LOTS_TOLERANCE, 0.0, left)
