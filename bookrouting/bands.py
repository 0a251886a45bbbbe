"""How far to let a position run before it is hedged: bands, and what they cost.

Clients' flow moves the house's position q like a Brownian motion of variance ``s^2`` a day. Holding
it costs ``gamma / 2 sigma^2 q^2`` a day, hedging ``psi`` per unit and, where there is one, a fee a
ticket. Inside a band nothing is done. Everything below is the exact stationary cost of a policy
under that model; what finite trades change is tested by simulation.
Source: science.md section 4.3 (derived there); Karlin and Taylor, A second course in stochastic
processes, 1981, chapter 15 (exit times, stationary densities).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from exposure.errors import DomainError

NEVER_HEDGE_MULTIPLE: Final = 2.5
"""Beyond so many standard deviations of a flow that returns by itself, a band is never reached."""

_GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0
_ROUNDS: Final = 200
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


class Flow(NamedTuple):
    """What clients do to the house's position in one symbol.

    Units: ``variance`` s^2 per day and ``drift`` per day, in squared and plain units of the
    position (lots, or USD); ``reversion`` kappa per day, at which positions go back by themselves.
    """

    variance: float
    drift: float = 0.0
    reversion: float = 0.0


class Price(NamedTuple):
    """What holding and hedging a unit costs.

    Units: ``variance`` sigma^2 per day and unit held, ``risk_aversion`` gamma, ``cost`` psi per
    unit hedged, ``ticket_cost`` per hedge; ``drift`` is what a unit that is held earns a day.
    """

    variance: float
    risk_aversion: float
    cost: float
    ticket_cost: float = 0.0
    drift: float = 0.0

    @property
    def weight(self) -> float:
        """Gamma sigma^2: twice the cost of a squared unit held for a day."""
        return self.risk_aversion * self.variance


class Band(NamedTuple):
    """Do nothing between ``low`` and ``high``; beyond, trade back to the nearer target.

    ``cost`` is expected per day, ``variance`` that of the position, ``hedged`` the volume per day.
    An infinite band never hedges.
    """

    low: float
    high: float
    low_target: float
    high_target: float
    cost: float
    variance: float
    hedged: float

    @property
    def half_width(self) -> float:
        """L, half the distance between the sides."""
        return (self.high - self.low) / 2.0

    @property
    def centre(self) -> float:
        """The middle, which informed flow moves."""
        return (self.high + self.low) / 2.0 if math.isfinite(self.high) else 0.0


def edge_band(flow: Flow, price: Price) -> Band:
    """Return the cheapest band whose hedges go back to its edge: the cube-root rule.

    ``L* = (3 psi s^2 / (2 gamma sigma^2))^(1/3)``, ``C* = 0.75 psi s^2 / L*``.
    """
    _require(flow, price)
    half = (1.5 * price.cost * flow.variance / price.weight) ** (1.0 / 3.0)
    return band_at(flow, price, half)


def band_at(flow: Flow, price: Price, half_width: float) -> Band:
    """Return what a band of a given half width costs, hedged back to its edge."""
    if half_width <= 0.0:
        return _symmetric(0.0, 0.0, 0.0, 0.0, 0.0)
    variance = half_width**2 / 3.0
    hedged = flow.variance / (2.0 * half_width)
    cost = price.weight * variance / 2.0 + price.cost * hedged
    return _symmetric(half_width, half_width, cost, variance, hedged)


def flat_band(flow: Flow, price: Price) -> Band:
    """Return the cheapest band whose hedges go back to zero: 1.587 times as wide, 26 % dearer."""
    _require(flow, price)
    half = (6.0 * price.cost * flow.variance / price.weight) ** (1.0 / 3.0)
    return ticket_band_at(flow, price._replace(ticket_cost=0.0), half, 0.0)


def ticket_band(flow: Flow, price: Price) -> Band:
    """Return the cheapest band and target where every ticket costs something.

    With ``m = L + T``, ``d = L - T`` and ``k = 12 s^2 / (gamma sigma^2)`` the cost is least where
    ``d^3 m = k F`` and ``m^3 = k (psi + F / d)``: one equation in m, solved by bisection. Without a
    fee the target is the edge, without a proportional cost it is zero.
    """
    _require(flow, price)
    if price.ticket_cost <= 0.0:
        return edge_band(flow, price)
    k, fee = 12.0 * flow.variance / price.weight, price.ticket_cost

    def excess(m: float) -> float:
        d = (k * fee / m) ** (1.0 / 3.0)
        return float(m**3 - k * (price.cost + fee / d))

    low = (k * fee) ** 0.25
    high = 2.0 * low + 2.0 * (k * price.cost) ** (1.0 / 3.0)
    m = _root(excess, low, high)
    d = min((k * fee / m) ** (1.0 / 3.0), m)
    return ticket_band_at(flow, price, (m + d) / 2.0, (m - d) / 2.0)


def ticket_band_at(flow: Flow, price: Price, half_width: float, target: float) -> Band:
    """Return what a band costs that is hedged back to ``target`` (below its half width).

    From T the position needs ``(L^2 - T^2) / s^2`` days to reach L on either side.
    """
    if not 0.0 <= target < half_width:
        raise DomainError(f"a target of {target:g} is not inside a band of {half_width:g}")
    tickets = flow.variance / (half_width**2 - target**2)
    variance = (half_width**2 + target**2) / 6.0
    hedged = tickets * (half_width - target)
    cost = price.weight * variance / 2.0 + price.cost * hedged + price.ticket_cost * tickets
    return _symmetric(half_width, target, cost, variance, hedged)


def drift_band(flow: Flow, price: Price) -> Band:
    """Return the cheapest band where the flow, the price, or both have a direction.

    A price that drifts (informed clients push one way and are right) moves the band by
    ``drift / (gamma sigma^2)``: what is held is worth holding, or not. A flow that drifts makes the
    side it pushes to dear, so the band opens there; both sides are searched.
    """
    _require(flow, price)
    start = edge_band(flow, price).half_width
    shift = price.drift / price.weight

    def cost_of(centre: float, half: float) -> float:
        return _between(flow, price, centre - half, centre + half).cost

    def best_half(centre: float) -> float:
        return _least(lambda half: cost_of(centre, half), 0.05 * start, 6.0 * start)

    reach = 3.0 * start
    centre = _least(lambda c: cost_of(c, best_half(c)), shift - reach, shift + reach)
    half = best_half(centre)
    return _between(flow, price, centre - half, centre + half)


def band_for(flow: Flow, price: Price) -> Band:
    """Return the band to use: never, with a fee, with a direction, or the cube root.

    Positions that clients close by themselves have the variance ``s^2 / (2 kappa)``. A band of more
    than 2.5 of its roots is never reached: hedging would only pay spreads.
    """
    free_variance = math.inf if flow.reversion <= 0.0 else flow.variance / (2.0 * flow.reversion)
    edge = edge_band(flow, price)
    if edge.half_width > NEVER_HEDGE_MULTIPLE * math.sqrt(free_variance):
        cost = price.weight * free_variance / 2.0
        return Band(-math.inf, math.inf, -math.inf, math.inf, cost, free_variance, 0.0)
    if price.ticket_cost > 0.0:
        return ticket_band(flow, price)
    if flow.drift != 0.0 or price.drift != 0.0:
        return drift_band(flow, price)
    return edge


def _between(flow: Flow, price: Price, low: float, high: float) -> Band:
    """Return what reflecting at two sides costs; the density is exponential in the drift."""
    middle, half = (low + high) / 2.0, (high - low) / 2.0
    q = middle + half * _NODES
    slope = 2.0 * flow.drift / flow.variance
    # scaled by the larger side, so that no exponent overflows
    weights = np.exp(slope * (q - middle) - abs(slope) * half)
    mass = float((_WEIGHTS * weights).sum()) * half
    mean = float((_WEIGHTS * weights * q).sum()) * half / mass
    square = float((_WEIGHTS * weights * q**2).sum()) * half / mass
    sides = (math.exp(sign * slope * half - abs(slope) * half) / mass for sign in (-1.0, 1.0))
    hedged = flow.variance / 2.0 * sum(sides)
    cost = price.weight * square / 2.0 - price.drift * mean + price.cost * hedged
    return Band(low, high, low, high, cost, square - mean**2, hedged)


def _symmetric(half: float, target: float, cost: float, variance: float, hedged: float) -> Band:
    return Band(-half, half, -target, target, cost, variance, hedged)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    while function(high) < 0.0:
        high *= 2.0
    for _ in range(_ROUNDS):
        middle = (low + high) / 2.0
        if function(middle) < 0.0:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def _least(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function with one valley is least, by golden section."""
    a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_a, at_b = function(a), function(b)
    while high - low > 1e-7 * (abs(high) + abs(low) + 1e-300):
        if at_a < at_b:
            high, b, at_b = b, a, at_a
            a = high - _GOLDEN * (high - low)
            at_a = function(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + _GOLDEN * (high - low)
            at_b = function(b)
    return (low + high) / 2.0


def _require(flow: Flow, price: Price) -> None:
    for name, value in (("flow's variance", flow.variance), ("price's variance", price.variance)):
        if not (math.isfinite(value) and value > 0.0):
            raise DomainError(f"the {name} must be above 0 to find a band, was {value:g}")
    if not (price.risk_aversion > 0.0 and price.cost >= 0.0):
        raise DomainError("the risk aversion must be above 0 and the cost of a hedge 0 or more")
