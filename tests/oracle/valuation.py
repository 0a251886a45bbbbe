"""What a position earns and what it ties up (semantics.md sections 3 and 4), one at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

from tests.oracle.book import FOREX, LEVERAGED, AccountTerms, Bracket, Caps, Instrument, Tiers
from tests.oracle.market import ONE, ZERO, Market

LOTS_TOLERANCE = Decimal("1e-9")


@dataclass(frozen=True)
class Fill:
    """One opening deal; its margin per lot is None until the rate of its margin exists.

    In a symbol with leverage brackets the margin per lot is the one before leverage. ``reopened``
    is how far swap moved the price of the deal, which its margin goes on with.
    """

    lots: Decimal
    dealt: Decimal
    hedge_ratio: Decimal
    margin_per_lot: Decimal | None
    reopened: Decimal = ZERO

    @property
    def price(self) -> Decimal:
        """The open price."""
        return self.dealt + self.reopened


@dataclass(frozen=True)
class Margin:
    """Lots of one leg and what they would cost without an opposite leg."""

    lots: Decimal
    amount: Decimal

    @property
    def mean(self) -> Decimal:
        """Margin per lot."""
        return self.amount / self.lots if self.lots else ZERO

    def __add__(self, other: Margin) -> Margin:
        return Margin(self.lots + other.lots, self.amount + other.amount)


NOTHING = Margin(ZERO, ZERO)


@dataclass(frozen=True)
class Position:
    """An open position is nothing but its fills and the swap it has accrued."""

    instrument: Instrument
    side: str
    book: str
    fills: tuple[Fill, ...]
    swap: Decimal = ZERO
    rolled_over: Decimal = ZERO
    """What of the swap rollovers of this day booked as revenue."""

    @cached_property
    def lots(self) -> Decimal:
        """Open lots, positive."""
        return sum((fill.lots for fill in self.fills), ZERO)

    @cached_property
    def units(self) -> Decimal:
        """What a price difference of one earns."""
        return self.lots * self.instrument.units_per_lot

    @cached_property
    def signed_lots(self) -> Decimal:
        """Lots, negative for a short position."""
        return self.lots if self.side == "buy" else -self.lots

    @cached_property
    def open_price(self) -> Decimal:
        """The mean of the fills, weighted by lots."""
        return sum((fill.lots * fill.price for fill in self.fills), ZERO) / self.lots

    @cached_property
    def hedge_ratio(self) -> Decimal:
        """The mean of the fills, weighted by lots."""
        return sum((fill.lots * fill.hedge_ratio for fill in self.fills), ZERO) / self.lots

    @cached_property
    def margin(self) -> Margin:
        """Lots with a known margin, and that margin."""
        known = (
            Margin(fill.lots, fill.lots * fill.margin_per_lot)
            for fill in self.fills
            if fill.margin_per_lot is not None
        )
        return sum(known, NOTHING)

    @cached_property
    def waits_for_margin(self) -> bool:
        """Whether a fill has no margin yet."""
        return any(fill.margin_per_lot is None for fill in self.fills)

    def added(self, fill: Fill, book: str) -> Position:
        """Return the position after another opening deal."""
        return replace(self, fills=(*self.fills, fill), book=book)

    def reduced(self, lots: Decimal) -> Position | None:
        """Return what is left after a closing deal, None when nothing is."""
        if lots >= self.lots - LOTS_TOLERANCE:
            return None
        kept = (self.lots - lots) / self.lots
        fills = tuple(replace(fill, lots=fill.lots * kept) for fill in self.fills)
        return replace(
            self, fills=fills, swap=self.swap * kept, rolled_over=self.rolled_over * kept
        )

    def split(self, ratio: Decimal) -> Position:
        """Return the position in new units, ``ratio`` of them for each old one."""
        fills = tuple(
            replace(
                fill,
                lots=fill.lots * ratio,
                dealt=fill.dealt / ratio,
                reopened=fill.reopened / ratio,
                margin_per_lot=None if fill.margin_per_lot is None else fill.margin_per_lot / ratio,
            )
            for fill in self.fills
        )
        return replace(self, fills=fills)

    def reopened(self, shift: Decimal) -> Position:
        """Return the position with open prices that much higher."""
        fills = tuple(replace(fill, reopened=fill.reopened + shift) for fill in self.fills)
        return replace(self, fills=fills)


def profit(position: Position, units: Decimal, close: Decimal) -> Decimal:
    """Return the profit of so many units at a closing price, in the quote currency."""
    move = close - position.open_price if position.side == "buy" else position.open_price - close
    return move * units


def to_account(
    amount: Decimal, instrument: Instrument, close: Decimal, terms: AccountTerms, market: Market
) -> Decimal | None:
    """Convert a profit in the quote currency to account currency, None without a rate."""
    if instrument.quote == terms.currency:
        return amount
    if terms.profit_conversion == "close_price" and instrument.base == terms.currency:
        return amount / close if close else None
    if terms.profit_conversion == "market":
        rate = market.rate_at_market(instrument.quote, terms.currency, gain=amount > ZERO)
    else:
        rate = market.rate(instrument.quote, terms.currency)
    return None if rate is None else amount * rate


def profit_path(instrument: Instrument, terms: AccountTerms, market: Market) -> set[str]:
    """Return the symbols that `to_account` reads beside the position's own."""
    at_close = terms.profit_conversion == "close_price" and instrument.base == terms.currency
    path = () if at_close else market.path(instrument.quote, terms.currency)
    return {leg.symbol for leg in path or ()}


