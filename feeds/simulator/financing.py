"""Swap: what a position costs or earns for being held over rollover.

A night is charged from Monday to Friday; on its instrument's triple day it counts three times, for
the weekend.
Source: platforms.md A3 (swap per night; a year of 360 days in every broker page read).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from exposure.client_book import ClientBook
from exposure.model.deals import Side
from exposure.model.instruments import Instrument

POINTS: Final = "points"
INTEREST: Final = "interest_current"

_DAYS_PER_YEAR: Final = 360.0
_WEEKEND: Final = ("saturday", "sunday")


def nights(instrument: Instrument, weekday: str) -> int:
    """Return how many nights the rollover at the end of a weekday counts for.

    Args:
        instrument: Contract terms; ``triple_swap_day`` is an English name in lower case.
        weekday: The same.
    """
    if weekday in _WEEKEND:
        return 0
    return 3 if weekday == instrument.triple_swap_day else 1


def swap_per_lot(instrument: Instrument, side: Side, price: float) -> float:
    """Return one night's swap of one lot in the instrument's quote currency.

    Positive is paid to the client. Modes that the simulator does not know cost nothing.

    Units: ``price`` the current closing price; ``swap_long``, ``swap_short`` in points, or in
    percent a year for interest.
    """
    rate = instrument.swap_long if side is Side.BUY else instrument.swap_short
    if instrument.swap_mode == POINTS:
        return rate * instrument.point * instrument.units_per_lot
    if instrument.swap_mode == INTEREST:
        return rate / 100.0 / _DAYS_PER_YEAR * price * instrument.units_per_lot
    return 0.0


def rollover_swaps(book: ClientBook, weekday: str) -> NDArray[np.float64]:
    """Return what every account pays or earns for a night, unrounded.

    Positions without a price or a rate pay nothing.

    Shapes: (accounts,). Units: account currency.
    """
    used = np.flatnonzero(book.positions.account[: len(book.position_ids)] >= 0)
    p = book.positions
    account, symbol, long = p.account[used], p.symbol[used], p.side[used] > 0.0
    per_lot = np.array([_both_sides(book, s, weekday) for s in range(len(book.instruments))])
    amount = p.lots[used] * np.where(long, per_lot[symbol, 0], per_lot[symbol, 1])
    quotes = [instrument.quote for instrument in book.instruments]
    currencies = [terms.currency for terms in book.terms]
    source, target = sorted(set(quotes)), sorted(set(currencies))
    rates = np.array([[book.rates.mid(book.prices, q, a) for a in target] for q in source])
    row = np.searchsorted(source, quotes)[symbol]
    column = np.searchsorted(target, currencies)[account]
    amount *= np.nan_to_num(rates[row, column])
    return np.bincount(account, amount, minlength=len(currencies)).astype(np.float64)


def _both_sides(book: ClientBook, symbol: int, weekday: str) -> tuple[float, float]:
    instrument = book.instruments[symbol]
    count = nights(instrument, weekday)
    if not book.prices.quoted[symbol]:
        return 0.0, 0.0
    bid, ask = float(book.prices.bid[symbol]), float(book.prices.ask[symbol])
    return (
        count * swap_per_lot(instrument, Side.BUY, bid),
        count * swap_per_lot(instrument, Side.SELL, ask),
    )
