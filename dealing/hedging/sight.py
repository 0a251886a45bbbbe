"""What the engine says of the symbols that are hedged: exposure, price, age, and the ticket."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bookrouting.tickets import HedgeTicket, ProviderQuote, suggested_ticket
from dealing.hedging.model import Hedges, SymbolRules
from exposure.engine import ExposureEngine
from exposure.errors import DomainError
from exposure.model.deals import Side
from exposure.model.instruments import Instrument
from exposure.reading import symbol_columns

_NS_PER_MS = 1_000_000


class SymbolSeen(NamedTuple):
    """One symbol at one moment; NaN where there is no price.

    ``held_lots`` is what the house holds of what is to be brought back: minus what is uncovered, or
    its whole net. Units: lots, USD; ``price_ts_ns`` ns UTC.
    """

    instrument: Instrument
    held_lots: float
    house_net_lots: float
    lp_net_lots: float
    uncovered_lots: float
    bid: float
    ask: float
    usd_per_lot: float
    usd_per_price: float
    price_ts_ns: int

    @property
    def mid(self) -> float:
        """The middle of the price."""
        return (self.bid + self.ask) / 2.0


class Sight:
    """All symbols at one moment of the engine, computed once."""

    def __init__(self, engine: ExposureEngine) -> None:
        """Look."""
        self._engine = engine
        self.now_ns = engine.as_of
        self.columns: dict[str, Any] = symbol_columns(engine)

    def of(self, symbol: str, hedges: Hedges) -> SymbolSeen:
        """Return a symbol; DomainError if it is unknown."""
        index = self._index(symbol)
        values = {name: float(self.columns[name][index]) for name in _COLUMNS}
        uncovered = values["uncovered_lots"]
        held = -uncovered if hedges is Hedges.UNCOVERED else values["house_net_lots"]
        age_ms = float(self.columns["age_ms"][index])
        never = math.isnan(age_ms)
        return SymbolSeen(
            instrument=self._engine.book.instruments[index],
            held_lots=held + 0.0,
            price_ts_ns=0 if never else self.now_ns - round(age_ms * _NS_PER_MS),
            **values,
        )

    def ticket(self, symbol: str, side: Side, lots: float, rules: SymbolRules) -> HedgeTicket:
        """Return what a hedge costs now and what VaR it saves.

        Raises:
            DomainError: The symbol is unknown or has no price that can be used.
        """
        seen = self.of(symbol, rules.hedges)
        quote = ProviderQuote(rules.lp, seen.bid, seen.ask, self.now_ns - seen.price_ts_ns)
        book, risk = self._engine.book, self._engine.risk
        net_units, net_usd = self.columns["house_net_units"], self.columns["house_net_usd"]
        return suggested_ticket(
            symbol,
            side,
            lots,
            [quote],
            seen.usd_per_price,
            risk.holdings(book, net_units, net_usd),
            risk.holdings(book, *self._one_lot(symbol, seen)),
            risk.covariance(book),
            stale_after_ns(rules, seen),
        )

    def _one_lot(
        self, symbol: str, seen: SymbolSeen
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        index = self._index(symbol)
        units, usd = np.zeros((2, len(self.columns["symbol"])))
        units[index], usd[index] = seen.instrument.units_per_lot, seen.usd_per_lot
        return units, usd

    def _index(self, symbol: str) -> int:
        index = self._engine.symbol_index(symbol)
        if index < 0:
            raise DomainError(f"symbol {symbol[:64]} is not known here: check its spelling")
        return index


def stale_after_ns(rules: SymbolRules, seen: SymbolSeen) -> int:
    """Return how old a price may be."""
    own = round(seen.instrument.stale_after_ms * _NS_PER_MS)
    return own if rules.stale_after_ns is None else rules.stale_after_ns


_COLUMNS = (
    "house_net_lots", "lp_net_lots", "uncovered_lots", "bid", "ask", "usd_per_lot", "usd_per_price",
)  # fmt: skip
