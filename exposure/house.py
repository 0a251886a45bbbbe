"""What the house has realised, in USD at the rate of each moment.

Source: semantics.md section 7 (``realised_usd``).
"""

from __future__ import annotations

import math
from collections.abc import Callable


class HouseCash:
    """Running sums of realised money; all in USD, signed from the side that is named."""

    def __init__(self) -> None:
        self.client_cash_usd = 0.0
        self.lp_realised_usd = 0.0
        self.lp_cash_usd = 0.0
        self.lp_own_usd: dict[str, float] = {}
        """What each provider's account has realised, paid and been paid, by its name."""
        self.unconverted: dict[str, float] = {}

    @property
    def realised_usd(self) -> float:
        """What the house has earned: against the clients, and with its providers."""
        return -self.client_cash_usd + self.lp_realised_usd + self.lp_cash_usd

    def book_lp_realised(self, lp: str, amount_usd: float) -> None:
        """Add what a hedge that closed lots has realised."""
        self.lp_realised_usd += amount_usd
        self.lp_own_usd[lp] = self.lp_own_usd.get(lp, 0.0) + amount_usd

    def book_lp_cash(self, lp: str, amount_usd: float) -> None:
        """Add what a provider paid (+) or charged (-): commission, swap, dividends."""
        self.lp_cash_usd += amount_usd
        self.lp_own_usd[lp] = self.lp_own_usd.get(lp, 0.0) + amount_usd

    def book_client_cash(self, amount: float, currency: str, rate_usd: float) -> None:
        """Add a deal's cash in the client's currency; without a rate it waits for one."""
        if math.isnan(rate_usd):
            self.unconverted[currency] = self.unconverted.get(currency, 0.0) + amount
        else:
            self.client_cash_usd += amount * rate_usd

    def convert_waiting(self, rate_usd: Callable[[str], float]) -> None:
        """Convert what waits for a rate that exists by now."""
        for currency, amount in list(self.unconverted.items()):
            rate = rate_usd(currency)
            if not math.isnan(rate):
                self.client_cash_usd += amount * rate
                del self.unconverted[currency]
