"""What it costs to be safer: hedges by risk aversion, the knee, and what netting saves.

Source: science.md section 4.4; Satopaa, Albrecht, Irwin and Raghavan, Finding a kneedle in a
haystack, 2011 (the knee).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.errors import DomainError
from exposure.risk.cross_hedge import hedge_with_costs
from exposure.risk.var import Tail, portfolio_sd

Floats = NDArray[np.float64]

MOST_CHOICES: Final = 50_000
_EXACT: Final = 1e-9


class FrontierPoint(NamedTuple):
    """The best hedge at one risk aversion: what it costs and what risk is left.

    Shapes: hedge (k,). Units: USD; ``var_usd`` daily at 99 %.
    """

    risk_aversion: float
    hedge: Floats
    cost_usd: float
    sd_usd: float
    var_usd: float


def hedge_frontier(
    exposure: Floats,
    instruments: Floats,
    covariance: Floats,
    cost_ratio: Floats,
    risk_aversions: Sequence[float],
    most: Floats | None = None,
) -> list[FrontierPoint]:
    """Return the best hedge for each risk aversion, from the most careless on.

    Arguments and shapes are those of ``hedge_with_costs``; the last one adds limits.
    """
    points = []
    for aversion in sorted(risk_aversions):
        hedge = hedge_with_costs(exposure, instruments, covariance, cost_ratio, aversion, most)
        sd = portfolio_sd(exposure + instruments @ hedge, covariance)
        cost = float(cost_ratio @ np.abs(hedge))
        points.append(FrontierPoint(aversion, hedge, cost, sd, Tail.NORMAL.var_99 * sd))
    return points


def knee(points: Sequence[FrontierPoint]) -> FrontierPoint:
    """Return the point beyond which safety becomes dear: farthest below the line of the ends.

    Cost and VaR are first scaled to what the frontier spans, so units do not matter.

    Raises:
        DomainError: There are no points.
    """
    if not points:
        raise DomainError("a frontier without points has no knee")
    costs = np.array([point.cost_usd for point in points])
    vars_ = np.array([point.var_usd for point in points])
    spans = np.ptp(costs), np.ptp(vars_)
    if min(spans) <= 0.0:
        return points[0]
    below = 1.0 - (costs - costs.min()) / spans[0] - (vars_ - vars_.min()) / spans[1]
    return points[int(np.argmax(below))]


class NettingSaving(NamedTuple):
    """Closing each position by itself beside the cheapest trades with the same result.

    Shapes: net (k,). Units: USD.
    """

    singly_usd: float
    net_usd: float
    net: Floats

    @property
    def saved_usd(self) -> float:
        """What netting saves."""
        return self.singly_usd - self.net_usd


def netting_saving(legs: Floats, instruments: Floats, cost_ratio: Floats) -> NettingSaving:
    """Return what closing positions over other pairs saves; the exposure left is none either way.

    The cheapest trades use at most as many instruments as there are factors, so all such choices
    are tried.

    Args:
        legs: What is held, in each instrument.
        instruments: What one unit of each instrument holds, per factor.
        cost_ratio: Cost per unit traded.

    Raises:
        DomainError: There are too many instruments to try all choices.

    Shapes: legs (k,), instruments (f, k), cost_ratio (k,).
    """
    factors, k = instruments.shape
    if math.comb(k, min(factors, k)) > MOST_CHOICES:
        raise DomainError(f"{k} instruments in {factors} factors are too many: choose fewer")
    owed = -(instruments @ legs)
    best, cheapest = -legs, float(cost_ratio @ np.abs(legs))
    singly = cheapest
    for chosen in combinations(range(k), min(factors, k)):
        columns = instruments[:, chosen]
        trade = np.linalg.lstsq(columns, owed, rcond=None)[0]
        if np.abs(columns @ trade - owed).max(initial=0.0) > _EXACT * np.abs(owed).max(initial=1.0):
            continue
        cost = float(cost_ratio[list(chosen)] @ np.abs(trade))
        if cost < cheapest - _EXACT * singly:
            best, cheapest = np.zeros(k), cost
            best[list(chosen)] = trade
    return NettingSaving(singly, cheapest, best)
