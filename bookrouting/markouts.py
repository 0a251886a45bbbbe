"""Markouts: what the market did after a trade, at fixed horizons, whatever the client did.

The markout of a trade at horizon h is ``side x (mid(t + h) - reference)``, where ``mid(t + h)`` is
the latest mid of its symbol at or before that instant and the reference is the mid that the client
saw at the fill. Positive is good for the client and bad for a house that kept the other side.

Horizons are fixed and trades come in order of time, so their dues come in order as well: one place
in the list of trades per horizon is the whole queue. A tick looks at the earliest due only.
Source: science.md section 1.1.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.kernels import kernel

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]
Int32s = NDArray[np.int32]

HORIZONS_NS: Final = tuple(
    int(seconds * 1_000_000_000) for seconds in (1.0, 10.0, 30.0, 60.0, 300.0, 1_800.0)
)

_NEVER: Final = np.iinfo(np.int64).max


class MidColumns(NamedTuple):
    """Mid prices in order of time. Shapes: (n,). Units: ``ts`` ns, ``mid`` quote currency."""

    symbol: Int32s
    mid: Floats
    ts: Int64s


class TradeColumns(NamedTuple):
    """Fills in order of time. Shapes: (m,). Units: ``side`` +1 client buy, -1 client sell."""

    symbol: Int32s
    side: Floats
    reference: Floats
    ts: Int64s


class MarkoutState(NamedTuple):
    """What is known between two batches of ticks.

    ``latest`` is each symbol's latest mid, NaN before the first; ``first`` per horizon the first
    trade that is not due yet; ``markouts`` (trades, horizons) are NaN until they are due.
    """

    horizons: Int64s
    latest: Floats
    first: Int64s
    markouts: Floats


def new_state(symbols: int, trades: int, horizons: tuple[int, ...] = HORIZONS_NS) -> MarkoutState:
    """Return the state before the first tick. Units: horizons ns."""
    return MarkoutState(
        np.array(horizons, np.int64),
        np.full(symbols, np.nan),
        np.zeros(len(horizons), np.int64),
        np.full((trades, len(horizons)), np.nan),
    )


@kernel
def take_mids(mids: MidColumns, trades: TradeColumns, state: MarkoutState) -> None:
    """Apply ticks and settle what fell due before each of them.

    A markout that is due at the very time of a tick waits: another tick of that instant may follow.
    """
    symbols, prices, times, latest = mids.symbol, mids.mid, mids.ts, state.latest
    due = -_NEVER
    for i in range(len(times)):
        if due < times[i]:
            due = _settle(times[i] - 1, trades, state)
        latest[np.uint32(symbols[i])] = prices[i]


@kernel
def settle_until(now: int, trades: TradeColumns, state: MarkoutState) -> None:
    """Settle what is due at or before an instant after which no tick of it will come."""
    _settle(now, trades, state)


@kernel
def _settle(now: int, trades: TradeColumns, state: MarkoutState) -> int:
    """Settle what is due at or before an instant; return when the next markout falls due."""
    times, symbols, sides, references = trades.ts, trades.symbol, trades.side, trades.reference
    horizons, latest, first, out = state.horizons, state.latest, state.first, state.markouts
    earliest = _NEVER
    for h in range(len(first)):
        before, k = now - horizons[h], first[h]
        while k < len(times) and times[k] <= before:
            out[k, h] = sides[k] * (latest[np.uint32(symbols[k])] - references[k])
            k += 1
        first[h] = k
        if k < len(times):
            earliest = min(earliest, times[k] + horizons[h])
    return earliest
