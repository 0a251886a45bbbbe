"""A book held still, so that it can be valued at prices that nobody has quoted.

Columns are gathered once, account by account in the engine's own order, so that a valuation is a
few passes over flat arrays. The engine and its arrays are only read.
"""

from __future__ import annotations

import copy
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from exposure.client_book import ClientBook
from exposure.coverage import LpBook
from exposure.house import HouseCash
from exposure.rates import house_rates
from exposure.risk.shocks import Shock, Shocked, Targets, shocked_prices
from exposure.state import BY_CLOSE, BY_MARKET, BY_MID, PriceArrays

Floats = NDArray[np.float64]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]


class Holdings(NamedTuple):
    """Open client positions, account by account. Columns are those of PositionArrays.

    Shapes: (positions,).
    """

    slot: Int32s
    account: Int32s
    symbol: Int32s
    is_long: NDArray[np.bool_]
    signed_lots: Floats
    signed_units: Floats
    open_price: Floats
    swap: Floats
    conversion: NDArray[np.int8]
    pair: Int32s
    hedge_ratio: Floats


class ProviderHoldings(NamedTuple):
    """Net positions at providers; lots are signed. Shapes: (positions,)."""

    lp: list[str]
    symbol: Int64s
    lots: Floats
    price: Floats


class Valuation(NamedTuple):
    """What everything is worth at some prices.

    ``value`` is a position's floating profit in account currency, NaN without a price or rate;
    ``value_usd`` the same as the house counts it (quote currency at mid), 0 without. ``equity`` is
    per account in its currency, ``usd_rate`` what one unit of that is in USD, NaN without a rate.
    ``lp_usd`` is each provider position's floating profit in USD, 0 without a price.

    Shapes: value, value_usd (positions,), equity, usd_rate (accounts,), lp_usd (LP positions,).
    """

    prices: PriceArrays
    value: Floats
    value_usd: Floats
    equity: Floats
    usd_rate: Floats
    lp_usd: Floats


class TextColumns(Protocol):
    """Where columns of text are kept."""

    def columns(self) -> dict[str, pl.Series]:
        """Return login, client_id, currency and book of every account."""
        ...


class BookHolder(Protocol):
    """What has a book: an engine, or a copy of what one had (book_copy.py)."""

    @property
    def as_of(self) -> int:
        """The moment, ns UTC."""
        ...

    @property
    def book(self) -> ClientBook:
        """Accounts, positions, prices and rates."""
        ...

    @property
    def coverage(self) -> LpBook:
        """Positions at providers."""
        ...

    @property
    def house(self) -> HouseCash:
        """What was realised."""
        ...

    @property
    def names(self) -> TextColumns:
        """What accounts are called."""
        ...

    def value_restored(self) -> None:
        """Value what was restored since the last look."""
        ...


