"""What happens to whole symbols: leverage brackets, swap, dividends, splits and new names."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from tests.oracle.actions import SWAP_MODES
from tests.oracle.listings import Listing, Row
from tests.oracle.tape import Tape

PROFILES = ("P1", "P2")
FILES_BEFORE = ("quotes", "balances", "books")
"""At the instant of an action these come before it, deals and hedges after it."""

_NEW_NAMES = ("{}.new", "{}x", "NEW{}")
_RATIOS = ("2", "4", "0.5", "0.1", "3", "1.5")
_STEPS = (Decimal("0.2"), Decimal(1), Decimal(3), Decimal(20))
_TINY = Decimal("1e-8")


@dataclass(frozen=True)
class Change:
    """A split or a new name: what files say about the symbol afterwards is different."""

    ts_ms: Decimal
    symbol: str
    ratio: Decimal = Decimal(1)
    new_symbol: str = ""


@dataclass
class Occasions:
    """Everything of one day that concerns a symbol and not one account."""

    rng: random.Random
    listings: list[Listing]
    tape: Tape
    providers: tuple[str, ...]
    changes: list[Change] = field(default_factory=list)

    def terms(self) -> Row:
        """Return the swap terms of an instrument."""
        rng = self.rng
        return {
            "swap_mode": rng.choice((*SWAP_MODES, "points", "", "weekly")),
            "swap_long": rng.choice(("-7.2", "-0.5", "1.25", "")),
            "swap_short": rng.choice(("2.4", "-3", "0.75", "")),
        }

    def tiers(self) -> list[Row]:
        """Return brackets of some profiles and symbols, about one row in ten of them wrong."""
        rng, found = self.rng, []
        for profile in PROFILES:
            for listing in rng.sample(self.listings, k=len(self.listings) // 2):
                found += self._brackets(profile, listing.symbol)
        return found

    def actions(self, count: int, instants: list[str]) -> list[Row]:
        """Return actions of every kind, some at given instants, about one in eight wrong."""
        rng, found = self.rng, []
        for ts_ms in self.tape.moments(count):
            when = Decimal(rng.choice(instants)) if instants and rng.random() < 0.4 else ts_ms
            found.append((when, rng.random() < 0.12))
        return [self._action(ts_ms, wrong=wrong) for ts_ms, wrong in sorted(found)]

    def changed(self, name: str, rows: list[Row]) -> list[Row]:
        """Return the rows of a file as a platform writes them after splits and new names."""
        return [self._changed(name, row) for row in rows] if self.changes else rows

    # Brackets

    def _brackets(self, profile: str, symbol: str) -> list[Row]:
        rng = self.rng
        uppers = [str(step) for step in _STEPS[: rng.randrange(1, len(_STEPS) + 1)]]
        if rng.random() < 0.5:
            uppers[-1] = ""
        leverages = sorted(rng.sample((500, 200, 100, 50, 20, 10), len(uppers)), reverse=True)
        found = [
            {"profile": profile, "symbol": symbol, "upper_lots": upper, "leverage": str(leverage)}
            for upper, leverage in zip(uppers, leverages, strict=True)
        ]
        if rng.random() < 0.3:
            wrong = rng.choice(
                (
                    {"leverage": "0"},
                    {"leverage": "NaN"},
                    {"upper_lots": "-1"},
                    {"upper_lots": "x"},
                    {"symbol": "EURUSD.zzz"},
                    {"upper_lots": "0.1"},
                    {"leverage": "7"},
                    {},
                )
            )
            found.insert(rng.randrange(1, len(found) + 1), found[0] | wrong)
        return found

    # Actions

    def _action(self, ts_ms: Decimal, *, wrong: bool) -> Row:
        rng = self.rng
        listing = rng.choice(self.listings)
        row = {"ts_ms": str(ts_ms), "symbol": self._name_at(listing.symbol)}
        if wrong:
            return row | self._wrong()
        make: Callable[[Listing, Decimal], Row] = rng.choices(
            (self._swap, self._dividend, self._adjustment, self._split, self._rename),
            weights=(8, 3, 3, 1, 1),
        )[0]
        return row | make(listing, ts_ms)

    def _swap(self, _listing: Listing, _ts_ms: Decimal) -> Row:
        rng = self.rng
        return {
            "kind": "swap",
            "value": rng.choice(("1", "1", "3", "0", "2")),
            "long_value": rng.choice(("", "", "-4.5", "0.8")),
            "short_value": rng.choice(("", "", "1.1", "-2")),
            "lp": rng.choice(("", "", *self.providers, "LP9")),
        }

    def _dividend(self, listing: Listing, _ts_ms: Decimal) -> Row:
        rng = self.rng
        per_unit = abs(Decimal(listing.level or "1.3")) / rng.choice((400, 1_000))
        net = per_unit * Decimal("0.85")
        return {
            "kind": "dividend",
            "value": str(per_unit.quantize(_TINY)),
            "long_value": rng.choice(("", str(net.quantize(_TINY)))),
            "short_value": rng.choice(("", "", "0")),
            "lp": rng.choice(("", "", *self.providers)),
        }

    def _adjustment(self, listing: Listing, ts_ms: Decimal) -> Row:
        row = self._dividend(listing, ts_ms)
        sign = self.rng.choice(("", "-"))
        return row | {"kind": "adjustment", "value": sign + row["value"]}

    def _split(self, listing: Listing, ts_ms: Decimal) -> Row:
        ratio = self.rng.choice(_RATIOS)
        if listing.asset_class == "fx":  # its price is also a conversion rate
            return self._swap(listing, ts_ms)
        self.changes.append(Change(ts_ms, self._name_at(listing.symbol), ratio=Decimal(ratio)))
        return {"kind": "split", "value": ratio}

    def _rename(self, listing: Listing, ts_ms: Decimal) -> Row:
        old = self._name_at(listing.symbol)
        new = self.rng.choice(_NEW_NAMES).format(old)
        self.changes.append(Change(ts_ms, old, new_symbol=new))
        return {"kind": "rename", "value": new}

    def _wrong(self) -> Row:
        rng = self.rng
        taken = self._name_at(rng.choice(self.listings).symbol)
        right = {"kind": rng.choice(("swap", "dividend", "adjustment")), "value": "1"}
        return right | rng.choice(
            (
                {"symbol": "EURUSD.zzz"},
                {"kind": "merge"},
                {"kind": ""},
                {"value": "NaN"},
                {"value": ""},
                {"value": "many"},
                {"long_value": "inf"},
                {"short_value": "x"},
                {"kind": "swap", "value": "-1"},
                {"kind": "split", "value": "0"},
                {"kind": "split", "value": "-2"},
                {"kind": "split", "value": "nan"},
                {"kind": "rename", "value": taken},
                {"kind": "rename", "value": " "},
            )
        )

    def _name_at(self, symbol: str) -> str:
        for change in self.changes:
            if change.symbol == symbol and change.new_symbol:
                symbol = change.new_symbol
        return symbol

    def _changed(self, name: str, row: Row) -> Row:
        ts_ms, changed = Decimal(row["ts_ms"]), dict(row)
        for change in self.changes:
            late = ts_ms > change.ts_ms or (ts_ms == change.ts_ms and name not in FILES_BEFORE)
            if not late or changed.get("symbol") != change.symbol:
                continue
            if change.new_symbol and self.rng.random() < 0.98:
                changed["symbol"] = change.new_symbol
            _divide(changed, change.ratio)
        return changed


def _divide(row: Row, ratio: Decimal) -> None:
    factors = dict.fromkeys(("bid", "ask", "price", "raw_price"), 1 / ratio) | {"lots": ratio}
    for column in factors.keys() & row.keys() if ratio != 1 else ():
        row[column] = _times(row[column], factors[column])


def _times(text: str, factor: Decimal) -> str:
    try:
        value = Decimal(text)
    except ArithmeticError:
        return text
    if not value.is_finite():
        return text
    return str((value * factor).quantize(_TINY).normalize())
