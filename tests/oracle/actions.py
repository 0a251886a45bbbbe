"""What an action does to one holder: amounts and shifts.

Source: docs/book-directory.md, platforms.md A3.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tests.oracle.book import FOREX, Instrument, Row, number
from tests.oracle.market import ZERO, Market
from tests.oracle.refusals import Refused

SWAP_MODES = (
    *("points", "base_currency", "margin_currency", "deposit_currency", "profit_currency"),
    *("interest_current", "interest_open", "reopen_current", "reopen_bid", "disabled"),
)
DAYS_OF_A_YEAR = 360


@dataclass(frozen=True)
class Holding:
    """What somebody holds: positive lots, and the currency in which it is settled."""

    instrument: Instrument
    side: str
    lots: Decimal
    open_price: Decimal
    currency: str


@dataclass(frozen=True)
class Rates:
    """What a row says for each side."""

    long: Decimal
    short: Decimal

    def of(self, side: str) -> Decimal:
        """Return the rate of a side."""
        return self.long if side == "buy" else self.short


def swap_rates(row: Row, instrument: Instrument) -> Rates:
    """Return the rates of a swap row: its own, else those of the instrument."""
    long, short = number(row, "long_value"), number(row, "short_value")
    return Rates(
        instrument.swap_long if long is None else long,
        instrument.swap_short if short is None else short,
    )


def cash_rates(row: Row) -> Rates:
    """Return what a dividend or adjustment is per unit, for each side."""
    value = number(row, "value")
    long, short = number(row, "long_value"), number(row, "short_value")
    if value is None:
        raise Refused("bad_action")
    return Rates(value if long is None else long, value if short is None else short)


def reopens(instrument: Instrument) -> bool:
    """Say whether swap shifts open prices instead of accruing money."""
    if instrument.swap_mode not in SWAP_MODES:
        raise Refused("bad_action")
    return instrument.swap_mode.startswith("reopen")


def shift(holding: Holding, nights: Decimal, rates: Rates) -> Decimal:
    """Return by how much an open price rises; a rate that pays the holder betters the price."""
    points = nights * rates.of(holding.side) * holding.instrument.point
    return -points if holding.side == "buy" else points


def swap(holding: Holding, nights: Decimal, rates: Rates, market: Market) -> Decimal:
    """Return the swap of some nights in the holder's currency, positive for the holder."""
    instrument, rate = holding.instrument, rates.of(holding.side)
    units = holding.lots * instrument.units_per_lot
    match instrument.swap_mode:
        case "disabled":
            return ZERO
        case "points":
            amount, currency = units * instrument.point * rate, instrument.quote
        case "base_currency":
            amount, currency = holding.lots * rate, instrument.base
        case "margin_currency":
            amount, currency = holding.lots * rate, _margin_currency(instrument)
        case "deposit_currency":
            amount, currency = holding.lots * rate, holding.currency
        case "profit_currency":
            amount, currency = holding.lots * rate, instrument.quote
        case "interest_current":
            price = market.closing(instrument.symbol, holding.side)
            if price is None:
                raise Refused("no_rate")
            amount, currency = units * abs(price) * rate / 100 / DAYS_OF_A_YEAR, instrument.quote
        case "interest_open":
            amount = units * abs(holding.open_price) * rate / 100 / DAYS_OF_A_YEAR
            currency = instrument.quote
        case _:
            raise Refused("bad_action")
    return converted(amount * nights, currency, holding.currency, market)


def cash(holding: Holding, per_unit: Rates, market: Market) -> Decimal:
    """Return what a holder gets in its own currency: longs receive, shorts pay."""
    units = holding.lots * holding.instrument.units_per_lot
    signed = units if holding.side == "buy" else -units
    amount = signed * per_unit.of(holding.side)
    return converted(amount, holding.instrument.quote, holding.currency, market)


def converted(amount: Decimal, source: str, target: str, market: Market) -> Decimal:
    """Convert at mid."""
    rate = market.rate(source, target)
    if rate is None:
        raise Refused("no_rate")
    return amount * rate


def _margin_currency(instrument: Instrument) -> str:
    # forex modes ignore the column: their margin is in base currency
    return instrument.base if instrument.calc_mode in FOREX else instrument.margin_currency
