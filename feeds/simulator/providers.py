"""A liquidity provider: takes hedge orders, answers a moment later, now and then only in part.

Slippage is symmetric: the price improves as often as it worsens, whoever the client behind the
hedge is.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from exposure.model.deals import Side

HEDGE_STEP_LOTS: Final = 0.01

_LATENCY_NS: Final = (5_000_000, 80_000_000)
_REJECTED_SHARE: Final = 0.02
_PARTIAL_SHARE: Final = 0.04
_SLIPPAGE_SPREADS: Final = 0.15


class HedgeOrder(NamedTuple):
    """What the house asked for; ``due`` is when the provider answers, ns UTC.

    ``key`` is that of the desk's command; the bridge's own orders have none.
    """

    due: int
    symbol: int
    side: Side
    lots: float
    key: str = ""


class HedgeFill(NamedTuple):
    """What the house got: at most the lots it asked for, 0 if the order was rejected."""

    order: HedgeOrder
    lots: float
    price: float


class LiquidityProvider:
    """The orders on their way to one provider, and what it makes of them.

    What it rejects or fills in part is not retried here: the house compares what it holds with
    what it means to hold and orders the rest again. ``in_flight`` is what the bridge has asked for.
    """

    def __init__(self, symbols: int) -> None:
        self.in_flight: np.ndarray[tuple[int], np.dtype[np.float64]] = np.zeros(symbols)
        self._orders: list[HedgeOrder] = []

    def order(
        self, now: int, symbol: int, signed_lots: float, rng: np.random.Generator, key: str = ""
    ) -> None:
        """Send a market order; positive lots buy."""
        due = now + int(rng.integers(*_LATENCY_NS))
        side = Side.BUY if signed_lots > 0.0 else Side.SELL
        self._orders.append(HedgeOrder(due, symbol, side, abs(signed_lots), key))
        if not key:
            self.in_flight[symbol] += signed_lots

    def due(self, until: int) -> list[HedgeOrder]:
        """Take out the orders that are answered up to ``until``, in order of time."""
        answered = sorted(order for order in self._orders if order.due <= until)
        self._orders = [order for order in self._orders if order.due > until]
        return answered

    def answer(
        self, order: HedgeOrder, bid: float, ask: float, digits: int, rng: np.random.Generator
    ) -> HedgeFill:
        """Fill an order at the provider's quote of this moment, as far as it likes.

        Args:
            order: One that ``due`` returned; it is no longer on its way.
            bid: The provider's bid; without a price (NaN) the order is rejected.
            ask: The provider's ask.
            digits: Decimals of the symbol's prices.
            rng: Decides about rejects, parts and slippage.
        """
        if not order.key:
            self.in_flight[order.symbol] -= order.side.sign * order.lots
        fate, part, slip = rng.random(), rng.uniform(0.3, 0.9), rng.standard_normal()
        price = (ask if order.side is Side.BUY else bid) + slip * _SLIPPAGE_SPREADS * abs(ask - bid)
        if fate < _REJECTED_SHARE or not price > 0.0:
            return HedgeFill(order, 0.0, price)
        if fate < _REJECTED_SHARE + _PARTIAL_SHARE:
            return HedgeFill(
                order, max(HEDGE_STEP_LOTS, round(order.lots * part, 2)), round(price, digits)
            )
        return HedgeFill(order, order.lots, round(price, digits))

    def split(self, symbol: int, ratio: float) -> None:
        """Multiply the lots on their way in a symbol that was split."""
        self.in_flight[symbol] *= ratio
        self._orders = [
            order._replace(lots=order.lots * ratio) if order.symbol == symbol else order
            for order in self._orders
        ]

    def save(self) -> dict[str, Any]:
        """Return the orders on their way."""
        return {
            "in_flight": self.in_flight,
            "orders": [[o.due, o.symbol, o.side.value, o.lots, o.key] for o in self._orders],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take back what ``save`` returned."""
        self.in_flight = state["in_flight"]
        self._orders = [
            HedgeOrder(due, symbol, Side(side), lots, *key)
            for due, symbol, side, lots, *key in state["orders"]
        ]
