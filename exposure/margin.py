"""What one lot ties up, fixed at its fill; opposite legs are netted by the kernels.

Source: semantics.md section 4; platforms.md A3 (worked figures).
"""

from __future__ import annotations

from typing import Final, NamedTuple, assert_never

from exposure.model.accounts import HedgedMarginMode
from exposure.model.instruments import CalcMode, Instrument

HEDGED_MODES: Final = tuple(HedgedMarginMode)
"""The code of a mode in the accounts' column ``hedged_mode`` is its place here."""


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
        leverage: What the account gets on this symbol, 100 for 1:100; 1 where brackets decide.
        open_price: Price of the fill; a negative one counts with its absolute value.
    """
    price = abs(open_price)
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
