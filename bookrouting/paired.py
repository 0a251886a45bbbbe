"""How sure a difference between two policies is: paired blocks, drawn anew.

Both policies lived through the same hours, so what they have in common cancels in each block's
difference. Blocks (hours or days) are drawn whole, because what happens within one hangs together.
Source: Kuensch, The jackknife and the bootstrap for general stationary observations, 1989; Dunn,
Multiple comparisons among means, 1961 (Bonferroni); Abramowitz and Stegun 26.7.5 (Student's t).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.risk.var import Interval

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]

LEAST_BLOCKS: Final = 8
"""With fewer there is no band: too few ways to draw them."""


class PairedDifference(NamedTuple):
    """The sum of the blocks' differences, and between what it may lie by chance.

    ``band`` is None with fewer than ``LEAST_BLOCKS`` blocks. ``confidence`` is that of one band;
    with ``policies`` compared at once, all of them hold together with the confidence asked for.
    """

    total: float
    band: Interval | None
    confidence: float
    policies: int
    blocks: int

    @property
    def is_proven(self) -> bool:
        """Whether the band leaves zero out."""
        return self.band is not None and not self.band.low <= 0.0 <= self.band.high


def paired_difference(
    differences: Floats, draws: Int64s, confidence: float = 0.95, policies: int = 1
) -> PairedDifference:
    """Return the total difference with its band.

    The band is that of the drawn sums, widened for what few blocks cannot show: by
    ``sqrt(n / (n - 1))`` for their variance, and as Student's t is wider than the normal.

    Args:
        differences: One per block, in the order of time.
        draws: Which blocks each repetition takes, indices in [0, blocks).
        confidence: Of all bands together.
        policies: How many are compared with the same one.

    Shapes: differences (n,), draws (repetitions, n).
    """
    n = len(differences)
    own = 1.0 - (1.0 - confidence) / max(policies, 1)
    total = float(differences.sum())
    if n < LEAST_BLOCKS or not math.isfinite(total):
        return PairedDifference(total, None, own, policies, n)
    totals = differences[draws].sum(axis=1)
    low, high = np.quantile(totals, [(1.0 - own) / 2.0, (1.0 + own) / 2.0])
    wider = _student_to_normal(own, n - 1) * math.sqrt(n / (n - 1))
    band = Interval(total + wider * (float(low) - total), total + wider * (float(high) - total))
    return PairedDifference(total, band, own, policies, n)


def _student_to_normal(confidence: float, freedom: int) -> float:
    """Return how much farther Student's t reaches: the first terms of its expansion."""
    z = NormalDist().inv_cdf((1.0 + confidence) / 2.0)
    first = (z**2 + 1.0) / (4.0 * freedom)
    second = (5.0 * z**4 + 16.0 * z**2 + 3.0) / (96.0 * freedom**2)
    return 1.0 + first + second
