"""What the house holds at its liquidity providers (semantics.md section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tests.oracle.market import ZERO
from tests.oracle.valuation import LOTS_TOLERANCE


@dataclass(frozen=True)
class LpPosition:
    """What is held at one provider in one symbol, at average cost; lots are signed."""

    lots: Decimal = ZERO
    price: Decimal = ZERO

    @property
    def side(self) -> str:
        """The house's side."""
        return "buy" if self.lots > ZERO else "sell"

    def closes(self, signed_lots: Decimal) -> bool:
        """Say whether a fill realises profit."""
        return self.lots * signed_lots < ZERO

    def gain(self, signed_lots: Decimal, price: Decimal) -> Decimal:
        """Return the price difference times lots that a closing fill realises."""
        closed = min(abs(signed_lots), abs(self.lots))
        return closed * (price - self.price if self.lots > ZERO else self.price - price)

    def filled(self, signed_lots: Decimal, price: Decimal) -> LpPosition:
        """Return the position after a fill: added to, reduced, flat or flipped."""
        after = self.lots + signed_lots
        if not self.closes(signed_lots):
            cost = self.lots * self.price + signed_lots * price
            return LpPosition(after, cost / after)
        if abs(after) <= LOTS_TOLERANCE:
            return LpPosition()
        flipped = after * signed_lots > ZERO
        return LpPosition(after, price if flipped else self.price)
