"""What a score is worth to the house: which book it would have chosen, trade by trade.

The house either keeps a client's trade (and earns minus his edge) or passes it on (and earns a
markup, less what a stale quote costs when it is covered at the new price). Only trades already made
count for a decision; money is counted at true expected values. Source: science.md section 3.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dealing.lab.columns import Flags, Floats, Population
from dealing.lab.observed import Observed

PASSED_ON: Final = 0.714
"""What passing on earns, in costs: 1.0 pip of 1.4."""

_STALE_SHRINK: Final = 5.0


class Captured(NamedTuple):
    """``share`` of what could be gained over the better single book; ``regret`` costs a trade."""

    share: float | None
    regret: float


def captured(edge: Floats, seen: Observed, population: Population) -> Captured:
    """Return what decisions by an estimated edge would have captured.

    Shapes: ``edge`` (clients, trades), as estimated after each trade.
    """
    passed_on = PASSED_ON - _stale_so_far(seen)
    wanted = np.nan_to_num(edge, nan=-1.0) + passed_on > 0.0
    return captured_by(wanted, seen, population)


def captured_by(wanted: Flags, seen: Observed, population: Population) -> Captured:
    """Return what decisions would have captured; each holds from the next trade on."""
    truth = population.truth
    kept, passed_on = -truth.edge[:, None], (PASSED_ON - truth.stale)[:, None]
    hedged = np.concatenate([np.zeros((len(wanted), 1), bool), wanted[:, :-1]], axis=1)
    value = np.where(hedged, passed_on, kept)
    known = seen.known
    policy, best = _mean(value, known), _mean(np.maximum(kept, passed_on), known)
    constant = max(_mean(kept, known), _mean(passed_on, known))
    room = best - constant
    return Captured((policy - constant) / room if room > 0.0 else None, best - policy)


def _stale_so_far(seen: Observed) -> Floats:
    stale = np.cumsum(np.nan_to_num(seen.stale), axis=1)
    many = np.cumsum(np.isfinite(seen.stale), axis=1)
    shrunk: Floats = stale / (many + _STALE_SHRINK)
    return shrunk


def _mean(value: Floats, known: Flags) -> float:
    return float(np.broadcast_to(value, known.shape)[known].mean())
