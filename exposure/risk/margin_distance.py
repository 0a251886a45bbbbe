"""How close accounts are to their stop-out: in bands of levels, and in percent of prices.

A level says how much equity stands against margin, not how far the market is away: at 1:500 a level
of 200 % may be a fifth of a percent from the end. Distances are therefore in percent of price, for
prices that move alone: margins and conversion rates stay as they are.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.kernels import LEVEL_TOLERANCE, MONEY_TOLERANCE
from exposure.risk.stop_outs import margin_levels
from exposure.risk.stress_book import StressBook, Valuation

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]

NEAR_CALL_PERCENT: Final = 120.0
CALM_PERCENT: Final = 200.0
NO_SYMBOL: Final = -1

_WHOLE_PRICE: Final = -100.0


class Band(IntEnum):
    """Where an account's margin level stands, worst first; call and stop-out are its own levels."""

    BELOW_STOP_OUT = 0
    STOP_OUT_TO_CALL = 1
    CALL_TO_120 = 2
    TO_200 = 3
    OVER_200 = 4
    NO_MARGIN = 5


class Distances(NamedTuple):
    """How far prices may move before an account's level is at its stop-out level.

    ``symbol`` is what it holds most of (net, by what a percent of its price changes), NO_SYMBOL for
    an account without any. ``largest_percent`` is the move of that symbol alone, signed: negative
    where its price must fall. ``all_percent`` is how far everything it holds may go against it at
    once, unsigned. Both are 0 where the stop-out level is reached already and NaN where no such
    move exists.

    Shapes: (accounts,).
    """

    symbol: Int64s
    largest_percent: Floats
    all_percent: Floats


def bands(book: StressBook, equity: Floats) -> NDArray[np.int64]:
    """Return each account's Band at this equity.

    Shapes: equity (accounts,) -> (accounts,).
    """
    levels = margin_levels(equity, book.margin)
    out = np.full(book.accounts, Band.OVER_200, np.int64)
    out[levels < CALM_PERCENT] = Band.TO_200
    out[levels < NEAR_CALL_PERCENT] = Band.CALL_TO_120
    out[levels <= book.margin_call_level + LEVEL_TOLERANCE] = Band.STOP_OUT_TO_CALL
    out[levels <= book.stop_out_level + LEVEL_TOLERANCE] = Band.BELOW_STOP_OUT
    out[book.margin < MONEY_TOLERANCE] = Band.NO_MARGIN
    return out


def distances(book: StressBook, valued: Valuation) -> Distances:
    """Return how far prices are from stopping accounts out.

    Args:
        book: The book.
        valued: Its values at the prices to start from.
    """
    accounts, held = book.accounts, book.holdings
    key = held.account.astype(np.int64) * book.symbols + held.symbol
    groups, of = np.unique(key, return_inverse=True)
    owner, symbol = groups // book.symbols, groups % book.symbols
    net = np.bincount(of, book.gain_of_a_percent(valued), len(groups))
    size = np.abs(net)
    in_order = np.lexsort((size, owner))
    last = np.flatnonzero(np.diff(owner[in_order], append=accounts))
    largest = in_order[last]
    largest = largest[size[largest] > MONEY_TOLERANCE]
    symbols = np.full(accounts, NO_SYMBOL, np.int64)
    symbols[owner[largest]] = symbol[largest]
    alone = np.zeros(accounts)
    alone[owner[largest]] = net[largest]
    together = np.bincount(owner, size, accounts).astype(np.float64)
    has_margin = book.margin >= MONEY_TOLERANCE
    room = np.maximum(valued.equity - book.stop_out_level / 100.0 * book.margin, 0.0)
    of_largest = _divided(-np.sign(alone) * room, np.abs(alone), has_margin)
    of_largest[of_largest < _WHOLE_PRICE] = np.nan
    return Distances(symbols, of_largest + 0.0, _divided(room, together, has_margin))


def _divided(room: Floats, per_percent: Floats, has_margin: NDArray[np.bool_]) -> Floats:
    out = np.full(len(room), np.nan)
    np.divide(room, per_percent, out=out, where=has_margin & (per_percent > MONEY_TOLERANCE))
    return out
