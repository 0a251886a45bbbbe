"""Prices: a bid and an ask, and what makes them usable."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


def is_usable(bid: float, ask: float, *, allow_negative: bool = False) -> bool:
    """Return whether both sides are finite and, unless allowed otherwise, positive.

    Locked (bid = ask) and crossed (bid > ask) quotes are real and usable.
    Source: semantics.md section 2.
    """
    if not (math.isfinite(bid) and math.isfinite(ask)):
        return False
    return allow_negative or (bid > 0.0 and ask > 0.0)


class QuoteColumns(NamedTuple):
    """Many quotes, column by column, in the order they happened.

    Shapes: all (n,). Units: ``symbol`` is the engine's symbol index (-1: unknown), prices in quote
    currency per base unit, ``ts_event`` in ns UTC.
    """

    symbol: NDArray[np.int32]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    ts_event: NDArray[np.int64]
