"""When an account's equity or margin level reaches a threshold, and when it re-arms.

Source: semantics.md section 5.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

KINDS: Final = ("margin_call", "stop_out", "negative_equity")
REARM_POINTS: Final = 5.0
LEVEL_TOLERANCE: Final = 1e-9
MONEY_TOLERANCE: Final = 1e-6

# Bits of the accounts' column ``fired``, in the order of KINDS.
_CALL, _OUT, _NEGATIVE = 1, 2, 4


class CrossingBuffer(NamedTuple):
    """Room for crossings that a kernel finds: event number, account, kind (of KINDS), level."""

    event: NDArray[np.int64]
    account: NDArray[np.int32]
    kind: NDArray[np.int8]
    level: NDArray[np.float64]


def new_buffer(accounts: int) -> CrossingBuffer:
    """Return room for at least one event in which every account crosses everything, twice."""
    size = 1024 + 6 * accounts
    return CrossingBuffer(
        np.zeros(size, np.int64),
        np.zeros(size, np.int32),
        np.zeros(size, np.int8),
        np.zeros(size, np.float64),
    )


@njit(cache=True)
def margin_level(equity: float, margin: float) -> float:
    """Return 100 x equity / margin in percent, infinity without margin."""
    if margin < MONEY_TOLERANCE:
        return np.inf
    return 100.0 * equity / margin


@njit(cache=True)
def crossed(fired: int, equity: float, level: float, call_level: float, out_level: float) -> int:
    """Return the new ``fired`` bits of an account.

    A bit that is new has fired on this event; one that is gone has re-armed.

    Units: equity in account currency, levels in percent.
    """
    bits = 0
    if _is_on(fired & _CALL, level, call_level):
        bits |= _CALL
    if _is_on(fired & _OUT, level, out_level):
        bits |= _OUT
    if equity < -MONEY_TOLERANCE:
        bits |= _NEGATIVE
    return bits


@njit(cache=True)
def _is_on(has_fired: int, level: float, threshold: float) -> bool:
    if has_fired:
        return bool(level <= threshold + REARM_POINTS + LEVEL_TOLERANCE)
    return bool(level <= threshold + LEVEL_TOLERANCE)
