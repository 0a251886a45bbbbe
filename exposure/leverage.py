"""Leverage that depends on who trades what, and how much of it: brackets and caps.

A profile's brackets replace the leverage of a leg by one per bracket of its lots; a cap limits what
a region's client category may get on a symbol. Both are few, so they are dense tables for the
kernels, built anew when one changes.
Source: semantics.md section 4; science.md section 6.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from exposure.model.accounts import Account
from exposure.model.events import LeverageCapDefined, LeverageTierDefined
from exposure.model.instruments import Instrument
from exposure.state import LeverageArrays


class Bracket(NamedTuple):
    """Lots of a leg above the bracket before and up to ``upper_lots`` have this leverage."""

    upper_lots: float
    leverage: float


class LeverageBook:
    """Brackets by profile and symbol, caps by regime (region and category) and symbol.

    Brackets of a symbol without leverage are kept as well, so that they are checked like any other.
    Profile 0 is that of accounts without one, regime 0 that of accounts without region and
    category.
    """

    def __init__(self, caps: Iterable[LeverageCapDefined] = ()) -> None:
        """Take the desk's own caps, which hold from the definition of their symbol on."""
        self._own_caps = tuple(caps)
        self.profile_of: dict[str, int] = {"": 0}
        self.regime_of: dict[tuple[str, str], int] = {("", ""): 0}
        self.brackets: dict[tuple[int, int], list[Bracket]] = {}
        self.caps: dict[tuple[int, int], float] = {}
        self._instruments: list[Instrument] = []
        self._arrays: LeverageArrays | None = None

    @property
    def arrays(self) -> LeverageArrays:
        """The tables as kernels take them."""
        if self._arrays is None:
            self._arrays = self._built()
        return self._arrays

    def add_symbol(self, instrument: Instrument) -> None:
        """Make the next symbol known."""
        self._instruments.append(instrument)
        self._arrays = None
        for cap in self._own_caps:
            if cap.symbol == instrument.symbol:
                symbol = len(self._instruments) - 1
                self.set_cap(cap.region, cap.category, symbol, cap.leverage)

    def profile(self, account: Account) -> int:
        """Return the number of an account's profile."""
        return self._number(self.profile_of, account.leverage_profile)

    def regime(self, account: Account) -> int:
        """Return the number of an account's region and category."""
        return self._number(self.regime_of, (account.region, account.category))

    def is_tiered(self, profile: int, symbol: int) -> bool:
        """Whether brackets decide about a symbol; its margin per lot is kept before leverage."""
        return (profile, symbol) in self.brackets and self._is_leveraged(symbol)

    def cap(self, regime: int, symbol: int) -> float:
        """Return the most leverage that a regime gets on a symbol, infinity without a cap."""
        return float(self.arrays.cap[regime, symbol])

    def problem(self, event: LeverageTierDefined, symbol: int) -> str | None:
        """Return why a bracket cannot follow those that are known, None if it can."""
        upper = _upper(event)
        if not event.profile:
            return "a leverage tier needs a profile"
        if not (math.isfinite(event.leverage) and event.leverage > 0.0):
            return f"leverage must be a number above 0, was {event.leverage}"
        if not upper > 0.0:
            return f"upper_lots must be above 0, was {event.upper_lots}"
        known = self.brackets.get((self.profile_of.get(event.profile, -1), symbol), [])
        same_end = next((one for one in known if one.upper_lots == upper), None)
        if same_end is not None and same_end.leverage != event.leverage:
            return (
                f"leverage up to {upper:g} lots of {event.symbol} in profile {event.profile} is "
                f"{same_end.leverage:g} already, was {event.leverage:g}: keep one of them"
            )
        if same_end is None and known and upper < known[-1].upper_lots:
            return (
                f"upper_lots must rise within a profile: {upper:g} after {known[-1].upper_lots:g}"
            )
        return None

    def add_bracket(self, event: LeverageTierDefined, symbol: int) -> bool:
        """Take the next bracket of a profile; return whether it changes any margin."""
        key = (self._number(self.profile_of, event.profile), symbol)
        brackets = self.brackets.setdefault(key, [])
        bracket = Bracket(_upper(event), event.leverage)
        if bracket in brackets:
            return False
        brackets.append(bracket)
        self._arrays = None
        return self._is_leveraged(symbol)

    def set_cap(self, region: str, category: str, symbol: int, leverage: float) -> None:
        """Limit what a region's client category gets on a symbol from now on."""
        regime = self._number(self.regime_of, (region, category))
        self.caps[regime, symbol] = leverage
        self._arrays = None

    def export(self) -> dict[str, Any]:
        """Return everything but the instruments, as plain values."""
        return {
            "profiles": list(self.profile_of),
            "regimes": [list(regime) for regime in self.regime_of],
            "brackets": [[*key, list(map(list, held))] for key, held in self.brackets.items()],
            "caps": [[*key, leverage] for key, leverage in self.caps.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what ``export`` returned."""
        self.profile_of = {name: k for k, name in enumerate(state["profiles"])}
        self.regime_of = {(region, kind): k for k, (region, kind) in enumerate(state["regimes"])}
        self.brackets = {
            (profile, symbol): [Bracket(*one) for one in held]
            for profile, symbol, held in state["brackets"]
        }
        self.caps = {(regime, symbol): leverage for regime, symbol, leverage in state["caps"]}
        self._arrays = None

    def _is_leveraged(self, symbol: int) -> bool:
        return self._instruments[symbol].calc_mode.leveraged

    def _number(self, numbers: dict[Any, int], name: Any) -> int:
        if name not in numbers:
            numbers[name] = len(numbers)
            self._arrays = None
        return numbers[name]

    def _built(self) -> LeverageArrays:
        symbols = len(self._instruments)
        cap = np.full((len(self.regime_of), symbols), np.inf)
        for (regime, symbol), leverage in self.caps.items():
            cap[regime, symbol] = leverage
        for symbol, instrument in enumerate(self._instruments):
            if instrument.max_leverage is not None:
                cap[:, symbol] = np.minimum(cap[:, symbol], instrument.max_leverage)
        row = np.full((len(self.profile_of), symbols), -1, np.int32)
        for k, key in enumerate(self.brackets):
            row[key] = k if self.is_tiered(*key) else -1
        lengths = np.array([len(held) for held in self.brackets.values()], np.int32)
        flat = [bracket for held in self.brackets.values() for bracket in held]
        return LeverageArrays(
            cap=cap,
            tier_row=row,
            tier_start=(np.cumsum(lengths) - lengths).astype(np.int32),
            tier_length=lengths,
            tier_upper=np.array([one.upper_lots for one in flat], np.float64),
            tier_leverage=np.array([one.leverage for one in flat], np.float64),
        )


def _upper(event: LeverageTierDefined) -> float:
    return math.inf if event.upper_lots is None else event.upper_lots
