"""Crossings: what a kernel reports when an account reaches a threshold.

Source: semantics.md section 5.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

KINDS: Final = ("margin_call", "stop_out", "negative_equity")
"""A kind's code, and its bit in the accounts' column ``fired``, is its place here."""


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
