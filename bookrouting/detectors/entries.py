"""The columns that detectors read: a client's recent entries, and what has been closed.

Whatever is not known is NaN and is left out of the questions that need it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]
Int32s = NDArray[np.int32]
Flags = NDArray[np.bool_]


class Entries(NamedTuple):
    """Entries of one client, oldest first.

    Shapes: (n,). Units: ``ts`` ns UTC; ``side`` +1 client buy; the rest in price: the fill, the
    client's and a faster feed's mid at that moment, half the client's spread, the usual move in a
    second, and gross markouts against the client's mid (+ the client gained).
    """

    ts: Int64s
    symbol: Int32s
    side: Floats
    lots: Floats
    price: Floats
    mid_quoted: Floats
    mid_fast: Floats
    half_spread: Floats
    sigma_1s: Floats
    markout_1s: Floats
    markout_60s: Floats

    @property
    def stale(self) -> Floats:
        """How far the fast feed was ahead on the client's side. Units: spreads."""
        return self.side * (self.mid_fast - self.mid_quoted) / (2.0 * self.half_spread)

    def in_spreads(self, markout: Floats) -> Floats:
        """Return markouts as multiples of the spread, so that symbols can be pooled."""
        return markout / (2.0 * self.half_spread)


class Closes(NamedTuple):
    """Closed trades of one client, in order of opening.

    Shapes: (n,). Units: ``opened`` and ``closed`` ns UTC, ``side`` +1 long, ``profit`` without
    swap, ``swap`` and ``cost`` (round trip, positive) in one currency; ``take_profit`` and
    ``stop_loss`` distances with ``cost_distance`` in price, inf for none.
    """

    opened: Int64s
    closed: Int64s
    symbol: Int32s
    side: Floats
    lots: Floats
    open_price: Floats
    profit: Floats
    swap: Floats
    cost: Floats
    take_profit: Floats
    stop_loss: Floats
    cost_distance: Floats

    @property
    def hold_s(self) -> Floats:
        """How long each was held. Units: s."""
        hold: Floats = (self.closed - self.opened) / 1e9
        return hold
