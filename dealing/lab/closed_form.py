"""The closed form of science.md section 2, written plainly: the product must not fall below it.

A client's markouts at five horizons and his swaps are six reasons why he might be dangerous. Each
is compared with "he is not" by a Bayes factor; their mixture is a probability and an expected edge.
Everything is in units of the client's cost.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dealing.lab.columns import Floats
from dealing.lab.observed import Observed

PRIOR: Final = 0.12

_NULL_SD: Final = np.array([0.11, 0.14, 0.18, 0.25, 0.36])
_EDGE_SD: Final = np.array([0.57, 0.71, 0.86, 1.14, 1.57])
_LEAST_EDGE: Final = 0.21
_BEYOND: Final = 0.6
_FLOOR: Final = -0.5
_CLIP: Final = (-12.0, 40.0)
_SWAP_CLIP: Final = (-1.5, 3.0)
_SWAP_GAIN: Final = 4.0
_SWAP_SHRINK: Final = 3.0
_MIDDLE: Final = 3
_CHANNELS: Final = 6


class Sums(NamedTuple):
    """Running totals. Shapes: (..., horizons) for the first two, (...) for the others."""

    precision: Floats
    weighted: Floats
    swap: Floats
    trades: Floats


class Verdict(NamedTuple):
    """What is said of clients after some trades.

    Shapes: (...). Units: ``p`` probability of an edge; ``rank`` what orders clients where that has
    come to its end at 1 (log odds); ``edge`` costs per trade, client sign.
    """

    p: Floats
    rank: Floats
    edge: Floats

    def after(self, n: int) -> Verdict:
        """Return what was said after trade n, or the last one for clients with fewer."""
        return Verdict(*(column[:, min(n, column.shape[1]) - 1] for column in self))


def running_sums(seen: Observed) -> Sums:
    """Return totals after each trade. Shapes: (clients, trades[, horizons])."""
    there = np.isfinite(seen.markout) & np.isfinite(seen.variance)
    precision = np.where(there, 1.0 / np.where(there, seen.variance, 1.0), 0.0)
    weighted = np.where(there, seen.markout, 0.0) * precision
    return Sums(
        np.cumsum(precision, axis=1),
        np.cumsum(weighted, axis=1),
        np.cumsum(np.nan_to_num(seen.swap), axis=1),
        np.cumsum(seen.known, axis=1).astype(float),
    )


def judged(sums: Sums) -> Verdict:
    """Return what the totals say."""
    swap = sums.swap / (sums.trades + _SWAP_SHRINK)
    variance = 1.0 / np.maximum(sums.precision, 1e-12)
    mean = sums.weighted * variance
    null, edge = _NULL_SD**2 + variance, _EDGE_SD**2 + variance
    expected = np.maximum(1.0 - swap, _LEAST_EDGE)[..., None] + _BEYOND * _EDGE_SD
    raised = np.maximum(mean, _FLOOR * np.sqrt(variance))
    factors = (_log_normal(raised, expected, edge) - _log_normal(raised, 0.0, null)).clip(*_CLIP)
    share = sums.trades / (sums.trades + _SWAP_SHRINK)
    swap_factor = share * _SWAP_GAIN * (swap - 1.0).clip(*_SWAP_CLIP)
    mass = PRIOR / _CHANNELS * np.exp(np.concatenate([factors, swap_factor[..., None]], axis=-1))
    whole = 1.0 - PRIOR + mass.sum(axis=-1)
    posterior = mass / whole[..., None]
    idle = (mean * _NULL_SD**2 / null)[..., _MIDDLE]
    usable = (expected * variance + mean * _EDGE_SD**2) / edge
    at_rest = (1.0 - PRIOR) / whole + posterior[..., -1]
    gain = at_rest * idle + (posterior[..., :-1] * usable).sum(axis=-1)
    rank = np.log(mass.sum(axis=-1)) - np.log(1.0 - PRIOR)
    return Verdict(posterior.sum(axis=-1), rank, gain + swap - 1.0)


def trajectory(seen: Observed) -> Verdict:
    """Return what was to be said after each trade. Shapes: (clients, trades)."""
    return judged(running_sums(seen))


def _log_normal(x: Floats, mean: Floats | float, variance: Floats) -> Floats:
    log: Floats = -0.5 * ((x - mean) ** 2 / variance + np.log(variance))
    return log
