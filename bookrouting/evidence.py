"""Evidence that may be looked at after every trade: e-values, and who to believe among many.

An e-process starts at 1 and, as long as a client has no edge, is expected to stay there. Whoever
bets against that and multiplies his stake by twenty has one chance in twenty, however often he
looked (Ville). Ours bets with a one-sided normal mixture, per horizon, and averages the horizons.
Source: science.md section 1.8; Howard, Ramdas, McAuliffe and Sekhon; Wang and Ramdas (e-BH).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exposure.kernels import kernel

Floats = NDArray[np.float64]

MOST_LOG_E: Final = 690.0
"""What a float holds; nobody asks by how much evidence exceeds e^690."""

_FAR_TAIL: Final = -10.0


@kernel
def log_e_value(count: float, total: float, prior: float) -> float:
    """Return the logarithm of the e-value of a sum of standardised net gains.

    Args:
        count: How many there are, or the sum of their shares.
        total: Their sum, each within +-5 and without an edge not above 0 on average.
        prior: The mixing constant r: small looks for large edges, large for small ones.
    """
    spread = count + prior
    gained = total * total / (2.0 * spread)
    return (
        math.log(2.0)
        + 0.5 * math.log(prior / spread)
        + gained
        + _log_phi(total / math.sqrt(spread))
    )


@kernel
def _log_phi(x: float) -> float:
    """Return the logarithm of the normal distribution function, exact in the far tail too."""
    if x > _FAR_TAIL:
        return math.log(0.5 * math.erfc(-x / math.sqrt(2.0)))
    square = 1.0 / (x * x)
    series = 1.0 - square * (1.0 - 3.0 * square * (1.0 - 5.0 * square * (1.0 - 7.0 * square)))
    return -0.5 * x * x - math.log(-x * math.sqrt(2.0 * math.pi)) + math.log(series)


def e_process(gains: Floats, prior: float = 5.0, clip: float = 5.0) -> Floats:
    """Return the e-value after each of a series of standardised net gains. Shapes: (n,)."""
    sums = np.cumsum(np.clip(gains, -clip, clip)).tolist()
    logs = [log_e_value(float(n), total, prior) for n, total in enumerate(sums, 1)]
    values: Floats = np.exp(np.minimum(logs, MOST_LOG_E))
    return values


def e_bh(e_values: Floats, alpha: float) -> NDArray[np.int64]:
    """Return the places of those to believe if at most a share ``alpha`` of them may be wrong.

    The e-values may depend on each other in any way. Strongest first; equal ones in their order.
    """
    order = np.argsort(-e_values, kind="stable")
    ranks = np.arange(1, len(order) + 1)
    enough = np.flatnonzero(e_values[order] * ranks * alpha >= len(order))
    return order[: enough[-1] + 1] if len(enough) else order[:0]
