"""The exposure engine: events in, crossings and breaks out, snapshots at any moment.

One writer, no clock: what it knows is a function of the events it was given, so a journal replays
to the same bytes. Rules live in their own modules; this one brings them together per event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from exposure import kernels, reading, refusals
from exposure.account_books import AccountBooks, account_books
from exposure.account_terms import AccountTerms, account_terms
from exposure.actions import Actions
from exposure.assignments import BookAssignments
from exposure.client_book import ClientBook
from exposure.coverage import LpBook
from exposure.crossings import CrossingBuffer, new_buffer
from exposure.errors import DomainError, GapError
from exposure.findings import Findings
from exposure.house import HouseCash
from exposure.limits import LimitBook
from exposure.model.events import (
    NO_TIME,
    AccountChanged,
    BalanceChanged,
    BookAssigned,
    ClockTicked,
    DealExecuted,
    DividendPaid,
    EventBatch,
    HedgeAnswered,
    HedgeExecuted,
    InputEvent,
    InputRefused,
    InstrumentDefined,
    LeverageCapDefined,
    LeverageTierDefined,
    LimitSet,
    LpPositionRestored,
    OutputEvent,
    PositionRestored,
    PriceAdjusted,
    QuoteReceived,
    SplitApplied,
    SwapCharged,
    SymbolRenamed,
    has_time,
)
from exposure.model.quotes import QuoteColumns
from exposure.names import AccountNames
from exposure.outcomes import NO_SYMBOL, NOTHING, Outcome, Touched
from exposure.quote_runs import columns_of, quote_run
from exposure.refusals import Refusal
from exposure.revenue import RevenueLedger
from exposure.risk.book_risk import BookRisk
from exposure.risk.factors import FactorSampler
from exposure.settings import EngineSettings
from exposure.snapshot import Snapshot
from exposure.terms import Terms
from exposure.trades import Trades

COUNTERS: Final = (
    "instruments", "accounts", "positions", "lp_positions", "leverage_tiers", "leverage_caps",
    "limits", "quotes", "deals", "balances", "hedges", "books", "actions", "duplicates",
    "out_of_order", "quarantined",
)  # fmt: skip

_NS_PER_MS: Final = 1_000_000

Rule = Callable[..., Outcome]


class ExposureEngine:
    """What the house holds and how close every account is to the edge, at every instant."""

    def __init__(self, settings: EngineSettings | None = None) -> None:
        self.settings = settings or EngineSettings()
        self.position = 0
        self.as_of = 0
        self.counters = dict.fromkeys(COUNTERS, 0)
        self.book = ClientBook(
            self.settings.pivots,
            self.settings.leverage_caps,
            lazy_ticks=self.settings.lazy_ticks,
        )
        self.assignments = BookAssignments()
        self.names = AccountNames(self.book, self.assignments)
        self.coverage = LpBook()
        self.house = HouseCash()
        self.revenue = RevenueLedger()
        self.findings = Findings(self.settings.kept_events)
        self.terms = Terms(self.book, self.assignments, self.coverage)
        self.trades = Trades(
            self.book, self.assignments, self.coverage, self.house, self.revenue, self.findings
        )
        self.limits = LimitBook(self.settings.limits, self.settings.soft_limit_share)
        self.judged_at = 0
        self._fresh_at = 0
        self.factors = FactorSampler()
        self.risk = BookRisk(self.factors)
        self._scratch: NDArray[np.int32] = np.zeros(0, np.int32)
        self._found: CrossingBuffer = new_buffer(0)
        self._rules = self._rules_by_event()

    def _rules_by_event(self) -> dict[type, tuple[str, Rule]]:
        """Return what counts an event and what it does."""
        terms, trades = self.terms, self.trades
        actions = Actions(self.book, self.coverage, self.house, self.revenue, self.limits)
        return {
            # quotes come in runs: alone comes only one that fits into no column
            QuoteReceived: ("quotes", refusals.bad_time),
            InstrumentDefined: ("instruments", terms.define_instrument),
            AccountChanged: ("accounts", terms.change_account),
            PositionRestored: ("positions", terms.restore_position),
            LpPositionRestored: ("lp_positions", terms.restore_lp_position),
            LeverageTierDefined: ("leverage_tiers", terms.define_tier),
            LeverageCapDefined: ("leverage_caps", terms.define_cap),
            BookAssigned: ("books", terms.assign_book),
            DealExecuted: ("deals", trades.deal),
            BalanceChanged: ("balances", trades.balance),
            HedgeExecuted: ("hedges", trades.hedge),
            HedgeAnswered: ("", _nothing),  # what was filled came as deals
            SwapCharged: ("actions", actions.charge_swap),
            DividendPaid: ("actions", self._jumping(actions.pay_per_unit)),
            PriceAdjusted: ("actions", self._jumping(actions.pay_per_unit)),
            SplitApplied: ("actions", self._jumping(actions.split)),
            SymbolRenamed: ("actions", actions.rename),
            LimitSet: ("limits", self._set_limit),
            ClockTicked: ("", self._tick_clock),
            InputRefused: ("", self._input_refused),
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
            run = quote_run(events, k)
            if run:
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
        self.size_buffers()
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
        self._judge_quotes(quotes, verdicts, first_position, name_of)
        self.counters["quotes"] += count
        self.position += count
        self.as_of = max(self.as_of, int(quotes.ts_event.max()))
        return self._take()

    def snapshot(self) -> Snapshot:
        """Return everything at this instant (semantics.md sections 7 and 9)."""
        self.refresh()
        return reading.snapshot(self)

    def account(self, login: str) -> reading.AccountFigures:
        """Return one account's figures; DomainError if the login is unknown."""
        row = self._row_of(login)
        self.refresh_account(row)
        return reading.account_figures(self.book, row)

    def books_of(self, logins: Sequence[str], clients: Sequence[str]) -> list[AccountBooks]:
        """Return where new deals of accounts go, of those that are known, in order of login."""
        return account_books(self.book, self.assignments, logins, clients)

    def terms_of_account(self, login: str) -> AccountTerms:
        """Return what applies to a login now; DomainError if it is unknown."""
        return account_terms(self.book, self._row_of(login))

    def positions_of_account(self, login: str) -> pl.DataFrame:
        """Return a login's open positions (POSITION_COLUMNS); DomainError if unknown."""
        row = self._row_of(login)
        self.refresh_account(row)
        return reading.positions_frame(self.book, self.book.of_account.row(row))

    def positions_of_symbol(self, symbol: str, limit: int) -> pl.DataFrame:
        """Return a symbol's largest positions (POSITION_COLUMNS); DomainError if unknown."""
        index = self.symbol_index(symbol)
        if index < 0:
            raise DomainError(f"symbol {symbol} is not known here: check its spelling")
        self.refresh()
        slots = self.book.of_symbol.row(index)
        by_size = np.lexsort((slots, -self.book.positions.lots[slots]))
        return reading.positions_frame(self.book, slots[by_size[:limit]])

    def symbol_index(self, symbol: str) -> int:
        """Return the index quotes use for a symbol, -1 if it is unknown."""
        return self.book.symbol_of.get(symbol, -1)

    # One event --------------------------------------------------------------------------------

    def _apply_one(self, event: InputEvent, position: int) -> list[OutputEvent]:
        counter, rule = self._rules[type(event)]
        if counter:
            self.counters[counter] += 1
        if has_time(event):
            outcome = rule(event, position)
        else:
            outcome = refusals.bad_time(event)
            event = msgspec.structs.replace(event, ts_event=NO_TIME)
        if isinstance(outcome, Refusal):
            self.counters["quarantined"] += 1
            self.findings.add_break(event, position, outcome)
        elif outcome is not NOTHING:
            self._look_at(outcome, event.ts_event, position)
        self.position = position
        self.as_of = max(self.as_of, event.ts_event)
        return self._take()

    def _set_limit(self, event: LimitSet, _: int) -> Outcome:
        problem = self.limits.problem(event)
        if problem is not None:
            return Refusal("bad_limit", problem)
        self.limits.set(event)
        return NOTHING

    def _jumping(self, rule: Rule) -> Rule:
        """Return a rule after which a symbol's price is another, without that being a move."""

        def apply(event: DividendPaid | PriceAdjusted | SplitApplied, position: int) -> Outcome:
            outcome = rule(event, position)
            if not isinstance(outcome, Refusal):
                self.factors.interrupt(self.book, event.symbol, event.ts_event)
            return outcome

        return apply

    def _tick_clock(self, event: ClockTicked, position: int) -> Outcome:
        self.factors.pass_time(self.book, event.ts_event)
        # Limits are judged at ticks of the source's clock only, so that a journal replays the same
        # breaches however its quotes are batched.
        if event.ts_event - self.judged_at >= self.settings.limit_interval_ms * _NS_PER_MS:
            self.judged_at = event.ts_event
            limits, values = reading.limit_values(self)
            breaches = self.limits.judge(limits, values, event.ts_event, position)
            self.findings.add_breaches(breaches)
        return NOTHING

    def _input_refused(self, event: InputRefused, _: int) -> Outcome:
        if event.source in self.counters:
            self.counters[event.source] += 1
        return Refusal(event.kind, event.reason)

    # Values and outputs -----------------------------------------------------------------------

    def _first_quote(self, symbol: int, event: int, ts_event: int) -> None:
        """Do what was waiting for a price: conversion paths, margins, cash."""
        prices = self.book.prices
        self.book.rates.resolve(prices)
        changed = self.book.fix_margins()
        self.house.convert_waiting(self.trades.rate_usd)
        self.revenue.convert_waiting(self.trades.rate_usd)
        self.book.accounts.touched[changed] = event
        self._scratch[: len(changed)] = changed
        found = kernels.settle_symbol(
            symbol, event, self.book.arrays(), self._scratch, len(changed), self._found
        )
        self._report(found, lambda _: ts_event)

    def _look_at(self, touched: Touched, ts_event: int, position: int) -> None:
        """Value what an event changed and report the thresholds that were reached."""
        self.size_buffers()
        self.value_restored()
        for account in touched.accounts:
            self._settle(account, ts_event, position)
        if touched.everybody:
            everybody = self._everybody()
            self._value(everybody)
            found = kernels.settle(everybody, position, self.book.arrays(), self._found, 0)
            self._report(found, lambda _: ts_event)
        elif touched.symbol != NO_SYMBOL:
            self._settle_holders(touched, ts_event, position)

    def _settle(self, account: int, ts_event: int, position: int) -> None:
        book = self.book
        found = kernels.settle_deal(
            account, position, book.arrays(), book.legs, book.seen, self._scratch, self._found
        )
        self._report(found, lambda _: ts_event)

    def _settle_holders(self, touched: Touched, ts_event: int, position: int) -> None:
        book, arrays = self.book, self.book.arrays()
        if touched.margins:
            rows = np.unique(book.positions.account[book.of_symbol.row(touched.symbol)])
            kernels.refresh_margins(rows, arrays, book.legs, book.seen)
        found = kernels.settle_symbol(
            touched.symbol, position, arrays, self._scratch, 0, self._found
        )
        self._report(found, lambda _: ts_event)

    def _value(self, rows: NDArray[np.int32]) -> None:
        kernels.value_accounts(rows, self.book.arrays(), self.book.legs, self.book.seen)

    def value_restored(self) -> None:
        """Value the accounts whose positions were restored since the last look."""
        if self.terms.unvalued:
            self._value(np.array(list(self.terms.unvalued), np.int32))
            self.terms.unvalued.clear()

    def refresh(self) -> None:
        """Make every value that is kept that of this moment's prices: lazy ticks leave them."""
        self.value_restored()
        if not self.book.triggers.is_current and self._fresh_at != self.position:
            kernels.refresh_everybody(
                self.book.arrays(), len(self.book.terms), len(self.book.position_ids)
            )
            self._fresh_at = self.position

    def refresh_account(self, row: int) -> None:
        """Make one account's values those of this moment's prices."""
        self.value_restored()
        if not self.book.triggers.is_current:
            kernels.refresh_account(row, self.book.arrays())

    def index_restored(self) -> None:
        """Give a restored book its trigger index."""
        self.book.index_triggers()
        self.size_buffers()
        kernels.anchor(self._everybody(), self.book.arrays())

    def _everybody(self) -> NDArray[np.int32]:
        return self.book.everybody[: len(self.book.terms)]

    def _take(self) -> list[OutputEvent]:
        self.counters["duplicates"] = self.trades.duplicates
        self.findings.note(self.revenue.take())
        return self.findings.take()

    def _report(self, found: int, ts_of: Callable[[int], int]) -> None:
        self.findings.add_crossings(self._found, found, self.book.terms, ts_of)

    def _judge_quotes(
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

    def size_buffers(self) -> None:
        """Give the kernels room for all accounts."""
        rows = len(self.book.accounts.balance)
        if rows != len(self._scratch):
            self._scratch = np.zeros(rows, np.int32)
            self._found = new_buffer(rows)

    def _row_of(self, login: str) -> int:
        row = self.book.account_of.get(login)
        if row is None:
            raise DomainError(f"login {login} is not known here: check its spelling")
        return row


def _nothing(_: InputEvent, __: int) -> Outcome:
    return NOTHING
