"""What a client really brings: the house's money from his deals, whatever his skill.

The flow score says what to expect; this says what was. Units: USD at the mid rates of each deal's
moment, from the house's view: + is earned. Source: semantics.md sections 6 and 8.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from bookrouting.held import Held, Parts
from exposure.model.events import DealExecuted
from exposure.model.instruments import Instrument

MILLION = 1e6


class Money(NamedTuple):
    """One client's money.

    ``kept_usd`` is what his flow brings a house that keeps it (book B):
    minus his net result. ``passed_usd`` is what it brings one that hedges it all, before what its
    provider takes. ``unpriced`` deals found no rate to USD or no price and are in no sum.
    """

    deals: int = 0
    volume_usd: float = 0.0
    markup_usd: float = 0.0
    commission_usd: float = 0.0
    swap_usd: float = 0.0
    realised_usd: float = 0.0
    floating_usd: float = 0.0
    unpriced: int = 0

    @property
    def kept_usd(self) -> float:
        """What the house earns by keeping the flow."""
        return self.realised_usd + self.floating_usd + self.commission_usd + self.swap_usd

    @property
    def passed_usd(self) -> float:
        """What the house earns by passing the flow on, before its provider's charges."""
        return self.markup_usd + self.commission_usd

    @property
    def kept_usd_per_million(self) -> float | None:
        """The same per million USD of volume, None without volume."""
        return self.kept_usd * MILLION / self.volume_usd if self.volume_usd > 0.0 else None


class Rates(NamedTuple):
    """What a deal's money is worth (in USD, usually): its account's currency, its quote's."""

    account: float
    quote: float


NOTHING = Money()


def booked(
    money: Money, deal: DealExecuted, parts: Parts, instrument: Instrument, rates: Rates
) -> Money:
    """Return a client's money after a deal."""
    value = deal.lots * instrument.units_per_lot * rates.quote
    charges = (deal.commission + deal.swap) * rates.account
    realised = realised_profit(deal, parts, instrument, rates)
    if not (math.isfinite(value) and math.isfinite(charges) and math.isfinite(realised)):
        return money._replace(deals=money.deals + 1, unpriced=money.unpriced + 1)
    return Money(
        money.deals + 1,
        money.volume_usd + abs(value * deal.price),
        money.markup_usd + _markup(deal) * value,
        money.commission_usd - deal.commission * rates.account,
        money.swap_usd - deal.swap * rates.account,
        money.realised_usd - realised,
        money.floating_usd,
        money.unpriced,
    )


def with_swap(money: Money, amount_usd: float) -> Money:
    """Return a client's money after a swap that was booked by itself; + is paid to the client."""
    if not math.isfinite(amount_usd):
        return money._replace(unpriced=money.unpriced + 1)
    return money._replace(swap_usd=money.swap_usd - amount_usd)


def floating_usd(held: Held, close_price: float, instrument: Instrument, rate: float) -> float:
    """Return the house's floating result on an open position it keeps; NaN without a price."""
    moved = held.side * (close_price - held.open_price)
    return -moved * held.lots * instrument.units_per_lot * rate


def with_floating(
    money: Mapping[str, Money], results: Mapping[str, list[float]]
) -> dict[str, Money]:
    """Return every client's money with what his open positions are worth to the house."""
    out = dict(money)
    for client, values in results.items():
        known = [value for value in values if math.isfinite(value)]
        before = out.get(client, NOTHING)
        unpriced = before.unpriced + len(values) - len(known)
        out[client] = before._replace(floating_usd=sum(known), unpriced=unpriced)
    return out


def _markup(deal: DealExecuted) -> float:
    """Return what the client's price lies on the house's side of the provider's."""
    if deal.raw_price is None or not math.isfinite(deal.raw_price):
        return 0.0
    return (deal.price - deal.raw_price) * (1.0 if deal.side == "buy" else -1.0)


def realised_profit(
    deal: DealExecuted, parts: Parts, instrument: Instrument, rates: Rates
) -> float:
    """Return the client's realised profit: as the platform booked it, else computed.

    Units: the currency that ``rates`` lead to; swap and commission apart.
    """
    if deal.profit is not None and parts.closed_lots > 0.0:
        return deal.profit * rates.account
    if parts.held is None:
        return 0.0
    moved = parts.held.side * (deal.price - parts.held.open_price)
    return moved * parts.closed_lots * instrument.units_per_lot * rates.quote
