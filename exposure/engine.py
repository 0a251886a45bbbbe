"""The exposure engine: events in, crossings and breaks out, snapshots at any moment.

One writer, no clock: what it knows is a function of the events it was given, so a journal replays
to the same bytes. Rules live in their own modules; this one brings them together per event.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from exposure import kernels, reading, refusals
from exposure.assignments import BookAssignments
from exposure.client_book import ClientBook, Fillable
from exposure.coverage import LpBook, netted
from exposure.crossings import CrossingBuffer, new_buffer
from exposure.errors import DomainError, GapError
from exposure.findings import Findings
from exposure.house import HouseCash
from exposure.model.accounts import Account, BalanceKind
from exposure.model.books import Book
from exposure.model.deals import Entry, Side
from exposure.model.events import (
    AccountChanged,
    BalanceChanged,
    BookAssigned,
    ClockTicked,
    DealExecuted,
    EventBatch,
    HedgeExecuted,
    InputEvent,
    InputRefused,
    InstrumentDefined,
    LpPositionRestored,
    OutputEvent,
    PositionRestored,
    QuoteReceived,
)
from exposure.model.quotes import QuoteColumns
from exposure.names import AccountNames
from exposure.netting import Fill, net
from exposure.quote_runs import columns_of, quote_run
from exposure.refusals import Refusal, malformed
from exposure.settings import EngineSettings
from exposure.snapshot import Snapshot
from exposure.valuation import realised_profit

COUNTERS: Final = (
    "instruments", "accounts", "positions", "lp_positions", "quotes", "deals", "balances",
    "hedges", "books", "duplicates", "out_of_order", "quarantined",
)  # fmt: skip
PROFIT_TOLERANCE: Final = 0.01

_BALANCE_KINDS: Final = frozenset(BalanceKind)
_BOOK_NAMES: Final = frozenset(Book)


class ExposureEngine:
    """What the house holds and how close every account is to the edge, at every instant."""

    def __init__(self, settings: EngineSettings | None = None) -> None:
        self.settings = settings or EngineSettings()
        self.position = 0
        self.as_of = 0
        self.counters = dict.fromkeys(COUNTERS, 0)
        self.book = ClientBook(self.settings.pivots)
        self.assignments = BookAssignments()
        self.names = AccountNames(self.book, self.assignments)
        self.coverage = LpBook()
        self.house = HouseCash()
        self.deal_ids: dict[str, None] = {}
        self.hedge_ids: dict[tuple[str, str], None] = {}
        self.findings = Findings(self.settings.kept_events)
        self._unvalued: dict[int, None] = {}
        self._scratch: NDArray[np.int32] = np.zeros(0, np.int32)
        self._found: CrossingBuffer = new_buffer(0)
        self._rules: dict[type, Callable[..., Refusal | None]] = {
            InstrumentDefined: self._define_instrument,
            AccountChanged: self._change_account,
            PositionRestored: self._restore_position,
            LpPositionRestored: self._restore_lp_position,
            DealExecuted: self._deal,
            BalanceChanged: self._balance,
            HedgeExecuted: self._hedge,
            BookAssigned: self._assign_book,
            ClockTicked: self._tick_clock,
            InputRefused: self._input_refused,
        }

    def apply(self, batch: EventBatch) -> list[OutputEvent]:
        """Apply a batch and return what it caused, in order.

        Events at or before ``position`` were applied already and are passed over.

        Raises:
            GapError: Events between ``position`` and the batch are missing.
        """
        events = batch.events
        first = batch.position - len(events) + 1
        if first > self.position + 1:
            raise GapError(self.position + 1, first)
        out: list[OutputEvent] = []
        k = self.position + 1 - first
        while k < len(events):
            if type(events[k]) is QuoteReceived:
                run = quote_run(events, k)
                names = [quote.symbol for quote in run]
                out += self.apply_quotes(
                    columns_of(run, self.book.symbol_of), first + k, names.__getitem__
                )
                k += len(run)
            else:
                out += self._apply_one(events[k], first + k)
                k += 1
        return out

    def apply_quotes(
        self,
        quotes: QuoteColumns,
        first_position: int,
        name_of: Callable[[int], str] = lambda _: "",
    ) -> list[OutputEvent]:
        """Apply a run of quotes; the same as one event after another, only faster.

        Args:
            quotes: Columns whose ``symbol`` is ``symbol_index`` of this engine.
            first_position: Position of the first quote in its source.
            name_of: The symbol's text of a quote in the run, asked for unknown ones only.
        """
        if first_position != self.position + 1:
            raise GapError(self.position + 1, first_position)
        count = len(quotes.symbol)
        if count == 0:
            return []
        self.value_restored()
        verdicts = np.zeros(count, np.int8)
        begin = 0
        while begin < count:
            begin, found, why = kernels.apply_quotes(
                quotes, begin, first_position, self.book.arrays(), self._scratch, self._found,
                verdicts,
            )  # fmt: skip
            self._report(found, lambda event: int(quotes.ts_event[event - first_position]))
            if why == kernels.FIRST_QUOTE:
                last = begin - 1
                ts_event = int(quotes.ts_event[last])
                self._first_quote(int(quotes.symbol[last]), first_position + last, ts_event)
        self._judge(quotes, verdicts, first_position, name_of)
        self.counters["quotes"] += count
        self.position += count
        self.as_of = max(self.as_of, int(quotes.ts_event.max()))
        return self.findings.take()

    def snapshot(self) -> Snapshot:
        """Return everything at this instant (semantics.md sections 7 and 9)."""
        self.value_restored()
        return reading.snapshot(self)

    def account(self, login: str) -> reading.AccountFigures:
        """Return one account's figures; DomainError if the login is unknown."""
        self.value_restored()
        return reading.account_figures(self.book, self._row_of(login))

    def positions_of_account(self, login: str) -> pl.DataFrame:
        """Return a login's open positions (POSITION_COLUMNS); DomainError if unknown."""
        self.value_restored()
        return reading.positions_frame(self.book, self.book.of_account.row(self._row_of(login)))

    def positions_of_symbol(self, symbol: str, limit: int) -> pl.DataFrame:
        """Return a symbol's largest positions (POSITION_COLUMNS); DomainError if unknown."""
        index = self.symbol_index(symbol)
        if index < 0:
            raise DomainError(f"symbol {symbol} is not known here: check its spelling")
        self.value_restored()
        slots = self.book.of_symbol.row(index)
        by_size = np.lexsort((slots, -self.book.positions.lots[slots]))
        return reading.positions_frame(self.book, slots[by_size[:limit]])

    def symbol_index(self, symbol: str) -> int:
        """Return the index quotes use for a symbol, -1 if it is unknown."""
        return self.book.symbol_of.get(symbol, -1)

    # One event --------------------------------------------------------------------------------

    def _apply_one(self, event: InputEvent, position: int) -> list[OutputEvent]:
        refusal = self._rules[type(event)](event, position)
        if refusal is not None:
            self.counters["quarantined"] += 1
            self.findings.add_break(event, position, refusal)
        self.position = position
        self.as_of = max(self.as_of, event.ts_event)
        return self.findings.take()

    def _define_instrument(self, event: InstrumentDefined, _: int) -> Refusal | None:
        self.counters["instruments"] += 1
        instrument = event.instrument
        problem = instrument.problem()
        if problem is not None:
            return Refusal("bad_instrument", problem)
        if instrument.symbol not in self.book.symbol_of:
            self.book.add_symbol(instrument)
        return None

    def _change_account(self, event: AccountChanged, position: int) -> Refusal | None:
        self.counters["accounts"] += 1
        account = event.account
        problem = account.problem()
        if problem is not None:
            return Refusal("bad_account", problem)
        row = self.book.account_of.get(account.login)
        if row is None:
            self._add_account(account)
            return None
        self.value_restored()
        self.book.change_account(row, account)
        self._value([row])
        self._settle(row, event.ts_event, position)
        return None

    def _restore_position(self, event: PositionRestored, _: int) -> Refusal | None:
        self.counters["positions"] += 1
        refusal = self._unknown(event.login, event.symbol) or refusals.bad_position(event)
        if refusal is not None:
            return refusal
        account = self.book.account_of[event.login]
        if (account, event.position_id) in self.book.slot_of:
            return Refusal("bad_position", f"position {event.position_id} is listed twice")
        symbol = self.book.symbol_of[event.symbol]
        assigned = self.assignments.of_deal(account, symbol)
        given = event.margin_per_lot
        margin = self.book.margin_of_fill(account, symbol, event.open_price)
        ratio = event.hedge_ratio
        fill = Fillable(
            event.lots,
            event.open_price,
            margin if given is None else given,
            assigned.hedge_ratio if ratio is None else ratio,
            assigned.book,
        )
        slot = self.book.open(account, event.position_id, symbol, Side(event.side), fill)
        self.book.positions.swap[slot] = event.swap
        self._unvalued[account] = None
        return None

    def _restore_lp_position(self, event: LpPositionRestored, _: int) -> Refusal | None:
        self.counters["lp_positions"] += 1
        symbol = self.symbol_index(event.symbol)
        if symbol < 0:
            return refusals.unknown_symbol(event.symbol)
        problem = refusals.bad_trade(event.side, event.lots, event.price)
        if problem is not None:
            return Refusal("bad_lp_position", problem)
        held = self.coverage.held(event.lp, symbol)
        after = netted(held, Side(event.side), event.lots, event.price)
        self.coverage.keep(event.lp, symbol, after.position)
        return None

    def _deal(self, deal: DealExecuted, position: int) -> Refusal | None:
        self.counters["deals"] += 1
        problem = malformed(deal)
        if problem is not None:
            return Refusal("bad_deal", problem)
        deal_key = f"{deal.server}/{deal.deal_id}" if deal.server else deal.deal_id
        if deal_key in self.deal_ids:
            self.counters["duplicates"] += 1
            return None
        refusal = self._unknown(deal.login, deal.symbol)
        if refusal is not None:
            return refusal
        account = self.book.account_of[deal.login]
        fill = net(deal, self.book.held(account, deal.position_id))
        if isinstance(fill, Refusal):
            return fill
        profit = realised_profit(self.book, deal, account, fill)
        if math.isnan(profit):
            return Refusal("no_rate", f"no rate to book the profit of {deal.symbol} in")
        self.value_restored()
        self.deal_ids[deal_key] = None
        self._book_cash(deal, position, account, profit)
        self._book_fill(deal, account, fill)
        self._settle(account, deal.ts_event, position)
        return None

    def _balance(self, event: BalanceChanged, position: int) -> Refusal | None:
        self.counters["balances"] += 1
        if event.kind not in _BALANCE_KINDS:
            return Refusal("bad_balance", f"kind '{event.kind}' is not a balance operation")
        if not math.isfinite(event.amount):
            return Refusal("bad_balance", f"amount must be a finite number, was {event.amount}")
        account = self.book.account_of.get(event.login)
        if account is None:
            return refusals.unknown_login(event.login)
        self.value_restored()
        accounts = self.book.accounts
        changes_credit = BalanceKind(event.kind).changes_credit
        (accounts.credit if changes_credit else accounts.balance)[account] += event.amount
        self._settle(account, event.ts_event, position)
        return None

    def _hedge(self, event: HedgeExecuted, _: int) -> Refusal | None:
        self.counters["hedges"] += 1
        problem = refusals.bad_trade(
            event.side, event.lots, event.price, event.commission, event.swap
        )
        if problem is not None:
            return Refusal("bad_deal", problem)
        key = (event.lp, event.deal_id)
        if key in self.hedge_ids:
            self.counters["duplicates"] += 1
            return None
        symbol = self.symbol_index(event.symbol)
        if symbol < 0:
            return refusals.unknown_symbol(event.symbol)
        held = self.coverage.held(event.lp, symbol)
        after = netted(held, Side(event.side), event.lots, event.price)
        instrument = self.book.instruments[symbol]
        rate = self._rate(instrument.quote, "USD") if after.closed_lots > 0.0 else 0.0
        if math.isnan(rate):
            return Refusal("no_rate", f"no rate {instrument.quote} to USD for the closed lots")
        self.hedge_ids[key] = None
        self.coverage.keep(event.lp, symbol, after.position)
        self.house.lp_realised_usd += after.realised_lots * instrument.units_per_lot * rate
        self.house.lp_cash_usd += event.commission + event.swap
        return None

    def _assign_book(self, event: BookAssigned, _: int) -> Refusal | None:
        self.counters["books"] += 1
        account = self.book.account_of.get(event.login)
        if account is None:
            return refusals.unknown_login(event.login)
        ratio = event.hedge_ratio
        if event.book not in _BOOK_NAMES:
            return Refusal("bad_book", f"book must be A, B or C, was '{event.book}'")
        if ratio is not None and not 0.0 <= ratio <= 1.0:
            return Refusal("bad_book", f"hedge_ratio must be between 0 and 1, was {ratio}")
        if not event.symbol:
            self.assignments.assign(account, Book(event.book), ratio)
            return None
        symbol = self.symbol_index(event.symbol)
        if symbol < 0:
            return refusals.unknown_symbol(event.symbol)
        self.assignments.assign_symbol(account, symbol, Book(event.book), ratio)
        return None

    def _tick_clock(self, _event: ClockTicked, _: int) -> None:
        return None

    def _input_refused(self, event: InputRefused, _: int) -> Refusal:
        if event.source in self.counters:
            self.counters[event.source] += 1
        return Refusal(event.kind, event.reason)

    # Deals ------------------------------------------------------------------------------------

    def _book_cash(self, deal: DealExecuted, position: int, account: int, profit: float) -> None:
        reported = None if deal.entry == Entry.IN else deal.profit
        if reported is not None and abs(reported - profit) > PROFIT_TOLERANCE:
            reason = f"the platform booked {reported:.2f}, we compute {profit:.2f}"
            self.findings.add_break(deal, position, Refusal("profit_mismatch", reason))
        booked = profit if reported is None else reported
        cash = booked + deal.commission + deal.swap
        self.book.accounts.balance[account] += cash
        currency = self.book.terms[account].currency
        self.house.book_client_cash(cash, currency, self._rate(currency, "USD"))

    def _book_fill(self, deal: DealExecuted, account: int, fill: Fill) -> None:
        key = (account, deal.position_id)
        if fill.closing_lots > 0.0:
            self.book.reduce(self.book.slot_of[key], fill.closing_lots)
        if fill.opening_lots > 0.0:
            symbol = self.book.symbol_of[deal.symbol]
            assigned = self.assignments.of_deal(account, symbol)
            margin = self.book.margin_of_fill(account, symbol, deal.price)
            opened = Fillable(
                fill.opening_lots, deal.price, margin, assigned.hedge_ratio, assigned.book
            )
            slot = self.book.slot_of.get(key)
            if slot is None:
                self.book.open(account, deal.position_id, symbol, Side(deal.side), opened)
            else:
                self.book.add(slot, opened)

    # Values and outputs -----------------------------------------------------------------------

    def _first_quote(self, symbol: int, event: int, ts_event: int) -> None:
        """Do what was waiting for a price: conversion paths, margins, cash."""
        prices = self.book.prices
        self.book.rates.resolve(prices)
        changed = self.book.fix_margins()
        self.house.convert_waiting(lambda currency: self._rate(currency, "USD"))
        self.book.accounts.touched[changed] = event
        self._scratch[: len(changed)] = changed
        found = kernels.touch_symbol(
            symbol, event, self.book.arrays(), self._scratch, len(changed), self._found, 0
        )
        self._report(found, lambda _: ts_event)

    def _settle(self, account: int, ts_event: int, position: int) -> None:
        book = self.book
        found = kernels.settle_deal(
            account, position, book.arrays(), book.legs, book.seen, self._found
        )
        self._report(found, lambda _: ts_event)

    def _value(self, accounts: Sequence[int]) -> None:
        rows = np.array(accounts, np.int32)
        kernels.value_accounts(rows, self.book.arrays(), self.book.legs, self.book.seen)

    def value_restored(self) -> None:
        """Value the accounts whose positions were restored since the last look."""
        if self._unvalued:
            self._value(list(self._unvalued))
            self._unvalued.clear()

    def _report(self, found: int, ts_of: Callable[[int], int]) -> None:
        self.findings.add_crossings(self._found, found, self.book.terms, ts_of)

    def _judge(
        self,
        quotes: QuoteColumns,
        verdicts: NDArray[np.int8],
        first_position: int,
        name_of: Callable[[int], str],
    ) -> None:
        for i in np.flatnonzero(verdicts).tolist():
            if verdicts[i] == kernels.OUT_OF_ORDER:
                self.counters["out_of_order"] += 1
                continue
            symbol, bid, ask = int(quotes.symbol[i]), float(quotes.bid[i]), float(quotes.ask[i])
            name = name_of(i) if symbol < 0 else self.book.instruments[symbol].symbol
            refusal = refusals.unknown_symbol(name) if symbol < 0 else refusals.bad_quote(bid, ask)
            self.counters["quarantined"] += 1
            quote = QuoteReceived(int(quotes.ts_event[i]), name, bid, ask)
            self.findings.add_break(quote, first_position + i, refusal)

    # Names ------------------------------------------------------------------------------------

    def _add_account(self, account: Account) -> None:
        self.book.add_account(account)
        self.assignments.add(account.book, account.hedge_ratio)
        self.size_buffers()

    def size_buffers(self) -> None:
        """Give the kernels room for all accounts."""
        rows = len(self.book.accounts.balance)
        if rows != len(self._scratch):
            self._scratch = np.zeros(rows, np.int32)
            self._found = new_buffer(rows)

    def _rate(self, source: str, target: str) -> float:
        return self.book.rates.mid(self.book.prices, source, target)

    def _row_of(self, login: str) -> int:
        row = self.book.account_of.get(login)
        if row is None:
            raise DomainError(f"login {login} is not known here: check its spelling")
        return row

    def _unknown(self, login: str, symbol: str) -> Refusal | None:
        if login not in self.book.account_of:
            return refusals.unknown_login(login)
        return None if symbol in self.book.symbol_of else refusals.unknown_symbol(symbol)


def _name(event: InputEvent) -> str:
    return event.symbol if isinstance(event, QuoteReceived) else ""
