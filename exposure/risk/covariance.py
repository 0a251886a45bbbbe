"""Covariances of factors: exponentially weighted, shrunk, and always usable.

Everything is per factor against USD (see factors.py), so a cross rate has the variance that its two
legs give it and triangles cannot contradict each other.
Source: J.P. Morgan/Reuters, RiskMetrics Technical Document, 4th ed. 1996, chapter 5 (EWMA, decay
0.94); Ledoit and Wolf, Honey, I shrunk the sample covariance matrix, 2004 (constant correlation);
Rebonato and Jaeckel, The most general methodology to create a valid correlation matrix, 1999
(spectral repair).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from exposure.errors import DomainError

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]

DAILY_DECAY: Final = 0.94
START_OBSERVATIONS: Final = 30
SHRINKAGE_RATIO: Final = 0.2

INTERVALS_PER_DAY: Final = 288
"""Five-minute intervals in 24 hours."""

LONGEST_MOVE: Final = INTERVALS_PER_DAY
"""Intervals that a move may span: a night counts, a weekend is a gap and no day's risk."""

VOLATILITY_HALF_LIFE: Final = 5 * INTERVALS_PER_DAY
CORRELATION_HALF_LIFE: Final = 30 * INTERVALS_PER_DAY

_SMALLEST_EIGENVALUE: Final = 1e-10


def ewma_covariance(returns: Floats, decay: float = DAILY_DECAY) -> Floats:
    """Return the covariance that is forecast for the day after the last return.

    The first 30 returns give the start, their mean product; means are taken as zero.

    Args:
        returns: One row per day, oldest first.
        decay: Weight of yesterday's forecast, in (0, 1).

    Raises:
        DomainError: There are fewer than 30 returns.

    Shapes: returns (t, f) -> (f, f).
    Source: RiskMetrics 1996, equation 5.3.
    """
    _require_start(returns)
    first = returns[:START_OBSERVATIONS]
    covariance = first.T @ first / START_OBSERVATIONS
    for row in returns[START_OBSERVATIONS:]:
        covariance = decay * covariance + (1.0 - decay) * np.outer(row, row)
    return covariance


def ewma_volatility(returns: Floats, decay: float = DAILY_DECAY) -> Floats:
    """Return the standard deviation that was forecast for each day, and for the next one.

    A day's forecast knows the days before it only: ``sigma_t^2 = decay sigma_{t-1}^2 + (1 - decay)
    r_{t-1}^2``. The first 30 days have none (NaN).

    Raises:
        DomainError: There are fewer than 30 returns.

    Shapes: returns (t,) or (t, f) -> (t + 1,) or (t + 1, f).
    """
    _require_start(returns)
    variance = np.full((len(returns) + 1, *returns.shape[1:]), np.nan)
    variance[START_OBSERVATIONS] = np.mean(returns[:START_OBSERVATIONS] ** 2, axis=0)
    for day in range(START_OBSERVATIONS, len(returns)):
        variance[day + 1] = decay * variance[day] + (1.0 - decay) * returns[day] ** 2
    return np.sqrt(variance)


