"""Value at risk and expected shortfall, from a covariance or from history.

Losses are positive, and a figure is what is lost with the stated confidence or worse. Positions of
a CFD book are linear in the USD prices of factors (units of the asset against units of the quote
currency that are owed), so repricing them at a scenario's prices is exact; what clients cannot lose
beyond their equity is the gap engine's subject.
Source: science.md section 5; Acerbi and Tasche, On the coherence of expected shortfall, 2002;
Barone-Adesi, Giannopoulos and Vosper, VaR without correlations for portfolios of derivative
securities, 1999 (filtered historical simulation).
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.errors import DomainError
from exposure.risk.covariance import ewma_volatility

Floats = NDArray[np.float64]

HOUR_DAYS: Final = 1.0 / 24.0
DAY_DAYS: Final = 1.0
"""Horizons. Variance grows with time, so a figure grows with its root; a weekend does not."""

SPREAD_STRESS: Final = 5.0
DEPTH_SHARE: Final = 0.1


class Tail(Enum):
    """Multiples of a standard deviation: VaR and ES at 99 % and 97.5 %.

    ``STUDENT_4`` is Student's t with four degrees of freedom, scaled to variance one: tails as
    currencies have them.
    """

    NORMAL = (2.32635, 1.95996, 2.66521, 2.33780)
    STUDENT_4 = (2.64949, 1.96323, 3.69151, 2.82387)

    @property
    def var_99(self) -> float:
        """VaR at 99 %."""
        return self.value[0]

    @property
    def var_975(self) -> float:
        """VaR at 97.5 %."""
        return self.value[1]

    @property
    def es_99(self) -> float:
        """ES at 99 %."""
        return self.value[2]

    @property
    def es_975(self) -> float:
        """ES at 97.5 %."""
        return self.value[3]


class Interval(NamedTuple):
    """Where a figure lies with some confidence; ``high`` is infinite where nobody can say."""

    low: float
    high: float


# From a covariance --------------------------------------------------------------------------------


def portfolio_sd(weights_usd: Floats, covariance: Floats, horizon_days: float = DAY_DAYS) -> float:
    """Return the standard deviation of a portfolio's profit over a horizon.

    Shapes: weights_usd (f,), covariance (f, f) per day. Units: USD.
    """
    variance = float(weights_usd @ covariance @ weights_usd)
    return math.sqrt(max(variance, 0.0) * horizon_days)


def component_var(weights_usd: Floats, covariance: Floats, multiple: float) -> Floats:
    """Return each position's part of the portfolio's VaR; the parts add up to it.

    A part is negative where a position reduces the whole's risk. An empty portfolio has none.

    Args:
        weights_usd: Exposure per factor.
        covariance: Of the factors, over the horizon.
        multiple: Of the standard deviation, such as ``Tail.NORMAL.var_99``.

    Shapes: (f,), (f, f) -> (f,). Units: USD.
    Source: Euler's theorem; Garman, Taking VaR to pieces, 1997.
    """
    pull = covariance @ weights_usd
    sd = portfolio_sd(weights_usd, covariance)
    if sd == 0.0:
        return np.zeros_like(weights_usd)
    parts: Floats = multiple * weights_usd * pull / sd
    return parts


def liquidity_adjusted_var(
    weights_usd: Floats,
    covariance: Floats,
    multiple: float,
    spread_ratio: Floats,
    hourly_depth_usd: Floats,
) -> float:
    """Return the VaR of a book that must first be sold: slowly where it is large, at a bad spread.

    A position of more than a tenth of what the market takes in an hour is held for as many hours
    as it takes to sell, so it counts with the root of them. Half of five times the spread is paid
    on everything.

    Args:
        weights_usd: Exposure per factor.
        covariance: Of the factors, over one hour.
        multiple: Of the standard deviation.
        spread_ratio: Ordinary spread as a share of the price.
        hourly_depth_usd: What providers take in an hour, above 0.

    Shapes: weights_usd, spread_ratio, hourly_depth_usd (f,), covariance (f, f). Units: USD.
    Source: Bangia, Diebold, Schuermann and Stroughair, Modeling liquidity risk, 1999.
    """
    size = np.abs(weights_usd)
    hours = np.maximum(1.0, size / (DEPTH_SHARE * hourly_depth_usd))
    stretched = weights_usd * np.sqrt(hours)
    cost = float((size * spread_ratio).sum()) * SPREAD_STRESS / 2
    return multiple * portfolio_sd(stretched, covariance) + cost


# From history -------------------------------------------------------------------------------------


def scenario_prices(prices_usd: Floats, history_usd: Floats, absolute: NDArray[np.bool_]) -> Floats:
    """Return today's prices after each historical day's moves.

    Moves are ratios, or differences for factors whose price may be negative: a ratio through zero
    says nothing.

    Args:
        prices_usd: Today's price of every factor.
        history_usd: One row of prices per day, oldest first.
        absolute: Which factors move by differences.

    Shapes: prices_usd, absolute (f,), history_usd (t + 1, f) -> (t, f).
    """
    before, after = history_usd[:-1], history_usd[1:]
    ratio = np.ones_like(after)
    np.divide(after, before, out=ratio, where=~absolute & (before != 0.0))
    moved: Floats = np.where(absolute, prices_usd + (after - before), prices_usd * ratio)
    return moved


def filtered_scenario_prices(
    prices_usd: Floats, history_usd: Floats, absolute: NDArray[np.bool_]
) -> Floats:
    """Return today's prices after each day's moves, as large as they would be in today's market.

    Each factor's move is scaled by its volatility now over that of its day (EWMA, 0.94); the first
    30 days only start the volatility. Moves of one day stay together, so do their correlations.

    Raises:
        DomainError: There are not more than 30 days.

    Shapes: as ``scenario_prices``, with 30 days less.
    """
    before, after = history_usd[:-1], history_usd[1:]
    returns = np.where(absolute, after - before, 0.0)
    np.log(after / np.where(absolute, 1.0, before), out=returns, where=~absolute)
    scaled = filtered_returns(returns)
    moved: Floats = np.where(absolute, prices_usd + scaled, prices_usd * np.exp(scaled))
    return moved


def filtered_returns(returns: Floats) -> Floats:
    """Return the returns after the first 30, scaled from their day's volatility to today's.

    Shapes: (t,) or (t, f) -> (t - 30,) or (t - 30, f).
    """
    volatility = ewma_volatility(returns)
    start = int(np.isnan(volatility).reshape(len(volatility), -1)[:, 0].sum())
    at_the_time, now = volatility[start:-1], volatility[-1]
    scale = np.ones_like(at_the_time)
    np.divide(now, at_the_time, out=scale, where=at_the_time > 0.0)
    return returns[start:] * scale


def repriced_pnl(units: Floats, prices_usd: Floats, scenarios_usd: Floats) -> Floats:
    """Return what holdings gain in each scenario, fully repriced.

    Args:
        units: Net units of every currency and asset (the currency view): a long EURGBP is plus its
            units of EUR and minus units times price of GBP.
        prices_usd: Today's USD price of each.
        scenarios_usd: The prices of each scenario.

    Shapes: units, prices_usd (f,), scenarios_usd (t, f) -> (t,). Units: USD.
    """
    gains: Floats = (scenarios_usd - prices_usd) @ units
    return gains


def historical_var(pnl_usd: Floats, confidence: float) -> float:
    """Return the loss that the worst ``k = n (1 - confidence)`` scenarios reach or exceed.

    That is the k-th worst loss; between two whole k it is interpolated linearly, and for less than
    one it is the worst.

    Raises:
        DomainError: There is no scenario.

    Shapes: (n,). Units: as the P&L; negative if even that scenario gains.
    """
    losses, k = _tail(pnl_usd, confidence)
    whole = int(k)
    worst = float(losses[whole - 1])
    if whole >= len(losses):
        return worst
    return worst + (k - whole) * (float(losses[whole]) - worst)


def historical_es(pnl_usd: Floats, confidence: float) -> float:
    """Return the mean of the worst ``k = n (1 - confidence)`` losses.

    The last one counts with the fraction that is left, so that the tail has exactly the wanted
    mass: with that, shortfall is subadditive.

    Raises:
        DomainError: There is no scenario.

    Shapes: (n,). Units: as the P&L.
    """
    losses, k = _tail(pnl_usd, confidence)
    whole = int(k)
    total = float(losses[:whole].sum())
    if k > whole:
        total += (k - whole) * float(losses[whole])
    return total / k


def historical_var_interval(
    pnl_usd: Floats, confidence: float, certainty: float = 0.95
) -> Interval:
    """Return between which two observed losses the true VaR lies with at least this certainty.

    How many of n losses exceed the true VaR is binomial, whatever their distribution is. With few
    scenarios no observed loss is large enough for the upper end, which then is infinite.

    Shapes: (n,). Units: as the P&L.
    Source: David and Nagaraja, Order statistics, 3rd ed. 2003, section 7.1.
    """
    losses, _ = _tail(pnl_usd, confidence)
    cumulated = np.cumsum(binomial_pmf(len(losses), 1.0 - confidence))
    outside = (1.0 - certainty) / 2
    # cumulated[j] is the chance of at most j exceedances
    rank_high = int(np.searchsorted(cumulated, outside, side="right"))
    rank_low = int(np.searchsorted(cumulated, 1.0 - outside, side="left")) + 1
    high = float(losses[rank_high - 1]) if rank_high > 0 else math.inf
    low = float(losses[rank_low - 1]) if rank_low <= len(losses) else -math.inf
    return Interval(low, high)


def binomial_pmf(n: int, p: float) -> Floats:
    """Return the chances of 0 to n successes in n trials.

    Shapes: -> (n + 1,).
    """
    k = np.arange(n + 1)
    ways = np.array([math.lgamma(n + 1) - math.lgamma(j + 1) - math.lgamma(n - j + 1) for j in k])
    chances: Floats = np.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))
    return chances


def _tail(pnl_usd: Floats, confidence: float) -> tuple[Floats, float]:
    """Return losses, worst first, and how many of them the tail has, from 1 to all."""
    n = len(pnl_usd)
    if n == 0:
        raise DomainError("a historical figure needs at least one scenario")
    # 250 x (1 - 0.99) is a hair above 2.5: what is lost to binary fractions is rounded away
    k = round(n * (1.0 - confidence), 9)
    return np.sort(-pnl_usd)[::-1], min(max(k, 1.0), float(n))
