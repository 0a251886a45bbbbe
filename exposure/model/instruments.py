"""What can be traded: contract terms and how profit and margin are computed."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final, assert_never

import msgspec

from exposure.model.ids import Currency, Symbol

MOST_DIGITS: Final = 16
"""A float knows no more of a price."""


class AssetClass(StrEnum):
    """The classes the desk groups by."""

    FX = "fx"
    METAL = "metal"
    INDEX = "index"
    ENERGY = "energy"
    SHARE = "share"
    CRYPTO = "crypto"
    OTHER = "other"


class CalcMode(StrEnum):
    """How profit and margin are computed (semantics.md section 4, MetaTrader's names)."""

    FOREX = "forex"
    FOREX_NO_LEVERAGE = "forex_no_leverage"
    CFD = "cfd"
    CFD_LEVERAGE = "cfd_leverage"
    CFD_INDEX = "cfd_index"
    FUTURES = "futures"

    @property
    def leveraged(self) -> bool:
        """Whether the account's leverage divides the margin."""
        return self in {CalcMode.FOREX, CalcMode.CFD_LEVERAGE}

    @property
    def tick_valued(self) -> bool:
        """Whether a price move is worth ``tick_value / tick_size`` per lot."""
        match self:
            case CalcMode.CFD_INDEX | CalcMode.FUTURES:
                return True
            case CalcMode.FOREX | CalcMode.FOREX_NO_LEVERAGE | CalcMode.CFD | CalcMode.CFD_LEVERAGE:
                return False
        assert_never(self)


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """The contract terms of one symbol.

    Units: ``contract_size`` in units of the base asset per lot, ``tick_value`` in quote currency
    per ``tick_size`` per lot, ``initial_margin`` in margin currency per lot, ``limit_usd`` in USD,
    ``hedged_ratio`` as a share of the contract size.
    """

    symbol: Symbol
    asset_class: str
    base: Currency
    quote: Currency
    contract_size: float
    digits: int
    calc_mode: CalcMode
    underlying: str = ""
    margin_currency: Currency = Currency("")
    margin_rate: float = 1.0
    tick_size: float = 0.0
    tick_value: float = 0.0
    initial_margin: float = 0.0
    hedged_ratio: float = 0.5
    max_leverage: float | None = None
    swap_mode: str = ""
    swap_long: float = 0.0
    swap_short: float = 0.0
    triple_swap_day: str = ""
    markup_points: float = 0.0
    stale_after_ms: int = 60_000
    limit_usd: float | None = None
    allow_negative: bool = False

    @property
    def point(self) -> float:
        """The smallest price step."""
        return float(10.0**-self.digits)

    @property
    def pip(self) -> float:
        """Ten points for 3- and 5-digit currency pairs, else one point."""
        fx_fraction = self.asset_class == AssetClass.FX and self.digits in {3, 5}
        return self.point * 10 if fx_fraction else self.point

    @property
    def units_per_lot(self) -> float:
        """What one lot is worth per unit of price, in quote currency."""
        if self.calc_mode.tick_valued:
            return self.tick_value / self.tick_size
        return self.contract_size

    def problem(self) -> str | None:
        """Return why the terms cannot be used, None if they can."""
        if not self.contract_size > 0.0:
            return f"contract_size of {self.symbol} must be above 0, was {self.contract_size}"
        if self.calc_mode.tick_valued and not (self.tick_size > 0.0 and self.tick_value > 0.0):
            return f"{self.symbol} is {self.calc_mode}: tick_size and tick_value must be above 0"
        if self.max_leverage is not None and not self.max_leverage > 0.0:
            return f"max_leverage of {self.symbol} must be above 0, was {self.max_leverage}"
        if not 0 <= self.digits <= MOST_DIGITS:
            return f"digits of {self.symbol} must be 0 to {MOST_DIGITS}, was {self.digits}"
        numbers = (self.contract_size, self.margin_rate, self.initial_margin, self.hedged_ratio)
        if not all(map(math.isfinite, numbers)) or min(numbers) < 0.0:
            return f"the margin terms of {self.symbol} must be finite and not negative"
        return None
