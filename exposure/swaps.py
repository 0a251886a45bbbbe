"""Swap: what a lot costs or earns for being held over rollover, in every mode of MetaTrader.

Rates are signed from the holder's side: positive is paid to it.
Source: platforms.md A1 (enum of swap modes) and A3 (formulas; 360 days in every page read).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.model.instruments import CalcMode, Instrument

Floats = NDArray[np.float64]

DAYS_PER_YEAR: Final = 360.0
_PERCENT: Final = 100.0


class SwapMode(StrEnum):
    """In which unit an instrument's swap rates are."""

    POINTS = "points"
    BASE_CURRENCY = "base_currency"
    MARGIN_CURRENCY = "margin_currency"
    DEPOSIT_CURRENCY = "deposit_currency"
    PROFIT_CURRENCY = "profit_currency"
    INTEREST_CURRENT = "interest_current"
    INTEREST_OPEN = "interest_open"
    REOPEN_CURRENT = "reopen_current"
    REOPEN_BID = "reopen_bid"
    DISABLED = "disabled"

    @property
    def reopens(self) -> bool:
        """Whether it moves the open price instead of accruing money."""
        return self in {SwapMode.REOPEN_CURRENT, SwapMode.REOPEN_BID}


class SwapPerLot(NamedTuple):
    """One night of one lot; ``currency`` "" is the account's own.

    Shapes: amount (positions,).
    """

    amount: Floats
    currency: str


def swap_mode(instrument: Instrument) -> SwapMode | None:
    """Return the instrument's mode, points if it names none, None if nobody knows it."""
    try:
        return SwapMode(instrument.swap_mode or SwapMode.POINTS)
    except ValueError:
        return None


def swap_per_lot(
    instrument: Instrument, mode: SwapMode, rates: Floats, current: Floats, opened: Floats
) -> SwapPerLot:
    """Return what positions of a symbol earn per lot and night.

    Modes that shift the open price earn nothing here: see ``reopening_shift``.

    Args:
        instrument: Contract terms.
        mode: Its swap mode.
        rates: Each position's rate, in the unit of the mode.
        current: The price each would close at now, NaN without one.
        opened: Each one's open price.

    Shapes: all (positions,).
    """
    units = instrument.units_per_lot
    match mode:
        case SwapMode.POINTS:
            amount = rates * instrument.point * units
        case SwapMode.INTEREST_CURRENT:
            amount = _interest(rates) * np.abs(current) * units
        case SwapMode.INTEREST_OPEN:
            amount = _interest(rates) * np.abs(opened) * units
        case SwapMode.REOPEN_CURRENT | SwapMode.REOPEN_BID | SwapMode.DISABLED:
            amount = np.zeros_like(rates)
        case _:
            amount = rates
    return SwapPerLot(amount, _currency(instrument, mode))


def reopening_shift(instrument: Instrument, rates: Floats, sides: Floats) -> Floats:
    """Return what a night adds to the open prices of positions that are closed and reopened.

    A long that earns is reopened lower, a short that earns higher.

    Shapes: all (positions,). Units: ``rates`` points, ``sides`` +1 or -1.
    """
    shift: Floats = -sides * rates * instrument.point
    return shift


def _interest(rates: Floats) -> Floats:
    return rates / _PERCENT / DAYS_PER_YEAR


def _currency(instrument: Instrument, mode: SwapMode) -> str:
    match mode:
        case SwapMode.BASE_CURRENCY:
            return instrument.base
        case SwapMode.MARGIN_CURRENCY:
            return _margin_currency(instrument)
        case SwapMode.DEPOSIT_CURRENCY:
            return ""
        case _:
            return instrument.quote


def _margin_currency(instrument: Instrument) -> str:
    if instrument.calc_mode in {CalcMode.FOREX, CalcMode.FOREX_NO_LEVERAGE}:
        return instrument.base
    return instrument.margin_currency or instrument.quote
