"""Rollover and corporate actions: what happens to every position of a symbol at once.

Each rule checks first and then applies all of it or nothing. Clients and providers are treated by
the same formulas; a split or a new name is everybody's.
Source: semantics.md sections 8 and 9; docs/book-directory.md (actions).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from exposure.client_book import BOOKS, ClientBook
from exposure.coverage import LpBook, LpPosition
from exposure.house import HouseCash
from exposure.limits import LimitBook
from exposure.model.events import (
    DividendPaid,
    PriceAdjusted,
    SplitApplied,
    SwapCharged,
    SymbolRenamed,
)
from exposure.model.ids import Symbol
from exposure.model.instruments import Instrument
from exposure.model.revenue import Component
from exposure.outcomes import NOTHING, Outcome, Touched
from exposure.refusals import Refusal, unknown_symbol
from exposure.revenue import Dimensions, Entry, Net, RevenueLedger, of_client, of_provider
from exposure.swaps import SwapMode, reopening_shift, swap_mode, swap_per_lot

Floats = NDArray[np.float64]
Slots = NDArray[np.int32]
PerUnit = DividendPaid | PriceAdjusted

_BAD: Final = "bad_action"
_USD: Final = "USD"


class Share(NamedTuple):
    """What one holder's part of an action is to the house, before it is converted."""

    currency: str
    amount: float
    of: Dimensions