@dataclass(frozen=True)
class Leverage:
    """What limits leverage beside accounts and instruments."""

    tiers: Tiers
    caps: Caps

    def most(self, instrument: Instrument, terms: AccountTerms) -> Decimal:
        """Return the most leverage of an account on an instrument."""
        cap = self.caps.get((terms.region, terms.category, instrument.symbol))
        return min([terms.leverage, *(one for one in (instrument.max_leverage, cap) if one)])


def is_bracketed(instrument: Instrument, terms: AccountTerms, leverage: Leverage) -> bool:
    """Say whether leverage depends on the lots of the whole leg."""
    known = (terms.leverage_profile, instrument.symbol) in leverage.tiers
    return known and instrument.calc_mode in LEVERAGED


def margin_per_lot(
    instrument: Instrument,
    open_price: Decimal,
    terms: AccountTerms,
    leverage: Leverage,
    market: Market,
) -> Decimal | None:
    """Return the margin of one lot opened now, in account currency, None without a rate.

    Before leverage where that depends on the leg.
    """
    price = abs(open_price)
    rate = _margin_rate(instrument, price, terms, market)
    if rate is None:
        return None
    waits_for_leg = is_bracketed(instrument, terms, leverage)
    divisor = ONE if waits_for_leg else leverage.most(instrument, terms)
    whole = _margin_in_margin_currency(instrument, price, divisor)
    return whole * instrument.margin_rate * rate


def margin_path(instrument: Instrument, terms: AccountTerms, market: Market) -> set[str]:
    """Return the symbols whose prices convert the margin of a new position."""
    currency = instrument.base if instrument.calc_mode in FOREX else instrument.margin_currency
    return {leg.symbol for leg in market.path(currency, terms.currency) or ()}


def _margin_in_margin_currency(
    instrument: Instrument, price: Decimal, leverage: Decimal
) -> Decimal:
    size = instrument.contract_size
    match instrument.calc_mode:
        case "forex":
            return size / leverage
        case "forex_no_leverage":
            return size
        case "cfd":
            return size * price
        case "cfd_leverage":
            return size * price / leverage
        case "cfd_index":
            return size * price * (instrument.tick_value or ZERO) / (instrument.tick_size or ZERO)
        case "futures":
            return instrument.initial_margin or ZERO
        case unknown:
            raise ValueError(f"{instrument.symbol} has the unknown calculation mode {unknown}")


def _margin_rate(
    instrument: Instrument, price: Decimal, terms: AccountTerms, market: Market
) -> Decimal | None:
    if instrument.calc_mode in FOREX:
        if terms.currency == instrument.base:
            return ONE
        if terms.currency == instrument.quote:
            return price
        return market.rate(instrument.base, terms.currency)
    currency = instrument.margin_currency
    if terms.currency == currency:
        return ONE
    if currency == instrument.quote and terms.currency == instrument.base:
        return ONE / price
    return market.rate(currency, terms.currency)


def hedged_margin(mode: str, hedged_ratio: Decimal, long: Margin, short: Margin) -> Decimal:
    """Return what both legs of one symbol cost together (semantics.md section 4)."""
    covered = min(long.lots, short.lots)
    uncovered = abs(long.lots - short.lots)
    larger = long if long.lots > short.lots else short
    both = long + short
    match mode:
        case "net_plus_hedged":
            return uncovered * larger.mean + covered * hedged_ratio * both.mean
        case "mt4_average":
            return (uncovered + covered * hedged_ratio) * both.mean
        case "larger_leg":
            return max(long.amount, short.amount)
        case "sum":
            return both.amount
        case "net":
            return uncovered * larger.mean
        case unknown:
            raise ValueError(f"{unknown} is no hedged margin mode")


def bracketed(lots: Decimal, brackets: list[Bracket], most: Decimal) -> Decimal:
    """Return the sum of the lots in each bracket, each divided by its leverage.

    The last bracket is unlimited; a leverage of ``most`` wins where it is lower.
    """
    total = lower = ZERO
    for bracket in brackets:
        upper = (
            lots if bracket is brackets[-1] or bracket.upper_lots is None else bracket.upper_lots
        )
        total += max(min(lots, upper) - lower, ZERO) / min(bracket.leverage, most)
        lower = upper
    return total


def margin_of_account(
    positions: Iterable[Position], terms: AccountTerms, leverage: Leverage
) -> Decimal:
    """Return the margin of all positions of one account, symbol by symbol."""
    legs: dict[Instrument, dict[str, Margin]] = {}
    for position in positions:
        sides = legs.setdefault(position.instrument, {"buy": NOTHING, "sell": NOTHING})
        sides[position.side] += position.margin
    return sum(
        (
            _margin_of_symbol(instrument, sides, terms, leverage)
            for instrument, sides in legs.items()
        ),
        ZERO,
    )


def _margin_of_symbol(
    instrument: Instrument, sides: dict[str, Margin], terms: AccountTerms, leverage: Leverage
) -> Decimal:
    long, short = sides["buy"], sides["sell"]
    if is_bracketed(instrument, terms, leverage):
        brackets = leverage.tiers[terms.leverage_profile, instrument.symbol]
        most = leverage.most(instrument, terms)
        long, short = (
            Margin(leg.lots, leg.mean * bracketed(leg.lots, brackets, most))
            for leg in (long, short)
        )
    return hedged_margin(terms.hedged_margin_mode, instrument.hedged_ratio, long, short)
