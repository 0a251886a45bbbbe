"""A manual hedge as a dealer is shown it: what, where, what it costs and what it saves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.errors import DomainError
from exposure.model.deals import Side
from exposure.risk.var import Tail, portfolio_sd

Floats = NDArray[np.float64]


class ProviderQuote(NamedTuple):
    """What a provider shows, and what it is known to charge on top.

    Units: prices in quote currency, USD per lot; ``depth_lots`` None if it does not say.
    """

    lp: str
    bid: float
    ask: float
    age_ns: int
    depth_lots: float | None = None
    commission_usd_per_lot: float = 0.0
    slippage_usd_per_lot: float = 0.0


class HedgeTicket(NamedTuple):
    """A suggested hedge. Units: lots, USD; VaR daily at 99 %."""

    symbol: str
    side: Side
    lots: float
    lp: str
    cost_usd: float
    var_before_usd: float
    var_after_usd: float

    @property
    def saved_usd(self) -> float:
        """VaR that the hedge takes away; negative if it adds risk."""
        return self.var_before_usd - self.var_after_usd

    @property
    def sentence(self) -> str:
        """The ticket in words."""
        act = f"{self.side.capitalize()} {self.lots:g} lots of {self.symbol} at {self.lp}"
        effect = "saves" if self.saved_usd >= 0.0 else "ADDS"
        change = f"from {self.var_before_usd:,.0f} to {self.var_after_usd:,.0f}"
        return (
            f"{act}: costs {self.cost_usd:,.0f} USD, {effect} {abs(self.saved_usd):,.0f} USD of "
            f"daily VaR ({change})"
        )


def lots_within(
    house_net_lots: float, usd_per_lot: float, limit_usd: float, lot_step: float
) -> float:
    """Return the signed lots that bring a house net to its limit or just below it.

    Whole steps, rounded up; 0 where it is within the limit, NaN without a price. Units: USD, lots.

    >>> lots_within(-3.0, 100_000.0, 250_000.0, 0.01)
    0.5
    """
    over_usd = abs(house_net_lots * usd_per_lot) - limit_usd
    if math.isnan(over_usd) or over_usd <= 0.0:
        return over_usd if math.isnan(over_usd) else 0.0
    # what is due but for a rounding error is not a step more
    steps = math.ceil(over_usd / abs(usd_per_lot) / lot_step - 1e-6)
    return math.copysign(round(steps * lot_step, 8), -house_net_lots)


def suggested_ticket(
    symbol: str,
    side: Side,
    lots: float,
    quotes: Sequence[ProviderQuote],
    usd_per_price: float,
    exposure_usd: Floats,
    usd_per_lot: Floats,
    covariance: Floats,
    stale_after_ns: int,
) -> HedgeTicket:
    """Return the ticket at the cheapest provider who quotes now and shows enough.

    Args:
        symbol: What is traded.
        side: The house's side.
        lots: How many, above 0.
        quotes: What providers show.
        usd_per_price: USD of one lot per unit of price.
        exposure_usd: The house's whole exposure per factor.
        usd_per_lot: What a lot that is bought adds to it.
        covariance: Of the factors, per day.
        stale_after_ns: Older quotes do not count.

    Raises:
        DomainError: No provider can be asked, with the reason.

    Shapes: exposure_usd, usd_per_lot (f,), covariance (f, f).
    """
    usable = [one for one in quotes if _is_fresh(one, stale_after_ns)]
    if not usable:
        raise DomainError(f"no provider quotes {symbol} now: wait for a price")
    deep = [one for one in usable if one.depth_lots is None or one.depth_lots >= lots]
    if not deep:
        most = max(one.depth_lots or 0.0 for one in usable)
        raise DomainError(f"no provider shows {lots:g} lots of {symbol}: {most:g} is the most")
    best = min(deep, key=lambda one: _cost_usd(one, side, usable, usd_per_price))
    after = exposure_usd + side.sign * lots * usd_per_lot
    multiple = Tail.NORMAL.var_99
    return HedgeTicket(
        symbol,
        side,
        lots,
        best.lp,
        lots * _cost_usd(best, side, usable, usd_per_price),
        multiple * portfolio_sd(exposure_usd, covariance),
        multiple * portfolio_sd(after, covariance),
    )


def _is_fresh(quote: ProviderQuote, stale_after_ns: int) -> bool:
    priced = math.isfinite(quote.bid) and math.isfinite(quote.ask)
    return priced and quote.age_ns <= stale_after_ns


def _cost_usd(
    quote: ProviderQuote, side: Side, all_quotes: Sequence[ProviderQuote], usd_per_price: float
) -> float:
    """Return a lot's cost against the mid of all providers: the same measure for each of them."""
    mid = float(np.mean([(one.bid + one.ask) / 2.0 for one in all_quotes]))
    price = quote.ask if side is Side.BUY else quote.bid
    paid = side.sign * (price - mid) * usd_per_price
    return paid + quote.commission_usd_per_lot + quote.slippage_usd_per_lot
