"""Rules of thumb that desks use: each ranks clients by what their first trades look like.

Higher means more suspicious. They read closed trades only, as a dealer's report does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from dealing.lab.columns import Floats
from dealing.lab.observed import Observed

_OFTEN: Final = 0.55
_SHORT_S: Final = 180.0
_TWO: Final = 2


def win_rate(seen: Observed) -> Floats:
    """Return the share of trades that closed with a profit."""
    return _mean(np.where(seen.known, seen.pnl_usd > 0.0, np.nan))


def total_profit(seen: Observed) -> Floats:
    """Return what the client has made, USD."""
    profit: Floats = np.nansum(seen.pnl_usd, axis=1)
    return profit


def sharpe_t(seen: Observed) -> Floats:
    """Return the t-statistic of profit per trade."""
    many = seen.many
    mean, square = _mean(seen.pnl_usd), _mean(seen.pnl_usd**2)
    variance = (square - mean**2).clip(0.0) * many / np.maximum(many - 1, 1)
    error = np.sqrt(variance / np.maximum(many, 1))
    enough = (many >= _TWO) & (error > 0.0)
    t: Floats = np.divide(mean, error, out=np.zeros(len(mean)), where=enough)
    return t


def short_holding(seen: Observed) -> Floats:
    """Return minus the mean holding time."""
    return -_mean(seen.hold_s)


def quick_winner(seen: Observed) -> Floats:
    """Return how many of three hold: wins more than 55 %, holds under 3 minutes, is in profit."""
    signs = (
        win_rate(seen) > _OFTEN,
        -short_holding(seen) < _SHORT_S,
        total_profit(seen) > 0.0,
    )
    # all three are the rule; fewer only order those whom it does not flag
    marks: Floats = np.sum(signs, axis=0) + 1.0 * np.all(signs, axis=0)
    return marks


RULES: Final[dict[str, Callable[[Observed], Floats]]] = {
    "win rate": win_rate,
    "total profit": total_profit,
    "sharpe t": sharpe_t,
    "short holding": short_holding,
    "quick winner": quick_winner,
}


def _mean(values: Floats) -> Floats:
    """Return means of what is known; 0 for nothing."""
    known = np.isfinite(values)
    many = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    means: Floats = np.divide(total, many, out=np.zeros(len(total)), where=many > 0)
    return means
