"""A liquidity provider: takes hedge orders, looks at them once more, answers a moment later.

What a provider does is data (``ProviderTerms``). Slippage is symmetric: the price improves as often
as it worsens, whoever the client behind the hedge is. Last look is the time between an order's
arrival and its answer: the provider fills at the price it showed on arrival, unless that has moved
too far by then. A symmetric last look refuses moves either way; an asymmetric one only those
against the provider, and keeps the others.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np

from exposure.model.deals import Side

HEDGE_STEP_LOTS: Final = 0.01

_LEAST_PART, _MOST_PART = 0.3, 0.9


class ProviderTerms(NamedTuple):
    """How a provider behaves.

    Units: ``latency_ns`` from order to answer without the last look, drawn evenly, of which half
    passes before the order arrives; ``hold_ns`` of the last look, 0 for none;
    ``tolerance_spreads`` by which the mid may move meanwhile; ``slippage_spreads`` standard
    deviation.
    """

    latency_ns: tuple[int, int] = (5_000_000, 80_000_000)
    rejected_share: float = 0.02
    partial_share: float = 0.04
    slippage_spreads: float = 0.15
    hold_ns: int = 30_000_000
    tolerance_spreads: float = 1.0
    is_symmetric: bool = True


FIRM: Final = ProviderTerms(hold_ns=0)
"""A provider without a last look."""

USUAL: Final = ProviderTerms()
"""A provider of the better kind: a short last look, the same in both directions."""

GREEDY: Final = ProviderTerms(
    rejected_share=0.04, hold_ns=200_000_000, tolerance_spreads=0.25, is_symmetric=False
)
"""A provider that holds for long and keeps what moves its way."""


class HedgeOrder(NamedTuple):
    """What the house asked for; it ``arrives`` and is ``due`` for an answer at ns UTC.

    ``key`` is that of the desk's command, "" for the bridge's own; ``number`` tells orders apart.
    """

    due: int
    number: int
    symbol: int
    side: Side
    lots: float
    arrives: int
    key: str = ""


class HedgeFill(NamedTuple):
    """What the house got: at most the lots it asked for, 0 and a reason if refused."""

    order: HedgeOrder
    lots: float
    price: float
    reason: str = ""


REJECTED, NO_PRICE, LAST_LOOK = "rejected", "no price", "last look"


class LiquidityProvider:
    """The orders on their way to one provider, and what it makes of them.

    What it rejects or fills in part is not retried here: the house compares what it holds with
    what it means to hold and orders the rest again. ``in_flight`` is what the bridge has asked for.
    """

    def __init__(self, symbols: int, terms: ProviderTerms = USUAL) -> None:
        self.terms = terms
        self.in_flight: np.ndarray[tuple[int], np.dtype[np.float64]] = np.zeros(symbols)
        self._orders: list[HedgeOrder] = []
        self._seen: dict[int, tuple[float, float]] = {}
        self._number = 0

    def order(
        self,
        now: int,
        symbol: int,
        signed_lots: float,
        rng: np.random.Generator,
        key: str = "",
    ) -> HedgeOrder:
        """Send a market order; positive lots buy."""
        latency = int(rng.integers(*self.terms.latency_ns))
        side = Side.BUY if signed_lots > 0.0 else Side.SELL
        self._number += 1
        sent = HedgeOrder(
            now + latency + self.terms.hold_ns, self._number, symbol, side, abs(signed_lots),
            now + latency // 2, key,
        )  # fmt: skip
        self._orders.append(sent)
        if not key:
            self.in_flight[symbol] += signed_lots
        return sent

    def arriving(self, until: int) -> list[HedgeOrder]:
        """Return the orders that arrive up to ``until`` and were not looked at, by time."""
        new = [one for one in self._orders if one.arrives <= until and one.number not in self._seen]
        return sorted(new, key=lambda order: (order.arrives, order.number))

    def see(self, order: HedgeOrder, bid: float, ask: float) -> None:
        """Remember the provider's quote on the arrival of an order."""
        self._seen[order.number] = bid, ask

    def due(self, until: int) -> list[HedgeOrder]:
        """Take out the orders that are answered up to ``until``, in order of time."""
        answered = sorted(order for order in self._orders if order.due <= until)
        self._orders = [order for order in self._orders if order.due > until]
        return answered

    def answer(
        self, order: HedgeOrder, bid: float, ask: float, digits: int, rng: np.random.Generator
    ) -> HedgeFill:
        """Fill an order at the quote it met on arrival, as far as the provider likes.

        Args:
            order: One that ``due`` returned; it is no longer on its way.
            bid: The provider's bid of now; without a price (NaN) the order is rejected.
            ask: The provider's ask of now.
            digits: Decimals of the symbol's prices.
            rng: Decides about rejects, parts and slippage.
        """
        if not order.key:
            self.in_flight[order.symbol] -= order.side.sign * order.lots
        met_bid, met_ask = self._seen.pop(order.number, (bid, ask))
        fate, part = rng.random(), rng.uniform(_LEAST_PART, _MOST_PART)
        slip = rng.standard_normal() * self.terms.slippage_spreads * abs(met_ask - met_bid)
        price = (met_ask if order.side is Side.BUY else met_bid) + slip
        refusal = self._refusal(order, (met_bid, met_ask), (bid, ask), fate)
        if refusal or not price > 0.0:
            return HedgeFill(order, 0.0, price, refusal or NO_PRICE)
        price = round(price, digits)
        if fate < self.terms.rejected_share + self.terms.partial_share:
            lots = min(order.lots, max(HEDGE_STEP_LOTS, round(order.lots * part, 2)))
            return HedgeFill(order, lots, price)
        return HedgeFill(order, order.lots, price)

    def split(self, symbol: int, ratio: float) -> None:
        """Multiply the lots on their way in a symbol that was split; quotes met are divided."""
        self.in_flight[symbol] *= ratio
        for order in self._orders:
            if order.symbol == symbol and order.number in self._seen:
                bid, ask = self._seen[order.number]
                self._seen[order.number] = bid / ratio, ask / ratio
        self._orders = [
            order._replace(lots=order.lots * ratio) if order.symbol == symbol else order
            for order in self._orders
        ]

    def save(self) -> dict[str, Any]:
        """Return the orders on their way and the quotes they met."""
        return {
            "in_flight": self.in_flight,
            "orders": [[*order] for order in self._orders],
            "seen": [[number, *quote] for number, quote in self._seen.items()],
            "number": self._number,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take back what ``save`` returned."""
        self.in_flight, self._number = state["in_flight"], state["number"]
        orders = (HedgeOrder._make(row) for row in state["orders"])
        self._orders = [order._replace(side=Side(order.side)) for order in orders]
        self._seen = {number: (bid, ask) for number, bid, ask in state["seen"]}

    def _refusal(
        self, order: HedgeOrder, met: tuple[float, float], now: tuple[float, float], fate: float
    ) -> str:
        if not all(map(math.isfinite, (*met, *now))):
            return NO_PRICE
        if fate < self.terms.rejected_share:
            return REJECTED
        # Who sold to the house loses when the price rises before he has covered himself.
        against = order.side.sign * (sum(now) - sum(met)) / 2.0
        move = abs(against) if self.terms.is_symmetric else against
        too_far = self.terms.hold_ns > 0 and move > self.terms.tolerance_spreads * abs(
            met[1] - met[0]
        )
        return LAST_LOOK if too_far else ""
