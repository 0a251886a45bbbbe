"""What the house holds at its liquidity providers, netted at average cost.

Source: semantics.md section 7.
"""

from __future__ import annotations

from typing import NamedTuple

from exposure.kernels import LOTS_TOLERANCE
from exposure.model.deals import Side


class LpPosition(NamedTuple):
    """One provider's net position in one symbol; lots are signed, + is long."""

    lots: float
    price: float


class Netted(NamedTuple):
    """A position after a hedge, and the price difference realised on the lots it closed.

    ``realised_lots`` is in lots x price: times units per lot it is quote currency.
    """

    position: LpPosition
    closed_lots: float
    realised_lots: float


FLAT = LpPosition(0.0, 0.0)


def netted(held: LpPosition, side: Side, lots: float, price: float) -> Netted:
    """Return the position after a hedge of ``lots`` (> 0) at ``price``.

    >>> netted(LpPosition(2.0, 1.0), Side.SELL, 3.0, 1.5)
    Netted(position=LpPosition(lots=-1.0, price=1.5), closed_lots=2.0, realised_lots=1.0)
    """
    signed = side.sign * lots
    # signs are compared, because a product of tiny lots is zero whatever its sign
    if held.lots == 0.0 or (held.lots > 0.0) == (signed > 0.0):
        total = held.lots + signed
        average = (held.lots * held.price + signed * price) / total
        return Netted(LpPosition(total, average), 0.0, 0.0)
    closed = min(abs(held.lots), lots)
    direction = 1.0 if held.lots > 0.0 else -1.0
    realised = direction * (price - held.price) * closed
    left = held.lots + signed
    if abs(left) <= LOTS_TOLERANCE:
        return Netted(FLAT, closed, realised)
    kept_price = held.price if left * held.lots > 0.0 else price
    return Netted(LpPosition(left, kept_price), closed, realised)


class LpBook:
    """All providers' positions, by provider and symbol index."""

    def __init__(self) -> None:
        self.positions: dict[tuple[str, int], LpPosition] = {}

    def held(self, lp: str, symbol: int) -> LpPosition:
        """Return a provider's position, flat if it has none."""
        return self.positions.get((lp, symbol), FLAT)

    def keep(self, lp: str, symbol: int, position: LpPosition) -> None:
        """Store a provider's position; a flat one is forgotten."""
        if position == FLAT:
            self.positions.pop((lp, symbol), None)
        else:
            self.positions[lp, symbol] = position
