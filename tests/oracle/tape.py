"""The quotes of a day as a tape: what a symbol costs at a moment, and moments to act at."""

from __future__ import annotations

import random
from bisect import bisect_right
from decimal import Decimal

from tests.oracle.listings import Listing, Tick


class Tape:
    """All quotes of the day in order of time."""

    def __init__(self, rng: random.Random, ticks: list[Tick]) -> None:
        self.rng = rng
        self.ticks = ticks
        self._by_symbol: dict[str, list[Tick]] = {}
        for tick in ticks:
            self._by_symbol.setdefault(tick.symbol, []).append(tick)
        self._times = {
            symbol: [tick.ts_ms for tick in quoted] for symbol, quoted in self._by_symbol.items()
        }

    @property
    def start(self) -> Decimal:
        """The moment of the first quote."""
        return self.ticks[0].ts_ms

    def price(self, listing: Listing, side: str, ts_ms: Decimal) -> Decimal:
        """Return what a client pays at a moment: the last quote and some markup."""
        quoted = self._by_symbol.get(listing.symbol)
        if quoted is None:
            return Decimal(listing.level)
        last = quoted[max(0, bisect_right(self._times[listing.symbol], ts_ms) - 1)]
        markup = self.rng.choice((0, 0, 0, 1, 2)) * Decimal(1).scaleb(-listing.digits)
        return last.ask + markup if side == "buy" else last.bid - markup

    def moments(self, count: int) -> list[Decimal]:
        """Return moments in order: half of them the instant of a quote, some before the first."""
        rng, first, last = self.rng, self.start, self.ticks[-1].ts_ms
        found = []
        for _ in range(count):
            if rng.random() < 0.5:
                found.append(rng.choice(self.ticks).ts_ms)
            else:
                part = Decimal(rng.randrange(-20_000, 1_020_000)) / 1_000_000
                found.append((first + (last - first) * part).quantize(Decimal("0.001")))
        return sorted(found)
