"""How much a record means: Sharpe ratios with their errors, sequential tests, shrinkage.

Sharpe ratios are per trade, not per year. Source: science.md section 1.8; Bailey and Lopez de Prado
(probabilistic and deflated Sharpe ratio); Wald (sequential test).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NORMAL: Final = NormalDist()
_EULER: Final = 0.5772156649015329


def _sharpe_variance(sharpe: float, skew: float, kurtosis: float) -> float:
    """Return the variance of a Sharpe ratio's estimate, times the number of trades less one."""
    return 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe


def sharpe_error(sharpe: float, trades: int, skew: float = 0.0, kurtosis: float = 3.0) -> float:
    """Return the standard error of a Sharpe ratio; fat tails and losses in lumps widen it.

    Raises:
        ValueError: There are fewer than two trades.
    """
    if trades < 2:  # noqa: PLR2004
        raise ValueError(f"a Sharpe ratio needs 2 trades, there are {trades}")
    return math.sqrt(_sharpe_variance(sharpe, skew, kurtosis) / (trades - 1))


def probabilistic_sharpe(
    sharpe: float, benchmark: float, trades: int, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Return the probability that the true Sharpe ratio is above a benchmark.

    >>> round(probabilistic_sharpe(0.1, 0.0, 200), 4)
    0.9203
    """
    error = sharpe_error(sharpe, trades, skew, kurtosis)
    return NORMAL.cdf((sharpe - benchmark) / error)


def best_of_no_skill(clients: int, variance: float) -> float:
    """Return the Sharpe ratio to expect of the luckiest of so many clients without skill.

    Args:
        clients: How many were looked at, at least 2.
        variance: Variance of their Sharpe ratios, 1 / trades without skill.
    """
    first = NORMAL.inv_cdf(1.0 - 1.0 / clients)
    second = NORMAL.inv_cdf(1.0 - 1.0 / (clients * math.e))
    return math.sqrt(variance) * ((1.0 - _EULER) * first + _EULER * second)


def deflated_sharpe(
    sharpe: float,
    trades: int,
    clients: int,
    variance: float,
    skew: float = 0.0,
    kurtosis: float = 3.0,
) -> float:
    """Return the probability of skill, given that this is the best of many clients."""
    luckiest = best_of_no_skill(clients, variance)
    return probabilistic_sharpe(sharpe, luckiest, trades, skew, kurtosis)


def fewest_trades(
    sharpe: float, confidence: float = 0.95, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Return how many trades make a Sharpe ratio above 0 significant (minimum track record).

    >>> round(fewest_trades(0.1), 1)
    272.9
    """
    z = NORMAL.inv_cdf(confidence)
    return 1.0 + _sharpe_variance(sharpe, skew, kurtosis) * (z / sharpe) ** 2


class SequentialTest(NamedTuple):
    """Wald's test of a mean of ``edge`` standard deviations against none.

    ``false_alarm`` and ``miss`` are the two errors' probabilities.
    """

    edge: float
    false_alarm: float = 0.05
    miss: float = 0.10

    @property
    def upper(self) -> float:
        """The log likelihood ratio from which the edge is believed."""
        return math.log((1.0 - self.miss) / self.false_alarm)

    @property
    def lower(self) -> float:
        """The log likelihood ratio below which it is given up."""
        return math.log(self.miss / (1.0 - self.false_alarm))

    def step(self, gain: float) -> float:
        """Return what a standardised gain adds to the log likelihood ratio."""
        return self.edge * gain - 0.5 * self.edge**2

    def trades_with_edge(self) -> float:
        """Return Wald's mean number of trades until the decision if the edge is there."""
        ends = (1.0 - self.miss) * self.upper + self.miss * self.lower
        return ends / (0.5 * self.edge**2)

    def trades_without(self) -> float:
        """Return the same if it is not."""
        ends = self.false_alarm * self.upper + (1.0 - self.false_alarm) * self.lower
        return -ends / (0.5 * self.edge**2)


class Shrunk(NamedTuple):
    """Means pulled towards their common mean, as far as their errors ask for it.

    Shapes: mean, sd (n,).
    """

    mean: Floats
    sd: Floats
    common: float
    between: float


def shrink(means: Floats, errors: Floats) -> Shrunk:
    """Shrink means by empirical Bayes (normal and normal, method of moments).

    Args:
        means: One per client.
        errors: Their standard errors, above 0.

    ``common`` is the precision-weighted mean, ``between`` the standard deviation of true means.
    """
    variances = errors**2
    if not len(means):
        return Shrunk(means.copy(), errors.copy(), 0.0, 0.0)
    common = float(np.average(means, weights=1.0 / variances))
    excess = np.average((means - common) ** 2 - variances, weights=1.0 / variances**2)
    between = max(float(excess), 0.0)
    if between == 0.0:
        return Shrunk(np.full_like(means, common), np.zeros_like(means), common, 0.0)
    precision = 1.0 / between + 1.0 / variances
    mean = (common / between + means / variances) / precision
    return Shrunk(mean, 1.0 / np.sqrt(precision), common, math.sqrt(between))
