"""How much of the limits in force a row of the grid uses: its own, and those of what is in it.

The engine's list has them all: of instruments, configured ones over those, and those set live.
So the grid, the list of limits and the alerts say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from exposure.limits import NOTHING_ALLOWED, Scope

Floats = NDArray[np.float64]


class LimitUse(NamedTuple):
    """Limits by scope and name: how much is used (1 is all of it), and the limit itself in USD."""

    used: dict[tuple[str, str], float]
    most_usd: dict[tuple[str, str], float]

    def used_of(self, scope: Scope, names: Sequence[str]) -> Floats:
        """Return how much of each one's limit is used, NaN where there is none or no price."""
        return np.array([self.used.get((scope, name), np.nan) for name in names], np.float64)

    def most_usd_of(self, scope: Scope, names: Sequence[str]) -> Floats:
        """Return each one's hard limit, else its soft one; NaN where there is none."""
        return np.array([self.most_usd.get((scope, name), np.nan) for name in names], np.float64)


def limit_use(limits: pl.DataFrame) -> LimitUse:
    """Return what the snapshot's limits say (columns LIMIT_COLUMNS)."""
    keys = list(zip(limits["scope"].to_list(), limits["name"].to_list(), strict=True))
    names = ("hard_usd", "soft_usd", "value_usd", "used_ratio")
    used, most_usd = {}, {}
    for key, hard, soft, value, ratio in zip(
        keys, *(limits[name].to_list() for name in names), strict=True
    ):
        most = soft if hard is None else hard
        most_usd[key] = np.nan if most is None else most
        used[key] = _used(value, ratio, most)
    return LimitUse(used, most_usd)


def _used(value: float | None, ratio: float | None, most: float | None) -> float:
    if ratio is None and value and most == 0.0:
        return NOTHING_ALLOWED
    return np.nan if ratio is None else ratio
