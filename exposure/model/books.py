"""Books: A is hedged at a provider, B is kept, C is hedged in part."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never


class Book(StrEnum):
    """Where a client's risk goes."""

    A = "A"
    B = "B"
    C = "C"

    def hedge_ratio(self, partial: float) -> float:
        """Return the share of a new deal that is meant to be hedged.

        Args:
            partial: The client's own ratio, used by book C only, in [0, 1].
        """
        match self:
            case Book.A:
                return 1.0
            case Book.B:
                return 0.0
            case Book.C:
                return partial
        assert_never(self)