class Actions:
    """The rules, over the books that they change. Values are left for the engine to compute."""

    def __init__(
        self,
        book: ClientBook,
        coverage: LpBook,
        house: HouseCash,
        revenue: RevenueLedger,
        limits: LimitBook,
    ) -> None:
        self._book = book
        self._coverage = coverage
        self._house = house
        self._revenue = revenue
        self._limits = limits

    # Swap -------------------------------------------------------------------------------------

    def charge_swap(self, event: SwapCharged, position: int) -> Outcome:
        """Let the holders of a symbol accrue swap, or shift their open prices."""
        symbol = self._book.symbol_of.get(event.symbol)
        if symbol is None:
            return unknown_symbol(event.symbol)
        instrument = self._book.instruments[symbol]
        mode = swap_mode(instrument)
        if mode is None:
            return Refusal(_BAD, f"swap mode '{instrument.swap_mode}' of {event.symbol} is unknown")
        long, short = _rates(event, instrument)
        if not all(map(math.isfinite, (event.nights, long, short))) or event.nights < 0.0:
            return Refusal(_BAD, "nights of a swap must be at least 0 and its rates finite numbers")
        if mode is SwapMode.DISABLED or event.nights == 0.0:
            return NOTHING
        if event.lp:
            return self._charge_provider(event, position, symbol, mode)
        return self._charge_clients(event, position, symbol, mode)

    def _charge_clients(
        self, event: SwapCharged, position: int, symbol: int, mode: SwapMode
    ) -> Outcome:
        instrument, p = self._book.instruments[symbol], self._book.positions
        slots = self._book.of_symbol.row(symbol).copy()
        sides, opened = p.side[slots], p.open_price[slots]
        rates = np.where(sides > 0.0, *_rates(event, instrument)) * event.nights
        if mode.reopens:
            p.open_price[slots] = opened + reopening_shift(instrument, rates, sides)
            return Touched(symbol=symbol)
        current = self._closing_prices(symbol, sides)
        per_lot = swap_per_lot(instrument, mode, rates, current, opened)
        amounts = per_lot.amount * p.lots[slots] * self._to_account(slots, per_lot.currency)
        if not np.isfinite(amounts).all():
            return Refusal("no_rate", f"no price or rate to book {instrument.symbol} in")
        p.swap[slots] += amounts
        p.swap_booked[slots] += amounts
        self._book_clients(event, position, slots, amounts, Component.SWAP_CLIENT)
        return Touched(symbol=symbol)

    def _charge_provider(
        self, event: SwapCharged, position: int, symbol: int, mode: SwapMode
    ) -> Outcome:
        instrument = self._book.instruments[symbol]
        held = self._coverage.held(event.lp, symbol)
        if held.lots == 0.0:
            return NOTHING
        side = np.array([math.copysign(1.0, held.lots)])
        rate = np.where(side > 0.0, *_rates(event, instrument)) * event.nights
        opened = np.array([held.price])
        if mode.reopens:
            price = held.price + float(reopening_shift(instrument, rate, side)[0])
            self._coverage.keep(event.lp, symbol, LpPosition(held.lots, price))
            return NOTHING
        current = self._closing_prices(symbol, side)
        per_lot = swap_per_lot(instrument, mode, rate, current, opened)
        amount = float(per_lot.amount[0]) * abs(held.lots)
        amount *= self._rate(per_lot.currency or _USD, _USD)
        return self._book_provider(event, position, instrument, amount, Component.SWAP_LP)

    # Dividends and adjustments ----------------------------------------------------------------

    def pay_per_unit(self, event: PerUnit, position: int) -> Outcome:
        """Pay longs and charge shorts an amount per unit, in the balance at once."""
        symbol = self._book.symbol_of.get(event.symbol)
        if symbol is None:
            return unknown_symbol(event.symbol)
        if not (math.isfinite(event.long_per_unit) and math.isfinite(event.short_per_unit)):
            return Refusal(_BAD, "amounts per unit must be finite numbers")
        instrument, p = self._book.instruments[symbol], self._book.positions
        dividend = isinstance(event, DividendPaid)
        if event.lp:
            held = self._coverage.held(event.lp, symbol)
            if held.lots == 0.0:
                return NOTHING
            per_unit = event.long_per_unit if held.lots > 0.0 else event.short_per_unit
            amount = held.lots * instrument.units_per_lot * per_unit
            amount *= self._rate(instrument.quote, _USD)
            component = Component.DIVIDEND_LP if dividend else Component.CORPORATE_ACTION
            return self._book_provider(event, position, instrument, amount, component)
        slots = self._book.of_symbol.row(symbol).copy()
        per_lot = np.where(p.side[slots] > 0.0, event.long_per_unit, -event.short_per_unit)
        amounts = per_lot * instrument.units_per_lot * p.lots[slots]
        amounts *= self._to_account(slots, instrument.quote)
        if not np.isfinite(amounts).all():
            return Refusal("no_rate", f"no price or rate to book {instrument.symbol} in")
        np.add.at(self._book.accounts.balance, p.account[slots], amounts)
        component = Component.DIVIDEND_CLIENT if dividend else Component.CORPORATE_ACTION
        self._book_clients(event, position, slots, amounts, component)
        for row, amount in zip(p.account[slots].tolist(), amounts.tolist(), strict=True):
            currency = self._book.terms[row].currency
            self._house.book_client_cash(amount, currency, self._rate(currency, _USD))
        return Touched(symbol=symbol)

    # Splits and names -------------------------------------------------------------------------

    def split(self, event: SplitApplied, _: int) -> Outcome:
        """Multiply lots and divide prices; nobody gains or loses."""
        symbol = self._book.symbol_of.get(event.symbol)
        if symbol is None:
            return unknown_symbol(event.symbol)
        ratio = event.ratio
        if not (math.isfinite(ratio) and ratio > 0.0):
            return Refusal(_BAD, f"a split's ratio must be a number above 0, was {ratio}")
        p, prices = self._book.positions, self._book.prices
        slots = self._book.of_symbol.row(symbol)
        for column in (p.lots, p.margined_lots):
            column[slots] *= ratio
        for column in (p.open_price, p.margin_per_lot, p.margin_before_leverage):
            column[slots] /= ratio
        prices.bid[symbol] /= ratio
        prices.ask[symbol] /= ratio
        for (lp, held_symbol), held in list(self._coverage.positions.items()):
            if held_symbol == symbol:
                after = LpPosition(held.lots * ratio, held.price / ratio)
                self._coverage.keep(lp, symbol, after)
        return Touched(symbol=symbol, margins=True)

    def rename(self, event: SymbolRenamed, _: int) -> Outcome:
        """Call a symbol otherwise; positions that are named after it follow."""
        book = self._book
        symbol = book.symbol_of.get(event.symbol)
        if symbol is None:
            return unknown_symbol(event.symbol)
        new = event.new_symbol.strip()
        if not new:
            return Refusal(_BAD, f"the new name of {event.symbol} is empty")
        if new in book.symbol_of:
            return Refusal(_BAD, f"{event.symbol} cannot be renamed: {new} is another symbol")
        book.names_version += 1
        del book.symbol_of[event.symbol]
        book.symbol_of[new] = symbol
        book.instruments[symbol] = msgspec.structs.replace(
            book.instruments[symbol], symbol=Symbol(new)
        )
        for slot in book.of_symbol.row(symbol).tolist():
            if book.position_ids[slot] == event.symbol:
                account = int(book.positions.account[slot])
                book.slot_of[account, new] = book.slot_of.pop((account, event.symbol))
                book.position_ids[slot] = new
        self._limits.rename(event.symbol, new)
        book.rates.redefine(book.instruments, book.prices)
        return Touched(everybody=True)

    # Money ------------------------------------------------------------------------------------

    def _book_clients(
        self, event: SwapCharged | PerUnit, position: int, slots: Slots, amounts: Floats,
        component: Component,
    ) -> None:  # fmt: skip
        """Book what clients got, one entry per login and book."""
        instrument = self._book.instruments[self._book.symbol_of[event.symbol]]
        p, terms = self._book.positions, self._book.terms
        keys = p.account[slots].astype(np.int64) * len(BOOKS) + p.book[slots]
        groups, group = np.unique(keys, return_inverse=True)
        sums = np.bincount(group, amounts, minlength=len(groups))
        shares = [
            Share(terms[row].currency, -amount, of_client(terms[row], BOOKS[code], instrument))
            for row, code, amount in zip(
                (groups // len(BOOKS)).tolist(),
                (groups % len(BOOKS)).tolist(),
                sums.tolist(),
                strict=True,
            )
        ]
        self._post(event, position, Net.CLIENT, component, shares)

    def _book_provider(
        self, event: SwapCharged | PerUnit, position: int, instrument: Instrument,
        amount_usd: float, component: Component,
    ) -> Outcome:  # fmt: skip
        if math.isnan(amount_usd):
            return Refusal("no_rate", f"no price or rate to book {event.symbol} at {event.lp}")
        self._house.book_lp_cash(event.lp, amount_usd)
        share = Share(_USD, amount_usd, of_provider(instrument))
        self._post(event, position, Net.LP, component, [share])
        return NOTHING

    def _post(
        self, event: SwapCharged | PerUnit, position: int, net: Net, component: Component,
        shares: list[Share],
    ) -> None:  # fmt: skip
        rates = {
            currency: self._rate(currency, _USD) for currency in {one.currency for one in shares}
        }
        for share in shares:
            entry = Entry(
                ts_event=event.ts_event, position=position, net=net, residual=component,
                currency=share.currency, amounts={component: share.amount}, of=share.of,
            )  # fmt: skip
            self._revenue.post(entry, rates.__getitem__)

    # Prices -----------------------------------------------------------------------------------

    def _closing_prices(self, symbol: int, sides: Floats) -> Floats:
        prices = self._book.prices
        if not prices.quoted[symbol]:
            return np.full(len(sides), np.nan)
        closing: Floats = np.where(sides > 0.0, prices.bid[symbol], prices.ask[symbol])
        return closing

    def _to_account(self, slots: Slots, source: str) -> Floats:
        """Return what one unit of a currency is in each position's account currency, at mid."""
        book = self._book
        known = [1.0 if not source else self._rate(source, target) for target in book.currency_of]
        codes = book.accounts.currency[book.positions.account[slots]]
        rates: Floats = np.array(known, np.float64)[codes]
        return rates

    def _rate(self, source: str, target: str) -> float:
        return self._book.rates.mid(self._book.prices, source, target)


def _rates(event: SwapCharged, instrument: Instrument) -> tuple[float, float]:
    long = instrument.swap_long if event.long_rate is None else event.long_rate
    short = instrument.swap_short if event.short_rate is None else event.short_rate
    return long, short
