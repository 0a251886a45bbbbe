"""A dealer who quotes and hedges at once: optimal markups and the pure internalisation zone.

Clients of a tier trade at rate ``lambda(z) / (1 + exp(alpha + beta delta))`` for a markup delta.
With a penalty ``gamma / 2 y' S y`` on the inventory y the value is nearly quadratic, ``-y' A y``,
and stationary where ``2 A M A = gamma / 2 S``: skewed quotes bring the inventory back, and the
provider is only called where the marginal value of inventory exceeds what he costs.
Source: Barzykin, Bergault and Gueant, Algorithmic market making in dealer markets with hedging and
market impact, 2021 (arXiv 2106.06974); Dealing with multi-currency inventory risk in FX cash
markets, 2023 (arXiv 2207.04100), equations (4) to (6) and table 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.errors import DomainError

Floats = NDArray[np.float64]

_ROUNDS: Final = 50
_ENOUGH: Final = 1e-15
_LARGE: Final = 2.0
_LARGEST_EXPONENT: Final = 700.0


def lambert_w_of_exp(exponent: float) -> float:
    """Return W(e^c), the w above 0 with ``w + ln w = c``, by Halley's method.

    With the exponent as argument nothing overflows however far a price is from the market.

    >>> round(lambert_w_of_exp(1.0), 12)
    1.0
    """
    w = exponent - math.log(exponent) if exponent > _LARGE else math.exp(min(exponent, 0.5))
    for _ in range(_ROUNDS if w > 0.0 else 0):
        error = w + math.log(w) - exponent
        step = error * w / (1.0 + w + error / (2.0 * (1.0 + w)))
        w = max(w - step, w * 0.1)
        if abs(step) <= _ENOUGH * w:
            break
    return w


class Tier(NamedTuple):
    """Clients who react alike to a markup. Units: ``beta`` per unit of the markup."""

    alpha: float
    beta: float

    def _w(self, cost: float) -> float:
        return lambert_w_of_exp(-(1.0 + self.alpha + self.beta * cost))

    def demand(self, markup: float) -> float:
        """Return the share of requests that become trades, in (0, 1)."""
        exponent = self.alpha + self.beta * markup
        return 1.0 / (1.0 + math.exp(exponent)) if exponent < _LARGEST_EXPONENT else 0.0

    def markup(self, cost: float) -> float:
        """Return the best markup where a unit traded costs the house ``cost``."""
        return cost + (1.0 + self._w(cost)) / self.beta

    def value(self, cost: float) -> float:
        """H(p): what the best markup earns per request."""
        return self._w(cost) / self.beta

    def curvature(self, cost: float = 0.0) -> float:
        """H''(p); at zero it is alpha_2, how strongly trades answer to skewed quotes."""
        w = self._w(cost)
        return self.beta * w / (1.0 + w) ** 3


class QuotedPair(NamedTuple):
    """What clients and providers do in one pair, both ways alike.

    ``base`` and ``quote`` are places in the list of currencies, None for the reference currency.

    Units: sizes in M USD, rates per day, tier and side; ``cost`` psi as a share of the price,
    ``slope`` eta per (M USD / day).
    """

    base: int | None
    quote: int | None
    sizes: Sequence[float]
    rates: Sequence[float]
    tiers: Sequence[Tier]
    cost: float
    slope: float

    @property
    def response(self) -> float:
        """What a unit of marginal value of inventory moves a day, on one side."""
        volume = sum(size * rate for size, rate in zip(self.sizes, self.rates, strict=True))
        return volume * sum(tier.curvature() for tier in self.tiers)


class Dealer(NamedTuple):
    """The stationary solution.

    Shapes: inventory_value A, franchise M (currencies, currencies), impact (currencies,).
    Units: A per M USD, M in M USD a day, impact k per M USD.
    """

    pairs: tuple[QuotedPair, ...]
    inventory_value: Floats
    franchise: Floats
    impact: Floats

    def markup(
        self, pair: QuotedPair, tier: Tier, size: float, side: int, inventory: Floats
    ) -> float:
        """Return the best markup for one trade.

        Args:
            pair: Which pair.
            tier: Whose trade.
            size: Of the trade, M USD.
            side: +1 if the house takes the base, -1 if it gives it.
            inventory: y, M USD per currency.
        """
        direction = side * self._direction(pair)
        cost = (2.0 * inventory + size * direction) @ self.inventory_value @ direction
        return tier.markup(float(cost))

    def hedge_rate(self, pair: QuotedPair, inventory: Floats) -> float:
        """Return how fast to buy the base at providers, M USD a day; 0 inside the zone."""
        gain = float(self._pull(pair) @ inventory)
        if abs(gain) <= pair.cost:
            return 0.0
        return math.copysign((abs(gain) - pair.cost) / (2.0 * pair.slope), gain)

    def zone(self, pair: QuotedPair, currency: int) -> float:
        """Return the inventory of a currency alone beyond which a pair is used to hedge it.

        It is infinite where moving the price costs more than the inventory does.
        """
        pull = float(self._pull(pair)[currency])
        without_impact = pull - float(self.impact[currency] * self._direction(pair)[currency])
        if without_impact * pull <= 0.0:
            return math.inf
        return pair.cost / abs(pull)

    def _pull(self, pair: QuotedPair) -> Floats:
        """Return what a unit of each currency adds to the gain of buying the base."""
        direction = self._direction(pair)
        pull: Floats = self.impact * direction - 2.0 * self.inventory_value @ direction
        return pull

    def _direction(self, pair: QuotedPair) -> Floats:
        return _direction(pair, len(self.impact))


def dealer(
    pairs: Sequence[QuotedPair],
    covariance: Floats,
    risk_aversion: float,
    impact: Floats | None = None,
) -> Dealer:
    """Return the stationary solution for currencies quoted against a reference currency.

    ``A = M^(-1/2) (gamma/4 M^(1/2) S M^(1/2))^(1/2) M^(-1/2)``; the sizes of single trades and the
    drift of the quadratic term are left out, as both are tiny beside gamma.

    Args:
        pairs: What is quoted.
        covariance: S, of the currencies' daily returns against the reference.
        risk_aversion: gamma, per M USD.
        impact: k, what hedging a M USD moves a currency's price for good.

    Raises:
        DomainError: A currency is in no pair, so nothing ever brings its inventory back.

    Shapes: covariance (n, n), impact (n,).
    """
    n = len(covariance)
    franchise = np.zeros((n, n))
    for pair in pairs:
        direction = _direction(pair, n)
        # both sides of every pair answer
        franchise += 2.0 * pair.response * np.outer(direction, direction)
    root = _root(franchise)
    if np.linalg.matrix_rank(franchise) < n:
        raise DomainError("a currency is in no pair: its inventory would never come back")
    inverse = np.linalg.inv(root)
    middle = _root(risk_aversion / 4.0 * root @ covariance @ root)
    moved = np.zeros(n) if impact is None else np.asarray(impact, np.float64)
    return Dealer(tuple(pairs), inverse @ middle @ inverse, franchise, moved)


def _direction(pair: QuotedPair, currencies: int) -> Floats:
    direction = np.zeros(currencies)
    for place, sign in ((pair.base, 1.0), (pair.quote, -1.0)):
        if place is not None:
            direction[place] = sign
    return direction


def _root(matrix: Floats) -> Floats:
    """Return the symmetric root of a matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T, np.float64)
