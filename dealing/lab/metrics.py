"""How good a ranking and its probabilities are.

AUC is the chance that a toxic client stands above a benign one, ties counting half. The expected
calibration error is the mean distance between what was said and what was so, over ten equal bins of
probability; Brier skill is what a score saves of the squared error of the base rate.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from dealing.lab.columns import Flags, Floats

_BINS: Final = 10


def auc(score: Floats, positive: Flags, negative: Flags) -> float | None:
    """Return the area under the curve, None if one side is empty.

    Shapes: (clients,) three times.
    """
    yes, no = score[positive], np.sort(score[negative])
    if len(yes) == 0 or len(no) == 0:
        return None
    below = np.searchsorted(no, yes, side="left")
    upto = np.searchsorted(no, yes, side="right")
    return float(np.mean(0.5 * (below + upto)) / len(no))


def precision_at_k(score: Floats, positive: Flags) -> float | None:
    """Return the share of positives among the k highest scores, k being how many there are."""
    k = int(positive.sum())
    if k == 0:
        return None
    top = np.argsort(-score, kind="stable")[:k]
    return float(positive[top].mean())


def calibration_error(probability: Floats, positive: Flags) -> float | None:
    """Return the expected calibration error over ten equal bins; None of nobody."""
    if len(probability) == 0:
        return None
    bins = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    said = np.bincount(bins, probability, _BINS)
    was = np.bincount(bins, positive.astype(float), _BINS)
    return float(np.abs(said - was).sum() / len(probability))


def brier_skill(probability: Floats, positive: Flags) -> float | None:
    """Return 1 - Brier / Brier of the base rate; None if everybody is of one kind."""
    base = float(positive.mean()) if len(positive) else 0.0
    worst = base * (1.0 - base)
    if worst == 0.0:
        return None
    return 1.0 - float(np.mean((probability - positive) ** 2)) / worst


def correlation(a: Floats, b: Floats) -> float | None:
    """Return the correlation coefficient; None where one of the two does not vary."""
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    if len(a) < 2 or a.std() == 0.0 or b.std() == 0.0:  # noqa: PLR2004
        return None
    return float(np.corrcoef(a, b)[0, 1])
