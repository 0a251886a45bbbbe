"""The anytime-valid alarm of science.md section 1.8, written plainly.

Evidence against "his edge does not pay the cost" grows like a bet that a harmless client wins by
luck alone: whoever looks after every trade is fooled by at most one such client in 1 / alpha.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from dealing.lab.columns import Floats
from dealing.lab.observed import Observed

ALARM: Final = 20.0
"""Above this, a false alarm is rarer than one in twenty, however often one looks."""

_SPREAD: Final = 10.0
_CLIP: Final = 5.0
_LARGEST: Final = 600.0


def evidence(seen: Observed) -> Floats:
    """Return the e-value after each trade. Shapes: (clients, trades)."""
    gain = seen.markout + np.nan_to_num(seen.swap)[..., None] - 1.0
    z = np.nan_to_num(gain / np.sqrt(seen.variance)).clip(-_CLIP, _CLIP)
    total = np.cumsum(z, axis=1)
    n = np.cumsum(np.isfinite(gain), axis=1)
    wide = n + _SPREAD
    log = total**2 / (2.0 * wide) + 0.5 * np.log(_SPREAD / wide)
    values = 2.0 * np.exp(log.clip(max=_LARGEST)) * _below(total / np.sqrt(wide))
    averaged: Floats = values.mean(axis=-1)
    return averaged


_error_function = np.vectorize(math.erf, otypes=[np.float64])


def _below(x: Floats) -> Floats:
    """Return the normal distribution function."""
    below: Floats = 0.5 * (1.0 + _error_function(x / math.sqrt(2.0)))
    return below
