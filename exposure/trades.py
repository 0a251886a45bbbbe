"""Trades and money: deals, hedges and balance operations, each applied whole or not at all.

Source: semantics.md sections 6 and 8.
"""

from __future__ import annotations

import math
from typing import Final

from exposure import refusals
from exposure.applied_ids import AppliedIds
from exposure.assignments import BookAssignments
from exposure.client_book import BOOKS, ClientBook, Fillable
from exposure.coverage import LpBook, netted
from exposure.findings import Findings
from exposure.house import HouseCash
from exposure.model.accounts import BalanceKind
from exposure.model.books import Book
from exposure.model.deals import Entry, Side
from exposure.model.events import BalanceChanged, DealExecuted, HedgeExecuted
from exposure.netting import Fill, net
from exposure.outcomes import NOTHING, Outcome, Touched
from exposure.refusals import Refusal, malformed
from exposure.revenue import RevenueLedger, balance_entry, deal_entry, hedge_entry
from exposure.terms import unknown
from exposure.valuation import realised_profit

PROFIT_TOLERANCE: Final = 0.01

_BALANCE_KINDS: Final = frozenset(BalanceKind)


class Trades:
    """The rules for events that move positions and money.

    ``deal_ids`` and ``hedge_ids`` are those that were applied; ``duplicates`` counts the repeated.
    """

    def __init__(
        self,
        book: ClientBook,
        assignments: BookAssignments,
        coverage: LpBook,
        house: HouseCash,
        revenue: RevenueLedger,
        findings: Findings,
    ) -> None:
        self.deal_ids = AppliedIds()
        self.hedge_ids = AppliedIds()
        self.duplicates = 0
        self._book = book
        self._assignments = assignments
        self._coverage = coverage
        self._house = house
        self._revenue = revenue
        self._findings = findings

    def deal(self, deal: DealExecuted, position: int) -> Outcome:
        """Book a client's deal."""
        problem = malformed(deal)
        if problem is not None:
            return Refusal("bad_deal", problem)
        if (deal.server, deal.deal_id) in self.deal_ids:
            self.duplicates += 1
            return NOTHING
        refusal = unknown(self._book, deal.login, deal.symbol)
        if refusal is not None:
            return refusal
        account = self._book.account_of[deal.login]
        fill = net(deal, self._book.held(account, deal.position_id))
        if isinstance(fill, Refusal):
            return fill
        profit = realised_profit(self._book, deal, account, fill)
        if math.isnan(profit):
            return Refusal("no_rate", f"no rate to book the profit of {deal.symbol} in")
        self.deal_ids.add(deal.server, deal.deal_id)
        self._book_cash(deal, position, account, self._checked(deal, position, profit), fill)
        self._book_fill(deal, account, fill)
        return Touched(accounts=(account,))

    def balance(self, event: BalanceChanged, position: int) -> Outcome:
        """Book a balance operation."""
        if event.kind not in _BALANCE_KINDS:
            return Refusal("bad_balance", f"kind '{event.kind}' is not a balance operation")
        if not math.isfinite(event.amount):
            return Refusal("bad_balance", f"amount must be a finite number, was {event.amount}")
        account = self._book.account_of.get(event.login)
        if account is None:
            return refusals.unknown_login(event.login)
        accounts = self._book.accounts
        changes_credit = BalanceKind(event.kind).changes_credit
        (accounts.credit if changes_credit else accounts.balance)[account] += event.amount
        assigned = self._assignments.accounts[account].book
        entry = balance_entry(event, position, self._book.terms[account], assigned)
        if entry is not None:
            self._revenue.post(entry, self.rate_usd)
        return Touched(accounts=(account,))

    def hedge(self, event: HedgeExecuted, position: int) -> Outcome:
        """Book a deal of the house with a provider."""
        problem = refusals.bad_trade(
            event.side, event.lots, event.price, event.commission, event.swap
        )
        if problem is not None:
            return Refusal("bad_deal", problem)
        if (event.lp, event.deal_id) in self.hedge_ids:
            self.duplicates += 1
            return NOTHING
        symbol = self._book.symbol_of.get(event.symbol)
        if symbol is None:
            return refusals.unknown_symbol(event.symbol)
        held = self._coverage.held(event.lp, symbol)
        after = netted(held, Side(event.side), event.lots, event.price)
        instrument = self._book.instruments[symbol]
        rate = self.rate_usd(instrument.quote) if after.closed_lots > 0.0 else 0.0
        if math.isnan(rate):
            return Refusal("no_rate", f"no rate {instrument.quote} to USD for the closed lots")
        self.hedge_ids.add(event.lp, event.deal_id)
        self._coverage.keep(event.lp, symbol, after.position)
        realised_usd = after.realised_lots * instrument.units_per_lot * rate
        self._house.book_lp_realised(event.lp, realised_usd)
        self._house.book_lp_cash(event.lp, event.commission + event.swap)
        self._revenue.post(hedge_entry(event, position, instrument, realised_usd), self.rate_usd)
        return NOTHING

    def rate_usd(self, currency: str) -> float:
        """Return rate(currency->USD) at mid, NaN without a path."""
        return self._book.rates.mid(self._book.prices, currency, "USD")

    def _checked(self, deal: DealExecuted, position: int, profit: float) -> float:
        """Return the profit to book: the platform's where it says one, a break if ours differs."""
        if deal.entry == Entry.IN or deal.profit is None:
            return profit
        if abs(deal.profit - profit) > PROFIT_TOLERANCE:
            reason = f"the platform booked {deal.profit:.2f}, we compute {profit:.2f}"
            self._findings.add_break(deal, position, Refusal("profit_mismatch", reason))
        return deal.profit

    def _book_cash(
        self, deal: DealExecuted, position: int, account: int, profit: float, fill: Fill
    ) -> None:
        cash = profit + deal.commission + deal.swap
        self._book.accounts.balance[account] += cash
        terms, symbol = self._book.terms[account], self._book.symbol_of[deal.symbol]
        self._house.book_client_cash(cash, terms.currency, self.rate_usd(terms.currency))
        book, swap_booked = self._assignments.of_deal(account, symbol).book, 0.0
        if fill.closing_lots > 0.0:
            slot, p = self._book.slot_of[account, deal.position_id], self._book.positions
            book = BOOKS[p.book[slot]]
            swap_booked = float(p.swap_booked[slot]) * min(1.0, fill.closing_lots / p.lots[slot])
        instrument = self._book.instruments[symbol]
        entry = deal_entry(
            deal, position, terms, instrument, Book(book), profit=profit, swap_booked=swap_booked
        )
        self._revenue.post(entry, self.rate_usd)

    def _book_fill(self, deal: DealExecuted, account: int, fill: Fill) -> None:
        key = (account, deal.position_id)
        if fill.closing_lots > 0.0:
            self._book.reduce(self._book.slot_of[key], fill.closing_lots)
        if fill.opening_lots > 0.0:
            symbol = self._book.symbol_of[deal.symbol]
            assigned = self._assignments.of_deal(account, symbol)
            margin = self._book.margin_of_fill(account, symbol, deal.price)
            opened = Fillable(
                fill.opening_lots, deal.price, margin, assigned.hedge_ratio, assigned.book
            )
            slot = self._book.slot_of.get(key)
            if slot is None:
                self._book.open(account, deal.position_id, symbol, Side(deal.side), opened)
            else:
                self._book.add(slot, opened)
