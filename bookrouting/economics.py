"""What a client's flow is worth in either book, how much of it to keep, and what a mistake costs.

Everything is per unit of notional and round trip, from the house's side unless ``client_`` says
otherwise; the unit (pips, USD per million) is the caller's and must be one.
Source: science.md sections 1.2 and 3; Cartea, Duran-Martin and Sanchez-Betancourt, Detecting toxic
flow, 2026; Cesa-Bianchi and Lugosi, Prediction, learning and games, 2006 (theorem 2.2); Agrawal and
Goyal, Analysis of Thompson sampling, 2012.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.errors import DomainError

Floats = NDArray[np.float64]

STALE_PRIOR_FILLS: Final = 5.0
LEAST_EXPLORED_RATIO: Final = 0.02
SWITCH_ABOVE: Final = 0.8
SWITCH_BACK_BELOW: Final = 0.4

_NORMAL: Final = NormalDist()


class HedgedRevenue(NamedTuple):
    """What the house earns on a hedged round trip; every cost is 0 or above.

    ``stale`` is what a client gains by a price that was old already, met again at the provider.
    """

    markup: float
    commission: float = 0.0
    lp_commission: float = 0.0
    lp_slippage: float = 0.0
    stale: float = 0.0
    reject_cost: float = 0.0

    @property
    def expected(self) -> float:
        """E[A]: what is left."""
        earned = self.markup + self.commission
        return earned - self.lp_commission - self.lp_slippage - self.stale - self.reject_cost


def kept_revenue(client_edge: float) -> float:
    """Return E[B]: what the client loses, the house keeps. ``client_edge`` is net of his costs."""
    return -client_edge


def shrunk_stale(mean_stale: float, fills: float) -> float:
    """Return what to believe of a mean staleness after so many fills: n/(n+5) of it.

    >>> shrunk_stale(2.0, 5)
    1.0
    """
    if fills <= 0:
        return 0.0
    return mean_stale * fills / (fills + STALE_PRIOR_FILLS)


def kept_share(
    client_edge: float,
    hedged_revenue: float,
    flow_variance: float,
    risk_aversion: float,
    book_covariance: float = 0.0,
) -> float:
    """Return w*, the share of a flow to keep: ``clip((-theta - a - gamma K) / (gamma s^2), 0, 1)``.

    Args:
        client_edge: theta, what the client gains per unit net of his costs.
        hedged_revenue: a, what hedging the flow earns per unit.
        flow_variance: s^2 of a kept unit's result, 0 or above.
        risk_aversion: gamma, 0 or above.
        book_covariance: K, of a kept unit with the rest of the book; a natural offset is negative.

    >>> round(kept_share(-1.4, 1.0, 1.0, 1.0), 12), round(kept_share(-1.4, 1.0, 1.0, 1.0, -0.2), 12)
    (0.4, 0.6)
    """
    pull = -client_edge - hedged_revenue - risk_aversion * book_covariance
    push = risk_aversion * flow_variance
    if push <= 0.0:
        return 1.0 if pull > 0.0 else 0.0
    return min(max(pull / push, 0.0), 1.0)


def hedge_ratio(kept: float) -> float:
    """Return h*, book C's ratio, from the share that is kept."""
    return 1.0 - kept


def risk_aversion_from_cost(accepted_cost_per_day: float, daily_variance: float) -> float:
    """Return the gamma at which a day's risk is worth what the desk pays to be rid of it.

    ``gamma = 2 cost / variance``, from the penalty ``gamma / 2 x variance``.
    """
    if not daily_variance > 0.0:
        raise DomainError(f"the daily variance must be above 0, was {daily_variance:g}")
    return 2.0 * accepted_cost_per_day / daily_variance


def risk_aversion_from_var(
    var_limit_usd: float, cost_ratio: float, flow_variance_usd2: float, daily_sd_ratio: float,
    var_multiple: float = 2.32635,
) -> float:  # fmt: skip
    """Return the gamma whose band has, on average, the VaR that the desk allows.

    A band of half width L holds ``E q^2 = L^2 / 3``, so its VaR is ``z sigma L / sqrt 3``; L for
    the limit is put into the cube-root rule and solved for gamma (bands.py).

    Args:
        var_limit_usd: Daily VaR that the desk allows.
        cost_ratio: psi, cost of a hedge per USD.
        flow_variance_usd2: s^2, variance of the client flow per day, USD^2.
        daily_sd_ratio: sigma, daily standard deviation of the price as a share of it.
        var_multiple: Of the standard deviation (99 %, normal).

    Returns:
        gamma per USD.
    """
    if not (var_limit_usd > 0.0 and daily_sd_ratio > 0.0):
        raise DomainError("the VaR limit and the daily standard deviation must be above 0")
    half_width = var_limit_usd * math.sqrt(3.0) / (var_multiple * daily_sd_ratio)
    return 1.5 * cost_ratio * flow_variance_usd2 / (daily_sd_ratio**2 * half_width**3)


# Deciding with uncertainty ------------------------------------------------------------------------


def probability_hedged_is_better(
    client_edge: float, client_edge_se: float, hedged: float, hedged_se: float = 0.0
) -> float:
    """Return P(E[A] > E[B]) with a normal posterior of the client's edge and of E[A].

    >>> probability_hedged_is_better(-1.0, 0.5, 1.0)
    0.5
    """
    se = math.hypot(client_edge_se, hedged_se)
    advantage = hedged - kept_revenue(client_edge)
    if se <= 0.0:
        return 1.0 if advantage > 0.0 else 0.5 if advantage == 0.0 else 0.0
    return _NORMAL.cdf(advantage / se)


