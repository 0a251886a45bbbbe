"""What a platform deals at: the clients' quotes, the provider's, and what can be converted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from exposure.client_book import ClientBook, conversion_code
from exposure.margin import margin_per_lot
from exposure.model.accounts import ProfitConversion
from exposure.model.deals import Side
from exposure.model.instruments import Instrument
from exposure.model.quotes import QuoteColumns
from exposure.rates import house_rates
from exposure.state import BY_MID
from feeds.simulator.signals import sigma_per_root_second

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class PriceBoard:
    """Reads the clients' quotes from the book of accounts and keeps the provider's beside them.

    ``lead_bid`` and ``lead_ask`` are the provider's quote, NaN before the first; ``opened_at`` is
    when the platform opened, 0 before: older quotes are shown but not dealt at.

    Shapes: (symbols,). Units: ns UTC.
    """

    def __init__(
        self, instruments: list[Instrument], book: ClientBook, max_quote_age_ns: int
    ) -> None:
        n = len(instruments)
        self.instruments = instruments
        self.book = book
        self.lead_bid: Floats = np.full(n, np.nan)
        self.lead_ask: Floats = np.full(n, np.nan)
        self.opened_at = 0
        self._max_quote_age_ns = max_quote_age_ns
        self._sigma = sigma_per_root_second(instruments)
        self._convertible: dict[str, Flags] = {}
        self._quoted_then = -1

    def lead(self, quotes: QuoteColumns) -> None:
        """Take usable quotes of the provider."""
        self.lead_bid[quotes.symbol], self.lead_ask[quotes.symbol] = quotes.bid, quotes.ask

    def split(self, symbol: int, ratio: float) -> None:
        """Divide the provider's quote of a symbol that was split; the clients' is in the book."""
        self.lead_bid[symbol] /= ratio
        self.lead_ask[symbol] /= ratio

    @property
    def mid(self) -> Floats:
        """The clients' mid per symbol, NaN before its first quote."""
        prices, n = self.book.prices, len(self.instruments)
        return np.where(prices.quoted[:n], (prices.bid[:n] + prices.ask[:n]) / 2, np.nan)

    @property
    def lead_mid(self) -> Floats:
        """The provider's mid per symbol, NaN before its first quote."""
        return (self.lead_bid + self.lead_ask) / 2

    def is_open(self, ts: int) -> NDArray[np.bool_]:
        """Return which symbols trade: quoted since the platform opened, and just now."""
        last_ts = self.book.prices.last_ts[: len(self.instruments)]
        return (last_ts > self.opened_at) & (ts - last_ts <= self._max_quote_age_ns)

    def price(self, symbol: int, side: Side) -> float:
        """Return what a client buys or sells at."""
        prices = self.book.prices
        return float((prices.ask if side is Side.BUY else prices.bid)[symbol])

    def raw_price(self, symbol: int, side: Side) -> float | None:
        """Return what the provider asks or bids for the same, None before its first quote."""
        raw = float((self.lead_ask if side is Side.BUY else self.lead_bid)[symbol])
        return raw if np.isfinite(raw) else None

    def reference_mid(self, symbol: int) -> float | None:
        """Return the provider's mid, which leads the clients'; None before its first quote."""
        mid = float(self.lead_bid[symbol] + self.lead_ask[symbol]) / 2.0
        return mid if np.isfinite(mid) else None

    def distance(self) -> Floats:
        """Return the price step in which clients think, NaN without a price.

        It is the spread, but at least what the price usually moves in a second.
        """
        prices, n = self.book.prices, len(self.instruments)
        usual: Floats = self._sigma * np.abs(self.mid)
        return np.maximum(prices.ask[:n] - prices.bid[:n], usual)

    def usd_per_lot(self) -> Floats:
        """Return the notional of a lot per symbol, NaN without a price or rate."""
        prices, n = self.book.prices, len(self.instruments)
        rates = house_rates(self.book.rates, prices, self.instruments)
        notional: Floats = prices.units_per_lot[:n] * self.mid * rates
        return notional

    def convertible(self, currency: str) -> NDArray[np.bool_]:
        """Return in which symbols an account of a currency can hold positions: rates exist."""
        quoted = int(self.book.prices.quoted.sum())
        if quoted != self._quoted_then:
            self._convertible, self._quoted_then = {}, quoted
        if currency not in self._convertible:
            flags = [self._converts(instrument, currency) for instrument in self.instruments]
            self._convertible[currency] = np.array(flags, np.bool_)
        return self._convertible[currency]

    def save(self) -> dict[str, Any]:
        """Return what is not in the book."""
        return {
            "lead_bid": self.lead_bid,
            "lead_ask": self.lead_ask,
            "opened_at": self.opened_at,
        }

    def load(self, book: ClientBook, state: dict[str, Any]) -> None:
        """Take back what ``save`` returned, for the restored book."""
        self.book, self._quoted_then = book, -1
        self.lead_bid, self.lead_ask = state["lead_bid"], state["lead_ask"]
        self.opened_at = state["opened_at"]

    def _converts(self, instrument: Instrument, currency: str) -> bool:
        rates, prices = self.book.rates, self.book.prices
        margin = margin_per_lot(instrument, currency, 1.0, 1.0)
        if margin.factor is None and np.isnan(rates.mid(prices, margin.currency, currency)):
            return False
        how = conversion_code(instrument, currency, ProfitConversion.CLOSE_PRICE)
        return how != BY_MID or not np.isnan(rates.mid(prices, instrument.quote, currency))
