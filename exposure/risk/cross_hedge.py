"""Hedging one exposure with another: the least variance, and when a trade is worth its cost.

Source: science.md section 4.4; Friedman, Hastie, Hoefling and Tibshirani, Pathwise coordinate
optimization, 2007 (soft threshold).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MOST_ROUNDS: Final = 10_000
_ENOUGH: Final = 1e-13


def least_variance_hedge(exposure: Floats, instruments: Floats, covariance: Floats) -> Floats:
    """Return what to trade of each instrument so that the least variance is left.

    ``h* = -(B' S B)^-1 B' S x``: costs nothing in this formula; see ``hedge_with_costs``.

    Shapes: exposure (f,), instruments (f, k) one column of factors per unit, covariance (f, f)
    -> (k,).
    Units: as the exposure, such as USD.
    """
    inner = instruments.T @ covariance @ instruments
    pull = instruments.T @ covariance @ exposure
    # hedges that move together have no single answer: the smallest one is taken
    return np.asarray(-np.linalg.lstsq(inner, pull, rcond=None)[0], np.float64)


def hedge_with_costs(
    exposure: Floats,
    instruments: Floats,
    covariance: Floats,
    cost_ratio: Floats,
    risk_aversion: float,
    most: Floats | None = None,
) -> Floats:
    """Return the trades whose saved risk is worth their cost, by coordinate descent.

    Minimises ``risk_aversion / 2 (x + B h)' S (x + B h) + sum c |h|``. A trade stops where the next
    unit costs more than it saves, so a small exposure is left alone.

    Args:
        exposure: What is held, per factor.
        instruments: What one unit of each instrument holds, per factor.
        covariance: Of the factors, over one unit of time.
        cost_ratio: Cost per unit traded, such as half the spread as a share of the price.
        risk_aversion: Times the time that the position is held (gamma T), above 0.
        most: Largest absolute trade per instrument, None for no limit.

    Shapes: exposure (f,), instruments (f, k), covariance (f, f), cost_ratio, most (k,) -> (k,).
    """
    inner = instruments.T @ covariance @ instruments
    pull = instruments.T @ covariance @ exposure
    variance = np.diag(inner)
    limit = np.full(len(pull), np.inf) if most is None else most
    hedge = np.zeros(len(pull))
    for _ in range(_MOST_ROUNDS):
        before = hedge.copy()
        for j in np.flatnonzero(variance > 0.0).tolist():
            others = inner[j] @ hedge - variance[j] * hedge[j]
            free = -(pull[j] + others) / variance[j]
            wanted = soft_threshold(free, cost_ratio[j] / (risk_aversion * variance[j]))
            hedge[j] = min(max(wanted, -limit[j]), limit[j])
        if np.abs(hedge - before).max(initial=0.0) <= _ENOUGH * np.abs(hedge).max(initial=1.0):
            break
    return hedge


def soft_threshold(value: float, threshold: float) -> float:
    """Return the value moved towards zero by the threshold, zero if it is nearer than that.

    >>> soft_threshold(-5.0, 0.5), soft_threshold(0.3, 0.5)
    (-4.5, 0.0)
    """
    if abs(value) <= threshold:
        return 0.0
    return value - threshold if value > 0.0 else value + threshold