def routed(
    probability: float,
    *,
    was_hedged: bool,
    above: float = SWITCH_ABOVE,
    below: float = SWITCH_BACK_BELOW,
) -> bool:
    """Return whether a client is hedged from now on; between the thresholds he stays where he is.

    >>> [routed(p, was_hedged=False) for p in (0.5, 0.9)], routed(0.5, was_hedged=True)
    ([False, True], True)
    """
    return probability >= below if was_hedged else probability > above


class Internalisation(NamedTuple):
    """Whether to keep one trade, from how toxic it may be and what the house holds.

    ``half_spread`` is earned, ``price_shock`` lost if the trade is toxic, ``inventory_penalty``
    (phi) is what a squared unit of inventory costs.
    Source: Cartea, Duran-Martin and Sanchez-Betancourt 2026.
    """

    half_spread: float
    price_shock: float
    inventory_penalty: float

    @property
    def cut(self) -> float:
        """p_cut, the toxicity up to which a flat house keeps a trade."""
        return (self.half_spread - self.inventory_penalty) / self.price_shock

    def keeps(self, toxicity: float, house_inventory: float, client_side: int) -> bool:
        """Return whether a unit trade is kept: ``p_cut (+/-) Phi_Q Q > p``.

        Args:
            toxicity: Probability that the trade is toxic.
            house_inventory: Q, in the same unit as the trade, + is long.
            client_side: +1 if the client buys (the house sells), -1 if he sells.
        """
        slope = 2.0 * self.inventory_penalty / self.price_shock
        return self.cut + client_side * slope * house_inventory > toxicity

    def gain(self, toxicity: float, house_inventory: float, client_side: int) -> float:
        """Return what keeping a unit trade is worth, from which the rule follows."""
        after = house_inventory - client_side
        penalty = self.inventory_penalty * (after**2 - house_inventory**2)
        return self.half_spread - self.price_shock * toxicity - penalty


# Learning -----------------------------------------------------------------------------------------


def wrong_decisions(gap: float, trade_sd: float) -> float:
    """Return how often following the leader errs on one client in all: ``sigma^2 / (2 D^2)``.

    The price shows what either book would have earned, so nothing has to be tried. After n trades
    the leader is wrong with probability ``Phi(-D sqrt n / sigma)``; its integral is exact.

    >>> round(wrong_decisions(0.4, 6.0), 9), wrong_decisions(2.0, 6.0)
    (112.5, 4.5)
    """
    if gap == 0.0:
        return math.inf
    return trade_sd**2 / (2.0 * gap**2)


def leader_regret(gap: float, trade_sd: float) -> float:
    """Return what those errors cost in all: ``sigma^2 / (2 D)``; nothing where the books are equal.

    >>> round(leader_regret(0.4, 6.0), 9), leader_regret(2.0, 6.0)
    (45.0, 9.0)
    """
    gap = abs(gap)
    return 0.0 if gap == 0.0 else trade_sd**2 / (2.0 * gap)


def hedge_rate(choices: int, rounds: int) -> float:
    """Return the learning rate of multiplicative weights: ``sqrt(8 ln K / T)``."""
    return math.sqrt(8.0 * math.log(choices) / rounds)


def hedge_regret_bound(choices: int, rounds: int, spread_of_payoffs: float) -> float:
    """Return what multiplicative weights lose at most against the best choice: R sqrt(T ln K / 2).

    It holds whatever the payoffs do, if each lies within ``spread_of_payoffs`` (R).
    """
    return spread_of_payoffs * math.sqrt(rounds * math.log(choices) / 2.0)


def hedge_weights(total_payoffs: Floats, rate: float, spread_of_payoffs: float) -> Floats:
    """Return the weight of each choice after what they have earned so far.

    Shapes: (k,) -> (k,), they add up to one.
    """
    scaled = rate * np.asarray(total_payoffs, np.float64) / spread_of_payoffs
    weights = np.exp(scaled - scaled.max())
    return np.asarray(weights / weights.sum(), np.float64)


class ProviderCost(NamedTuple):
    """What is known of one provider's cost per fill: the only thing that has to be tried."""

    name: str
    fills: int
    mean: float
    variance: float


def sampled_provider(
    providers: Sequence[ProviderCost],
    uniforms: Sequence[float],
    explore: float,
    prior: ProviderCost,
    explored_ratio: float = LEAST_EXPLORED_RATIO,
) -> str:
    """Choose a provider for one fill by Thompson sampling, and now and then any of them.

    Each mean cost is drawn from its posterior and the cheapest draw is taken; with probability
    ``explored_ratio`` the least tried one instead, so that no provider is written off for good.

    Args:
        providers: At least one.
        uniforms: One draw in (0, 1) per provider.
        explore: A draw in [0, 1).
        prior: ``mean``, and ``variance`` of one fill, as if ``fills`` of them had been seen.
        explored_ratio: Of eligible flow, at least 2 %.
    """
    if not providers:
        raise DomainError("there is no provider to choose from")
    if explore < max(explored_ratio, LEAST_EXPLORED_RATIO):
        return min(providers, key=lambda one: one.fills).name
    draws = [_drawn(one, u, prior) for one, u in zip(providers, uniforms, strict=True)]
    return providers[min(range(len(draws)), key=draws.__getitem__)].name


def _drawn(provider: ProviderCost, uniform: float, prior: ProviderCost) -> float:
    weight = provider.fills + max(prior.fills, 1)
    mean = (provider.fills * provider.mean + max(prior.fills, 1) * prior.mean) / weight
    variance = provider.variance if provider.fills > 1 else prior.variance
    sd = math.sqrt(max(variance, prior.variance * 1e-6) / weight)
    return mean + sd * _NORMAL.inv_cdf(min(max(uniform, 1e-12), 1.0 - 1e-12))
