"""What the house earned, fact by fact, in whole millionths of a USD (docs/revenue.md)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal

from tests.oracle.market import ZERO, Market

MICRO = Decimal("1e-6")
PROVIDERS_BOOK = "A"
OF_BALANCE_KIND = {
    "commission": "COMMISSION",
    "swap": "SWAP_CLIENT",
    "dividend": "DIVIDEND_CLIENT",
    "bonus": "BONUS",
    "stop_out_compensation": "NBP_WRITE_OFF",
    "correction": "ADJUSTMENT",
}

Key = tuple[str, str, str]
"""Symbol, book and component."""


@dataclass(frozen=True)
class Part:
    """One fact in its own currency, from the house's view."""

    component: str
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Entry:
    """What one event earned in one symbol and book.

    With a ``whole``, that is what all parts have to come to: `BBOOK_PNL` takes what is left.
    """

    symbol: str
    book: str
    parts: tuple[Part, ...]
    whole: Part | None = None


class Ledger:
    """All facts of a day; those without a rate wait for it.

    ``rounded`` counts how many amounts were rounded to make up each sum.
    """

    def __init__(self, market: Market) -> None:
        self.micros: Counter[Key] = Counter()
        self.rounded: Counter[Key] = Counter()
        self._market = market
        self._waiting: list[Entry] = []

    def book(self, entry: Entry) -> None:
        """Book an entry now, or when all its rates exist, each at its first moment."""
        converted = self._converted(entry)
        if not self._booked(converted):
            self._waiting.append(converted)

    def settle(self) -> None:
        """Book what waited and can be converted now."""
        waiting = [self._converted(entry) for entry in self._waiting]
        self._waiting = [entry for entry in waiting if not self._booked(entry)]

    def _converted(self, entry: Entry) -> Entry:
        whole = None if entry.whole is None else self._in_usd(entry.whole)
        return replace(entry, parts=tuple(map(self._in_usd, entry.parts)), whole=whole)

    def _in_usd(self, part: Part) -> Part:
        rate = self._market.rate(part.currency, "USD")
        return part if rate is None else Part(part.component, part.amount * rate, "USD")

    def _booked(self, entry: Entry) -> bool:
        whole = entry.whole
        left = ZERO if whole is None else self._micros(whole)
        micros = {part: self._micros(part) for part in entry.parts}
        if left is None or None in micros.values():
            return False
        for part, amount in micros.items():
            self._add(entry, part.component, int(amount or 0))
        if whole is not None:
            known = sum(int(amount or 0) for amount in micros.values())
            self._add(entry, whole.component, int(left) - known, rounded=1 + len(micros))
        return True

    def _micros(self, part: Part) -> int | None:
        rate = self._market.rate(part.currency, "USD")
        if rate is None:
            return None
        return int((part.amount * rate / MICRO).to_integral_value(ROUND_HALF_EVEN))

    def _add(self, entry: Entry, component: str, micros: int, rounded: int = 1) -> None:
        key = entry.symbol, entry.book, component
        self.micros[key] += micros
        self.rounded[key] += rounded
