"""How fast memory allows an eager tick to be: the bytes it touches at the speed of a triad.

The triad ``a = b + s x c`` runs over as much memory as the ticks work on, so it meets the same
caches. It reads in order while a tick gathers, so the bound is a bound and not a forecast.
"""

from __future__ import annotations

import time
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from exposure.engine import ExposureEngine

POSITION_BYTES: Final = 8 + 4 + 8 + 8 + 8 + 1 + 4 + 8 + 4
"""Per position that is revalued: its places in the list (read twice), symbol, side, lots, open
price, conversion, pair, value, account."""

SUMMED_BYTES: Final = 4 + 8 + 8
"""Per position that is added up: its place in the account's list, value, swap."""

ACCOUNT_BYTES: Final = 8 + 4 + 8 + 4 + 8 + 1 + 8 + 8 + 8 + 8 + 8 + 8 + 1
"""Per touched account: start and length of its list, event, scratch, floating, whether credit
counts, balance, credit, margin, both levels, floating again, fired."""

_LANES: Final = 3 * 8
_SHORTEST_S: Final = 0.05


@njit(cache=True)
def triad(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> None:
    """Set ``a`` to ``b + 3 c``. Shapes: (n,)."""
    for i in range(len(a)):
        a[i] = b[i] + 3.0 * c[i]


def triad_bytes_per_s(working_set: int) -> float:
    """Measure a triad over so many bytes; the best of several runs, as is the custom."""
    a, b, c = (np.ones(max(working_set // _LANES, 1)) for _ in range(3))
    triad(a, b, c)
    best, began = np.inf, time.perf_counter()
    while time.perf_counter() - began < _SHORTEST_S:
        started = time.perf_counter()
        triad(a, b, c)
        best = min(best, time.perf_counter() - started)
    return len(a) * _LANES / best


def bytes_per_tick(engine: ExposureEngine) -> NDArray[np.int64]:
    """Return how many bytes an eager tick of each symbol touches. Shape: (symbols,)."""
    book = engine.book
    lengths = book.of_account.arrays.length
    touched = np.zeros(len(book.instruments), np.int64)
    for symbol in range(len(touched)):
        slots = touched_slots(engine, symbol)
        accounts = np.unique(book.positions.account[slots])
        summed = int(lengths[accounts].sum())
        touched[symbol] = (
            POSITION_BYTES * len(slots) + SUMMED_BYTES * summed + ACCOUNT_BYTES * len(accounts)
        )
    return touched


def touched_slots(engine: ExposureEngine, symbol: int) -> NDArray[np.int32]:
    """Return the positions whose value a quote of the symbol changes, each once."""
    book = engine.book
    pairs = book.rates.pairs_of_symbol.row(symbol).tolist()
    rows = [book.of_symbol.row(symbol), *(book.of_pair.row(pair) for pair in pairs)]
    return np.unique(np.concatenate(rows))


def working_set(engine: ExposureEngine) -> int:
    """Return the bytes of all positions and accounts that ticks work on."""
    positions = len(engine.book.position_ids)
    return (POSITION_BYTES + SUMMED_BYTES) * positions + ACCOUNT_BYTES * len(engine.book.terms)
