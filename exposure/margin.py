"""What a position ties up: margin per lot at its fills, and the netting of opposite legs.

Source: semantics.md section 4; platforms.md A3 (worked figures).
"""

from __future__ import annotations

from typing import Final, NamedTuple, assert_never

import numpy as np
from numba import njit
from numpy.typing import NDArray

from exposure.model.accounts import HedgedMarginMode
from exposure.model.instruments import CalcMode, Instrument
from exposure.state import BookArrays

LOTS_TOLERANCE: Final = 1e-9
MARGIN_TOLERANCE: Final = 1e-6

HEDGED_MODES: Final = tuple(HedgedMarginMode)
"""The code of a mode in the accounts' column ``hedged_mode`` is its place here."""

_NET_PLUS_HEDGED, _MT4_AVERAGE, _LARGER_LEG, _SUM, _NET = range(5)


class MarginPerLot(NamedTuple):
    """Margin of one lot before conversion, and how to convert it.

    ``amount`` is in ``currency``; ``factor`` brings it to account currency where the open price
    decides, otherwise it is None and rate(currency->account) of the opening moment does.
    """

    amount: float
    currency: str
    factor: float | None


def margin_per_lot(
    instrument: Instrument, account_currency: str, leverage: float, open_price: float
) -> MarginPerLot:
    """Return what one lot opened at ``open_price`` ties up.

    Args:
        instrument: Contract terms.
        account_currency: The currency that the account is kept in.
        leverage: The account's leverage, 100 for 1:100; the instrument's cap applies here.
        open_price: Price of the fill; a negative one counts with its absolute value.
    """
    price = abs(open_price)
    if instrument.max_leverage is not None:
        leverage = min(leverage, instrument.max_leverage)
    amount = _amount(instrument, leverage, price)
    match instrument.calc_mode:
        case CalcMode.FOREX | CalcMode.FOREX_NO_LEVERAGE:
            factor = _forex_factor(instrument, account_currency, price)
            return MarginPerLot(amount, instrument.base, factor)
        case CalcMode.CFD | CalcMode.CFD_LEVERAGE | CalcMode.CFD_INDEX | CalcMode.FUTURES:
            currency = instrument.margin_currency or instrument.quote
            factor = _priced_factor(instrument, currency, account_currency, price)
            return MarginPerLot(amount, currency, factor)
    assert_never(instrument.calc_mode)


def _amount(instrument: Instrument, leverage: float, price: float) -> float:
    size, rate = instrument.contract_size, instrument.margin_rate
    match instrument.calc_mode:
        case CalcMode.FOREX:
            return size / leverage * rate
        case CalcMode.FOREX_NO_LEVERAGE:
            return size * rate
        case CalcMode.CFD:
            return size * price * rate
        case CalcMode.CFD_LEVERAGE:
            return size * price / leverage * rate
        case CalcMode.CFD_INDEX:
            return size * price * instrument.units_per_lot * rate
        case CalcMode.FUTURES:
            return instrument.initial_margin * rate
    assert_never(instrument.calc_mode)


def _forex_factor(instrument: Instrument, account_currency: str, price: float) -> float | None:
    if account_currency == instrument.quote:
        return price
    return 1.0 if account_currency == instrument.base else None


def _priced_factor(
    instrument: Instrument, currency: str, account_currency: str, price: float
) -> float | None:
    if currency == account_currency:
        return 1.0
    if currency == instrument.quote and account_currency == instrument.base and price > 0.0:
        return 1.0 / price
    return None


@njit(cache=True)
def hedged_margin(
    mode: int,
    long_lots: float,
    long_margin: float,
    short_lots: float,
    short_margin: float,
    hedged_ratio: float,
) -> float:
    """Return the margin of one symbol of one account.

    Args:
        mode: Place in HEDGED_MODES.
        long_lots: Lots of the long leg.
        long_margin: The long leg's margin in full, sum of lots x margin per lot.
        short_lots: Lots of the short leg.
        short_margin: The short leg's margin in full.
        hedged_ratio: What a covered pair costs, as a share of one lot (0: free).

    Units: lots, account currency.
    """
    lots = long_lots + short_lots
    if lots < LOTS_TOLERANCE:
        return 0.0
    if mode == _SUM:
        return long_margin + short_margin
    if mode == _LARGER_LEG:
        return max(long_margin, short_margin)
    covered = min(long_lots, short_lots)
    uncovered = abs(long_lots - short_lots)
    if uncovered < LOTS_TOLERANCE:
        uncovered = 0.0
    mean_of_both = (long_margin + short_margin) / lots
    if mode == _MT4_AVERAGE:
        return (uncovered + covered * hedged_ratio) * mean_of_both
    surviving = 0.0
    if uncovered > 0.0:
        is_long = long_lots > short_lots
        surviving = long_margin / long_lots if is_long else short_margin / short_lots
    if mode == _NET:
        return uncovered * surviving
    return uncovered * surviving + covered * hedged_ratio * mean_of_both


@njit(cache=True)
def account_margin(
    account: int, book: BookArrays, legs: NDArray[np.float64], seen: NDArray[np.int32]
) -> float:
    """Return an account's margin: symbol by symbol, in the order of its positions.

    Positions whose margin rate does not exist yet are left out.

    Shapes: ``legs`` (symbols, 4) all zero before and after, ``seen`` (symbols,).
    """
    positions = book.positions
    symbols = 0
    row = book.of_account.start[account]
    for k in range(row, row + book.of_account.length[account]):
        slot = book.of_account.items[k]
        per_lot = positions.margin_per_lot[slot]
        if np.isnan(per_lot):
            continue
        symbol = positions.symbol[slot]
        leg = legs[symbol]
        if leg[0] + leg[2] == 0.0:
            seen[symbols] = symbol
            symbols += 1
        side = 0 if positions.side[slot] > 0.0 else 2
        leg[side] += positions.lots[slot]
        leg[side + 1] += positions.lots[slot] * per_lot
    mode = book.accounts.hedged_mode[account]
    total = 0.0
    for k in range(symbols):
        leg = legs[seen[k]]
        ratio = book.prices.hedged_ratio[seen[k]]
        total += hedged_margin(mode, leg[0], leg[1], leg[2], leg[3], ratio)
        leg[:] = 0.0
    return total if total >= MARGIN_TOLERANCE else 0.0
