"""Was the VaR right? Tests of how often losses exceeded it, whether they clustered, and how badly.

A hit is a day whose loss exceeded the VaR that was stated for it. At 99 % and 250 days there are
two or three, which proves little: these tests need years, and a pass on one year is no proof.
Source: Kupiec, Techniques for verifying the accuracy of risk measurement models, 1995;
Christoffersen, Evaluating interval forecasts, 1998; Basel Committee, Supervisory framework for the
use of backtesting, 1996; Acerbi and Szekely, Backtesting expected shortfall, 2014 (test 2).
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.errors import DomainError
from exposure.risk.var import binomial_pmf

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

Z2_CRITICAL: Final = -0.70
"""Below this an ES at 97.5 % over 250 days is rejected at 5 %, whatever the tails are."""

_YELLOW_FROM: Final = 0.95
_RED_FROM: Final = 0.9999


class LikelihoodRatio(NamedTuple):
    """A likelihood ratio and the chance of one as large if the VaR is right."""

    statistic: float
    p_value: float


class Transitions(NamedTuple):
    """How many days followed which: ``calm_hit`` is a hit after a day without one."""

    calm_calm: int
    calm_hit: int
    hit_calm: int
    hit_hit: int


class Zone(StrEnum):
    """The Basel traffic light."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


def hits(pnl_usd: Floats, var_usd: Floats) -> Flags:
    """Return on which days the loss exceeded the VaR.

    Shapes: both (t,) -> (t,). Units: VaR positive.
    """
    return -pnl_usd > var_usd


def kupiec(days: int, hit_days: int, expected: float) -> LikelihoodRatio:
    """Test the number of hits against the share that was promised (unconditional coverage).

    Args:
        days: How many were observed.
        hit_days: How many of them were hits.
        expected: Promised share, such as 0.01 for a VaR at 99 %.

    Raises:
        DomainError: The numbers contradict each other.

    >>> round(kupiec(250, 3, 0.01).statistic, 4)
    0.0949
    """
    if not (0 <= hit_days <= days and days > 0 and 0.0 < expected < 1.0):
        raise DomainError(f"{hit_days} hits in {days} days at {expected} cannot be tested")
    calm = days - hit_days
    promised = _log_likelihood(calm, hit_days, expected)
    observed = _log_likelihood(calm, hit_days, hit_days / days)
    return _one_degree(2.0 * (observed - promised))


def transitions(hit_days: Flags) -> Transitions:
    """Count which days followed which.

    Shapes: (t,).
    """
    before, after = hit_days[:-1], hit_days[1:]
    counts = np.bincount(2 * before.astype(np.int64) + after, minlength=4).tolist()
    return Transitions(*counts)


def independence(counts: Transitions) -> LikelihoodRatio:
    """Test whether a hit makes another one the next day more (or less) likely.

    >>> round(independence(Transitions(230, 8, 8, 3)).statistic, 4)
    7.2328
    """
    after_calm = counts.calm_calm + counts.calm_hit
    after_hit = counts.hit_calm + counts.hit_hit
    hit, calm = counts.calm_hit + counts.hit_hit, counts.calm_calm + counts.hit_calm
    same = _log_likelihood(calm, hit, _share(hit, calm + hit))
    own = _log_likelihood(*counts[:2], _share(counts.calm_hit, after_calm))
    own += _log_likelihood(*counts[2:], _share(counts.hit_hit, after_hit))
    return _one_degree(2.0 * (own - same))


def conditional_coverage(hit_days: Flags, expected: float) -> LikelihoodRatio:
    """Test number and independence of hits at once: the sum of both ratios.

    Shapes: (t,).

    Raises:
        DomainError: There is no day.
    """
    coverage = kupiec(len(hit_days), int(hit_days.sum()), expected)
    statistic = coverage.statistic + independence(transitions(hit_days)).statistic
    return LikelihoodRatio(statistic, math.exp(-statistic / 2.0))


def basel_zone(days: int, hit_days: int, expected: float = 0.01) -> Zone:
    """Return the traffic light: at 250 days and 99 % green to 4 hits, yellow to 9, then red.

    Yellow begins where so many hits or fewer have a chance of 95 % under a right VaR, red at
    99.99 %.
    """
    chance = float(binomial_pmf(days, expected)[: hit_days + 1].sum())
    if chance >= _RED_FROM:
        return Zone.RED
    return Zone.YELLOW if chance >= _YELLOW_FROM else Zone.GREEN


def acerbi_szekely_z2(pnl_usd: Floats, var_usd: Floats, es_usd: Floats, expected: float) -> float:
    """Return Z2: 0 is expected if the ES is right, below it losses were worse than the ES said.

    ``Z2 = 1 - sum(L_t I_t / (T expected ES_t))``. For 250 days at 97.5 % reject below
    ``Z2_CRITICAL``.

    Shapes: pnl_usd, var_usd, es_usd (t,). Units: VaR and ES positive.

    Raises:
        DomainError: There is no day.
    """
    if len(pnl_usd) == 0:
        raise DomainError("a backtest needs at least one day")
    losses = np.where(hits(pnl_usd, var_usd), -pnl_usd, 0.0)
    return 1.0 - float((losses / es_usd).sum()) / (len(pnl_usd) * expected)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _log_likelihood(calm: int, hit: int, share: float) -> float:
    return _times_log(calm, 1.0 - share) + _times_log(hit, share)


def _times_log(count: int, share: float) -> float:
    # 0 ln 0 is 0: what never happened and cannot happen costs no likelihood
    return count * math.log(share) if count else 0.0


def _one_degree(statistic: float) -> LikelihoodRatio:
    # the survival function of chi squared; rounding may leave a hair below zero
    statistic = max(statistic, 0.0)
    return LikelihoodRatio(statistic, math.erfc(math.sqrt(statistic / 2.0)))