class StressBook:
    """Everything of an engine that a shock needs; good until the engine's next event."""

    def __init__(self, engine: BookHolder) -> None:
        engine.value_restored()
        self.engine = engine
        self.book = engine.book
        self.targets = Targets(engine.book)
        self.holdings = _holdings(engine)
        self.providers = _providers(engine)
        self.names = engine.names.columns()
        self.accounts = len(self.names["login"])
        rows, accounts = slice(0, self.accounts), engine.book.accounts
        credit = np.where(accounts.credit_counts[rows], accounts.credit[rows], 0.0)
        self.own = accounts.balance[rows] + credit
        self.margin = accounts.margin[rows].copy()
        self.margin_call_level = accounts.margin_call_level[rows].copy()
        self.stop_out_level = accounts.stop_out_level[rows].copy()
        self.currency = accounts.currency[rows].copy()
        self.net_lots = self.house_net_lots()
        self.now = self.valued(engine.book.prices)

    @property
    def symbols(self) -> int:
        """How many symbols there are."""
        return len(self.book.instruments)

    def house_net_lots(self, left_ratio: Floats | None = None) -> Floats:
        """Return what the house holds per symbol, clients' side and providers' together.

        Args:
            left_ratio: The share of each position that is still open, None for all of it.

        Shapes: left_ratio (positions,) -> (symbols,).
        """
        lots = self.holdings.signed_lots
        left = lots if left_ratio is None else lots * left_ratio
        return self.lp_net_lots - np.bincount(self.holdings.symbol, left, self.symbols)

    @property
    def lp_net_lots(self) -> Floats:
        """What is held at all providers, per symbol."""
        lots = np.zeros(self.symbols)
        np.add.at(lots, self.providers.symbol, self.providers.lots)
        return lots

    def shocked(self, shocks: tuple[Shock, ...] | list[Shock]) -> Shocked:
        """Return all prices after a shock; UnknownTargetError if the book lacks a name."""
        return shocked_prices(self.book, self.targets, shocks, self.net_lots)

    def narrowed(self, shocks: tuple[Shock, ...] | list[Shock]) -> StressBook:
        """Return the part of the book that shocks of these targets change, at whatever size.

        Accounts that they do not reach are gone, and positions that they do not reach count in
        their account's ``own``: the house gains and loses the same, only sooner said. It cannot be
        closed out, because closing needs whole accounts.
        """
        reached = self._reached(self.shocked(shocks).prices)
        rows, account = np.unique(self.holdings.account[reached], return_inverse=True)
        part = copy.copy(self)
        held = Holdings._make(column[reached] for column in self.holdings)
        part.holdings = held._replace(account=account.astype(np.int32))
        part.accounts = len(rows)
        for name in ("margin", "margin_call_level", "stop_out_level", "currency"):
            setattr(part, name, getattr(self, name)[rows])
        part.own = np.zeros(part.accounts)
        part.own = self.now.equity[rows] - part.valued(self.now.prices).equity
        part.now = part.valued(self.now.prices)
        return part

    def _reached(self, prices: PriceArrays) -> NDArray[np.int64]:
        """Return the positions whose price, conversion or worth in USD moves."""
        held, old, book = self.holdings, self.now.prices, self.book
        moved = (prices.bid != old.bid) | (prices.ask != old.ask)
        rates = [house_rates(book.rates, one, book.instruments) for one in (old, prices)]
        moved[: self.symbols] |= (rates[0] != rates[1]) & ~np.isnan(rates[1])
        names = book.rates.pair_names
        mids = [[book.rates.mid(one, *name) for name in names] for one in (old, prices)]
        pairs = np.array([*(a != b for a, b in zip(*mids, strict=True)), False])
        return np.flatnonzero(moved[held.symbol] | pairs[held.pair])

    def usd_per_lot(self, prices: PriceArrays) -> Floats:
        """Return what one lot of each symbol is worth at mid, NaN without a price or rate."""
        n = self.symbols
        mid = (prices.bid[:n] + prices.ask[:n]) / 2
        rate = house_rates(self.book.rates, prices, self.book.instruments)
        worth: Floats = np.where(prices.quoted[:n], prices.units_per_lot[:n] * mid * rate, np.nan)
        return worth

    def valued(self, prices: PriceArrays) -> Valuation:
        """Return what everything is worth at these prices."""
        held = self.holdings
        rate = house_rates(self.book.rates, prices, self.book.instruments)
        close = np.where(held.is_long, prices.bid[held.symbol], prices.ask[held.symbol])
        profit = (close - held.open_price) * held.signed_units
        profit[~prices.quoted[held.symbol]] = np.nan
        value = self._in_account_currency(profit, close, prices)
        floating = np.where(np.isnan(value), 0.0, value + held.swap)
        return Valuation(
            prices,
            value,
            np.nan_to_num(profit * rate[held.symbol], nan=0.0),
            self.own + np.bincount(held.account, floating, self.accounts),
            self._usd_rates(prices),
            self._lp_usd(prices, rate),
        )

    def gain_of_a_percent(self, valued: Valuation) -> Floats:
        """Return what each position gains if its price rises by a percent and no rate moves.

        In account currency, converted as a loss would be; 0 without a price or rate.

        Shapes: (positions,).
        """
        held, prices = self.holdings, valued.prices
        close = np.where(held.is_long, prices.bid[held.symbol], prices.ask[held.symbol])
        gain = np.abs(close) * held.signed_units / 100.0
        loss = self._in_account_currency(-np.abs(gain), close, prices)
        loss[~prices.quoted[held.symbol]] = 0.0
        gains: Floats = np.sign(gain) * np.nan_to_num(np.abs(loss), nan=0.0)
        return gains

    def _in_account_currency(self, profit: Floats, close: Floats, prices: PriceArrays) -> Floats:
        conversion, pair = self.holdings.conversion, self.holdings.pair
        rates, names = self.book.rates, self.book.rates.pair_names
        value = profit.copy()
        at = np.flatnonzero(conversion == BY_CLOSE)
        value[at] = profit[at] / np.where(close[at] == 0.0, np.nan, close[at])
        at = np.flatnonzero(conversion == BY_MID)
        if len(at):
            mids = np.array([rates.mid(prices, *name) for name in names])
            value[at] = profit[at] * mids[pair[at]]
        at = np.flatnonzero(conversion == BY_MARKET)
        if len(at):
            gains = np.array([rates.market(prices, *name, is_profit=True) for name in names])
            losses = np.array([rates.market(prices, *name, is_profit=False) for name in names])
            chosen = np.where(profit[at] > 0.0, gains[pair[at]], losses[pair[at]])
            value[at] = profit[at] * chosen
        return value

    def _usd_rates(self, prices: PriceArrays) -> Floats:
        currencies = self.book.currency_of
        known = [self.book.rates.mid(prices, currency, "USD") for currency in currencies]
        rates: Floats = np.array(known, np.float64)[self.currency]
        return rates

    def _lp_usd(self, prices: PriceArrays, rate: Floats) -> Floats:
        held = self.providers
        close = np.where(held.lots > 0.0, prices.bid[held.symbol], prices.ask[held.symbol])
        profit = (close - held.price) * held.lots * prices.units_per_lot[held.symbol]
        usd = np.where(prices.quoted[held.symbol], profit * rate[held.symbol], np.nan)
        known: Floats = np.nan_to_num(usd, nan=0.0)
        return known


def _holdings(engine: BookHolder) -> Holdings:
    book = engine.book
    rows = book.of_account.export()
    slots = rows["items"]
    p = book.positions
    symbol, side, lots = p.symbol[slots], p.side[slots], p.lots[slots]
    return Holdings(
        slots,
        np.repeat(np.arange(len(rows["length"]), dtype=np.int32), rows["length"]),
        symbol,
        side > 0.0,
        side * lots,
        side * lots * book.prices.units_per_lot[symbol],
        p.open_price[slots],
        p.swap[slots],
        p.conversion[slots],
        p.pair[slots],
        p.hedge_ratio[slots],
    )


def _providers(engine: BookHolder) -> ProviderHoldings:
    held = sorted(engine.coverage.positions.items())
    return ProviderHoldings(
        [lp for (lp, _), _ in held],
        np.array([symbol for (_, symbol), _ in held], np.int64),
        np.array([position.lots for _, position in held], np.float64),
        np.array([position.price for _, position in held], np.float64),
    )
