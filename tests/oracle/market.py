"""Last prices, and what one currency is worth in another (semantics.md sections 2 and 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from tests.oracle.book import Instrument

PIVOTS = ("USD", "EUR")
ONE = Decimal(1)
ZERO = Decimal(0)


@dataclass(frozen=True)
class Quote:
    """The last accepted quote of a symbol."""

    ts_ms: Decimal
    bid: Decimal
    ask: Decimal

    @property
    def mid(self) -> Decimal:
        """The middle of both sides."""
        return (self.bid + self.ask) / 2

    def closing(self, side: str) -> Decimal:
        """Return where a position closes: a long at bid, a short at ask."""
        return self.bid if side == "buy" else self.ask


@dataclass(frozen=True)
class Leg:
    """One quoted pair on the way from a currency to another; inverted when quoted YX."""

    symbol: str
    inverted: bool


Path = tuple[Leg, ...]


class Market:
    """The quotes of the day so far, and the conversions they allow."""

    def __init__(self, instruments: dict[str, Instrument]) -> None:
        self.instruments = instruments
        self.quotes: dict[str, Quote] = {}
        self._paths: dict[tuple[str, str], Path | None] = {}

    def update(self, symbol: str, quote: Quote) -> bool:
        """Take a quote; say whether other conversion paths may exist now."""
        usable_before = self._usable(symbol)
        self.quotes[symbol] = quote
        changed = self._usable(symbol) != usable_before
        if changed:
            self._paths.clear()
        return changed

    def split(self, symbol: str, ratio: Decimal) -> None:
        """Divide the last prices of a symbol."""
        if symbol in self.quotes:
            last = self.quotes[symbol]
            self.quotes[symbol] = replace(last, bid=last.bid / ratio, ask=last.ask / ratio)

    def rename(self, symbol: str, instrument: Instrument) -> None:
        """Let a symbol go on under the name of ``instrument``, at its place in the order."""
        renamed = {
            one.symbol: one
            for one in (
                instrument if one.symbol == symbol else one for one in self.instruments.values()
            )
        }
        self.instruments.clear()
        self.instruments.update(renamed)
        if symbol in self.quotes:
            self.quotes[instrument.symbol] = self.quotes.pop(symbol)
        self._paths.clear()

    def closing(self, symbol: str, side: str) -> Decimal | None:
        """Return the closing price of a side, None before the first quote."""
        quote = self.quotes.get(symbol)
        return None if quote is None else quote.closing(side)

    def mid(self, symbol: str) -> Decimal | None:
        """Return the mid price, None before the first quote."""
        quote = self.quotes.get(symbol)
        return None if quote is None else quote.mid

    def rate(self, source: str, target: str) -> Decimal | None:
        """Return ``rate(source -> target)`` by mids, None without a path."""
        path = self.path(source, target)
        if path is None:
            return None
        result = ONE
        for leg in path:
            mid = self.quotes[leg.symbol].mid
            result = result / mid if leg.inverted else result * mid
        return result

    def rate_at_market(self, source: str, target: str, *, gain: bool) -> Decimal | None:
        """Return the rate of mode ``market``: a gain is sold at bid, a loss bought at ask."""
        path = self.path(source, target)
        if path is None:
            return None
        result = ONE
        for leg in path:
            quote = self.quotes[leg.symbol]
            side = quote.ask if gain == leg.inverted else quote.bid
            if not side:
                return None
            result = result / side if leg.inverted else result * side
        return result

    def path(self, source: str, target: str) -> Path | None:
        """Return the legs of a conversion: none, one, or two through a pivot."""
        if (source, target) not in self._paths:
            self._paths[source, target] = self._find(source, target)
        return self._paths[source, target]

    def _find(self, source: str, target: str) -> Path | None:
        if source == target:
            return ()
        direct = self._leg(source, target)
        if direct is not None:
            return (direct,)
        for pivot in PIVOTS:
            first, second = self._leg(source, pivot), self._leg(pivot, target)
            if first is not None and second is not None:
                return (first, second)
        return None

    def _leg(self, source: str, target: str) -> Leg | None:
        straight, inverse = self._pair(source, target), self._pair(target, source)
        if straight is not None:
            return Leg(straight, inverted=False)
        return None if inverse is None else Leg(inverse, inverted=True)

    def _pair(self, base: str, quote: str) -> str | None:
        matching = [
            one.symbol
            for one in self.instruments.values()
            if one.base == base and one.quote == quote and base != quote
            if self._usable(one.symbol)
        ]
        exact = base + quote
        return exact if exact in matching else next(iter(matching), None)

    def _usable(self, symbol: str) -> bool:
        mid = self.mid(symbol)
        return mid is not None and mid > ZERO
