"""Probabilities that keep their word: fitting the last step of the score, and checking it.

The mixture ranks clients well, but its probabilities rest on round numbers. Platt's step fits two
slopes and an intercept to clients whose true edge is known. Source: science.md section 2.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from bookrouting.flow_settings import Calibration

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_ROUNDS: Final = 100
_CLOSE: Final = 1e-9


def fit_calibration(
    log_odds: Floats, edges: Floats, toxic: Flags, *, ridge: float = 1.0, edge_limit: float = 3.0
) -> Calibration:
    """Fit the calibration to clients whose truth is known, by Newton's method.

    Args:
        log_odds: The model's, of each client.
        edges: Expected edges in costs.
        toxic: Whether the true edge is above 0.
        ridge: Pulls the fit towards leaving the model's odds alone; one unit is about a client.
        edge_limit: Where edges are clipped.
    """
    columns = np.column_stack(
        [np.ones_like(log_odds), log_odds, np.clip(edges, -edge_limit, edge_limit)]
    )
    start = np.array([0.0, 1.0, 0.0])
    beta, loss = start.copy(), _loss(start, start, columns, toxic, ridge)
    for _ in range(_ROUNDS):
        p = _sigmoid(columns @ beta)
        gradient = columns.T @ (toxic - p) - ridge * (beta - start)
        curvature = (columns * (p * (1.0 - p))[:, None]).T @ columns + ridge * np.eye(3)
        step = np.linalg.solve(curvature, gradient)
        while (tried := _loss(beta + step, start, columns, toxic, ridge)) > loss:
            step /= 2.0
            if float(np.abs(step).max()) < _CLOSE:
                break
        beta, loss = beta + step, tried
        if float(np.abs(step).max()) < _CLOSE:
            break
    intercept, slope, edge = beta.tolist()
    return Calibration(intercept=intercept, slope=slope, edge=edge, edge_limit=edge_limit)


def _loss(beta: Floats, start: Floats, columns: Floats, toxic: Flags, ridge: float) -> float:
    """Return minus the log likelihood, and what it costs to leave the model's odds."""
    odds = columns @ beta
    surprise = np.logaddexp(0.0, odds) - toxic * odds
    return float(surprise.sum() + 0.5 * ridge * ((beta - start) ** 2).sum())


def calibration_error(p: Floats, toxic: Flags, bins: int = 10) -> float:
    """Return the expected calibration error: how far probabilities are from shares, on average."""
    if not len(p):
        return 0.0
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    said = np.bincount(place, p, bins)
    were = np.bincount(place, toxic.astype(np.float64), bins)
    return float(np.abs(said - were).sum() / len(p))


def brier(p: Floats, toxic: Flags) -> float:
    """Return the mean squared error of probabilities."""
    return float(np.mean((p - toxic) ** 2))


def brier_skill(p: Floats, toxic: Flags) -> float:
    """Return by which share the Brier score beats saying the base rate of everybody."""
    base = float(np.mean(toxic))
    plain = base * (1.0 - base)
    return 1.0 - brier(p, toxic) / plain if plain > 0.0 else 0.0


def _sigmoid(x: Floats) -> Floats:
    p: Floats = 1.0 / (1.0 + np.exp(-np.clip(x, -500.0, 500.0)))
    return p
