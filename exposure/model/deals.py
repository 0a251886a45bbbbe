"""Words of a deal: which side, and what it does to the position."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """The client's side (of a hedge: the house's side at the provider)."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Entry(StrEnum):
    """What a deal does to its position (MetaTrader's names)."""

    IN = "in"
    OUT = "out"
    INOUT = "inout"
    OUT_BY = "out_by"
