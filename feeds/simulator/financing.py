"""Rollover: for how many nights the end of a trading day counts, and at which rates.

A night is charged from Monday to Friday; on its instrument's triple day it counts three times, for
the weekend. A holiday is no night of its own: what it would have counted for is charged on the last
trading day before it. So every week has seven nights, whatever falls into it.
Source: platforms.md A1 (triple day, SWAP_FLAGS_CONSIDER_HOLIDAYS: double the day before a holiday,
none on it) and A3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.model.instruments import AssetClass, Instrument
from exposure.swaps import SwapMode, swap_mode, swap_per_lot
from feeds.simulator.calendar import WEEKDAYS
from feeds.simulator.parameters import read_parameters

Holidays = Mapping[str, frozenset[date]]
"""The holidays of each currency's market."""

_SATURDAY: Final = 5


class SwapRates(NamedTuple):
    """What a night costs or earns per side, in the unit of the instrument's swap mode."""

    long: float
    short: float


def load_holidays() -> Holidays:
    """Return the holidays that ship with the simulator."""
    rows = read_parameters("holidays")
    currencies = {row["currency"] for row in rows}
    return {
        currency: frozenset(
            date.fromisoformat(row["date"]) for row in rows if row["currency"] == currency
        )
        for currency in currencies
    }


def holidays_of(instrument: Instrument, holidays: Holidays) -> frozenset[date]:
    """Return when an instrument has no night: holidays of its currencies, none for crypto.

    A pair rests when either currency does; everything else follows the market of its quote.
    """
    match instrument.asset_class:
        case AssetClass.CRYPTO:
            return frozenset()
        case AssetClass.FX:
            currencies: tuple[str, ...] = (instrument.base, instrument.quote)
        case _:
            currencies = (instrument.quote,)
    none: frozenset[date] = frozenset()
    return none.union(*(holidays.get(currency, none) for currency in currencies))


def nights(instrument: Instrument, day: date, own_holidays: frozenset[date] = frozenset()) -> int:
    """Return how many nights the rollover at the end of a day counts for.

    Args:
        instrument: Contract terms; ``triple_swap_day`` is an English name in lower case.
        day: The trading day that ends.
        own_holidays: When this instrument has no night (``holidays_of``).

    >>> from feeds.catalogue import load_catalogue
    >>> euro = load_catalogue()[0]
    >>> good_friday = frozenset([date(2026, 4, 3)])
    >>> [nights(euro, date(2026, 4, day), good_friday) for day in (1, 2, 3, 4, 6)]
    [3, 2, 0, 0, 1]
    """
    if not _is_charged(day, own_holidays):
        return 0
    counted = _usual_nights(instrument, day)
    following = day + timedelta(days=1)
    while not _is_charged(following, own_holidays):
        counted += _usual_nights(instrument, following)
        following += timedelta(days=1)
    return counted


def pays_swap(instrument: Instrument) -> bool:
    """Whether holding an instrument over rollover costs or earns anything."""
    return swap_mode(instrument) not in {None, SwapMode.DISABLED}


def carries(
    instruments: Iterable[Instrument], mid: NDArray[np.float64]
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Return which side of each symbol earns swap and how much it earns in a usual night.

    Where both pay, or swap is not in the quote currency, the side is 0 and the amount 0.

    Shapes: mid (symbols,) -> two of (symbols,). Units: price.
    """
    nights_of = [_carry(one, price) for one, price in zip(instruments, mid.tolist(), strict=True)]
    signs, amounts = zip(*nights_of, strict=True)
    return np.array(signs, np.int8), np.array(amounts)


def provider_rates(instruments: Iterable[Instrument]) -> list[SwapRates]:
    """Return what the liquidity provider charges the house, instrument by instrument.

    Where its table has no row for a symbol, it charges what the clients pay.
    """
    rates = {
        row["symbol"]: SwapRates(float(row["long"]), float(row["short"]))
        for row in read_parameters("provider_swaps")
    }
    return [rates.get(one.symbol, SwapRates(one.swap_long, one.swap_short)) for one in instruments]


def _is_charged(day: date, own_holidays: frozenset[date]) -> bool:
    return day.weekday() < _SATURDAY and day not in own_holidays


def _usual_nights(instrument: Instrument, day: date) -> int:
    if day.weekday() >= _SATURDAY:
        return 0
    return 3 if WEEKDAYS[day.weekday()] == instrument.triple_swap_day else 1


def _carry(instrument: Instrument, price: float) -> tuple[int, float]:
    mode = swap_mode(instrument) or SwapMode.DISABLED
    rates, prices = np.array([instrument.swap_long, instrument.swap_short]), np.full(2, price)
    per_lot = swap_per_lot(instrument, mode, rates, prices, prices)
    best = int(per_lot.amount.argmax())
    earned = float(per_lot.amount[best]) / instrument.units_per_lot
    if per_lot.currency != instrument.quote or not earned > 0.0:
        return 0, 0.0
    return (1, -1)[best], earned