def correlation_of(covariance: Floats) -> Floats:
    """Return the correlations; a factor that never moves is uncorrelated.

    Shapes: (f, f) -> (f, f).
    """
    sd = np.sqrt(np.diag(covariance))
    scale = np.outer(sd, sd)
    correlation = np.zeros_like(covariance)
    np.divide(covariance, scale, out=correlation, where=scale > 0.0)
    correlation = np.clip(correlation, -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def covariance_of(sd: Floats, correlation: Floats) -> Floats:
    """Return the covariance of factors with these standard deviations and correlations.

    Shapes: sd (f,), correlation (f, f) -> (f, f).
    """
    return correlation * np.outer(sd, sd)


def shrunk(
    correlation: Floats,
    share: float = SHRINKAGE_RATIO,
    known: NDArray[np.bool_] | None = None,
) -> Floats:
    """Move correlations a share of the way to their mean, because single ones are noisy.

    Args:
        correlation: With ones on its diagonal.
        share: 0 changes nothing, 1 makes all the same.
        known: Which pairs were measured; the others count in no mean and come back as they were.

    Shapes: correlation, known (f, f) -> (f, f).
    """
    pairs = ~np.eye(len(correlation), dtype=np.bool_)
    if known is not None:
        pairs &= known
    if not pairs.any():
        return correlation.copy()
    mean = correlation[pairs].mean()
    return np.where(pairs, (1.0 - share) * correlation + share * mean, correlation)


def repaired(correlation: Floats) -> Floats:
    """Return the correlations themselves if a book can have them, else near ones that can.

    Pairs measured over different hours can contradict each other, and then some portfolio would
    have a negative variance. Negative eigenvalues are lifted to zero and the diagonal is made one
    again.

    Shapes: (f, f) -> (f, f).
    """
    # mostly nothing is to repair, and elimination says so much sooner than eigenvalues
    if _is_positive(correlation + _SMALLEST_EIGENVALUE * np.eye(len(correlation))):
        return correlation
    return _clipped(correlation)


@njit(cache=True)
def _is_positive(matrix: Floats) -> bool:
    """Eliminate the matrix in place; all pivots of a positive definite one are positive.

    Compiled and not from the linear algebra library, whose threads wait for each other while other
    processes have the cores: that took a hundred milliseconds at times.
    """
    for k in range(len(matrix)):
        pivot = matrix[k, k]
        if not pivot > 0.0:
            return False
        for i in range(k + 1, len(matrix)):
            share = matrix[k, i] / pivot
            for j in range(i, len(matrix)):
                matrix[i, j] -= share * matrix[k, j]
    return True


def _clipped(correlation: Floats) -> Floats:
    values, vectors = np.linalg.eigh(correlation)
    positive = (vectors * np.maximum(values, _SMALLEST_EIGENVALUE)) @ vectors.T
    sd = np.sqrt(np.diag(positive))
    valid: Floats = positive / np.outer(sd, sd)
    valid = (valid + valid.T) / 2
    np.fill_diagonal(valid, 1.0)
    return valid


def _require_start(returns: Floats) -> None:
    if len(returns) < START_OBSERVATIONS:
        raise DomainError(
            f"an exponentially weighted variance needs {START_OBSERVATIONS} returns to start, "
            f"there are {len(returns)}"
        )


class IntradayMoments:
    """Decayed sums of squared and joint moves, from which variances and correlations are read.

    A variance is that of a trading day: squared moves over the time that they took, so a share's
    night is in it as one move and 24-hour markets need no calendar. Correlations come from moves
    over the same five minutes only.

    Shapes: ``counts``, ``squares``, ``intervals`` (f,), ``products``, ``weights`` (f, f).
    Units: moves are log returns, or USD for a factor whose price may be negative; time in
    five-minute intervals in which a factor was quoted, in which half-lives are 5 and 30 days.
    """

    def __init__(self, factors: int = 0) -> None:
        self.counts: Int64s = np.zeros(factors, np.int64)
        self.squares: Floats = np.zeros(factors)
        self.intervals: Floats = np.zeros(factors)
        self.products: Floats = np.zeros((factors, factors))
        self.weights: Floats = np.zeros((factors, factors))

    def grow(self, factors: int) -> None:
        """Make room for factors that nothing is known of yet."""
        more = factors - len(self.counts)
        for name in ("counts", "squares", "intervals"):
            setattr(self, name, np.pad(getattr(self, name), (0, more)))
        for name in ("products", "weights"):
            setattr(self, name, np.pad(getattr(self, name), ((0, more), (0, more))))

    def observe(self, moves: Floats, elapsed: Int64s) -> None:
        """Take what every factor did; NaN where nothing is known.

        Args:
            moves: Since the factor's last price.
            elapsed: How many intervals that took, at least 1; more than a day is no observation.

        Shapes: both (f,).
        """
        seen = np.isfinite(moves**2) & (elapsed <= LONGEST_MOVE)
        took = np.where(seen, elapsed, 1)
        moved = np.where(seen, moves, 0.0)
        kept = np.where(seen, 0.5 ** (took / VOLATILITY_HALF_LIFE), 1.0)
        self.counts += seen
        self.squares = kept * self.squares + moved**2
        self.intervals = kept * self.intervals + np.where(seen, took, 0)
        together = np.outer(seen, seen) & (took[:, None] == took[None, :])
        if not together.any():
            return
        kept = np.where(seen, 0.5 ** (took / CORRELATION_HALF_LIFE), 1.0)
        scaled = moved / np.sqrt(took)
        # row i of a pair has the same time as its column, so the row's decay is that of both
        decayed = np.where(together, kept[:, None], 1.0)
        self.products = decayed * self.products + np.where(together, np.outer(scaled, scaled), 0.0)
        self.weights = decayed * self.weights + together

    def daily_variance(self) -> Floats:
        """Return each factor's variance per day, NaN without an observation.

        Shapes: (f,). Units: moves squared.
        """
        variance = np.full(len(self.squares), np.nan)
        np.divide(
            INTERVALS_PER_DAY * self.squares, self.intervals, out=variance,
            where=self.intervals > 0.0,
        )  # fmt: skip
        return variance

    def correlation(self) -> Floats:
        """Return each pair's correlation, NaN where there is none to measure.

        Shapes: (f, f).
        """
        mean = np.full_like(self.products, np.nan)
        np.divide(self.products, self.weights, out=mean, where=self.weights > 0.0)
        sd = np.sqrt(np.diag(mean))
        scale = np.outer(sd, sd)
        correlation = np.full_like(mean, np.nan)
        np.divide(mean, scale, out=correlation, where=scale > 0.0)
        return np.clip(correlation, -1.0, 1.0)
