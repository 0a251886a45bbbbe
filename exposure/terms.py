"""What exists and on which terms: symbols, accounts, leverage, books, and what was open before.

Source: semantics.md sections 4, 7 and 9.
"""

from __future__ import annotations

import math
from typing import Final

from exposure import refusals
from exposure.assignments import BookAssignments
from exposure.client_book import BOOKS, ClientBook, Fillable
from exposure.coverage import LpBook, netted
from exposure.model.books import Book
from exposure.model.deals import Side
from exposure.model.events import (
    AccountChanged,
    BookAssigned,
    InstrumentDefined,
    LeverageCapDefined,
    LeverageTierDefined,
    LpPositionRestored,
    PositionRestored,
)
from exposure.outcomes import NO_SYMBOL, NOTHING, Outcome, Touched
from exposure.refusals import Refusal

_BOOK_NAMES: Final = frozenset(Book)


class Terms:
    """The rules for events that say what there is."""

    def __init__(self, book: ClientBook, assignments: BookAssignments, coverage: LpBook) -> None:
        self._book = book
        self._assignments = assignments
        self._coverage = coverage
        self.unvalued: dict[int, None] = {}

    def define_instrument(self, event: InstrumentDefined, _: int) -> Outcome:
        """Add a symbol; its first definition counts."""
        instrument = event.instrument
        problem = instrument.problem()
        if problem is not None:
            return Refusal("bad_instrument", problem)
        if instrument.symbol not in self._book.symbol_of:
            self._book.add_symbol(instrument)
        return NOTHING

    def change_account(self, event: AccountChanged, _: int) -> Outcome:
        """Add a login, or take its new terms."""
        account = event.account
        problem = account.problem()
        if problem is not None:
            return Refusal("bad_account", problem)
        row = self._book.account_of.get(account.login)
        if row is None:
            self._book.add_account(account)
            self._assignments.add(account.book, account.hedge_ratio)
            return NOTHING
        self._book.change_account(row, account)
        return Touched(accounts=(row,))

    def restore_position(self, event: PositionRestored, _: int) -> Outcome:
        """Open a position that was there before the first event; it is valued later."""
        refusal = unknown(self._book, event.login, event.symbol) or refusals.bad_position(event)
        if refusal is not None:
            return refusal
        account = self._book.account_of[event.login]
        if (account, event.position_id) in self._book.slot_of:
            return Refusal("bad_position", f"position {event.position_id} is listed twice")
        symbol = self._book.symbol_of[event.symbol]
        assigned = self._assignments.of_deal(account, symbol)
        given = event.margin_per_lot
        margin = (
            self._book.margin_of_fill(account, symbol, event.open_price)
            if given is None
            else self._book.given_margin(account, symbol, given)
        )
        ratio = event.hedge_ratio
        fill = Fillable(
            event.lots,
            event.open_price,
            margin,
            assigned.hedge_ratio if ratio is None else ratio,
            assigned.book,
        )
        slot = self._book.open(account, event.position_id, symbol, Side(event.side), fill)
        self._book.positions.swap[slot] = event.swap
        self.unvalued[account] = None
        return NOTHING

    def restore_lp_position(self, event: LpPositionRestored, _: int) -> Outcome:
        """Take what was held at a provider before the first event."""
        symbol = self._book.symbol_of.get(event.symbol)
        if symbol is None:
            return refusals.unknown_symbol(event.symbol)
        problem = refusals.bad_trade(event.side, event.lots, event.price)
        if problem is not None:
            return Refusal("bad_lp_position", problem)
        held = self._coverage.held(event.lp, symbol)
        after = netted(held, Side(event.side), event.lots, event.price)
        self._coverage.keep(event.lp, symbol, after.position)
        return NOTHING

    def define_tier(self, event: LeverageTierDefined, _: int) -> Outcome:
        """Take a leverage bracket; margins of open positions follow it."""
        symbol = self._book.symbol_of.get(event.symbol)
        if symbol is None:
            return refusals.unknown_symbol(event.symbol)
        problem = self._book.leverage.problem(event, symbol)
        if problem is not None:
            return Refusal("bad_tier", problem)
        return Touched(accounts=tuple(self._book.add_bracket(event)))

    def define_cap(self, event: LeverageCapDefined, _: int) -> Outcome:
        """Take a cap; open positions keep the margin that they were opened with.

        Source: science.md section 6 (a leverage cap applies at opening only).
        """
        symbol = self._book.symbol_of.get(event.symbol)
        if symbol is None:
            return refusals.unknown_symbol(event.symbol)
        if not (math.isfinite(event.leverage) and event.leverage > 0.0):
            return Refusal("bad_cap", f"leverage must be a number above 0, was {event.leverage}")
        self._book.leverage.set_cap(event.region, event.category, symbol, event.leverage)
        return NOTHING

    def assign_book(self, event: BookAssigned, _: int) -> Outcome:
        """Send new deals of a login, or of one symbol of it, to another book, or open ones too."""
        account = self._book.account_of.get(event.login)
        if account is None:
            return refusals.unknown_login(event.login)
        ratio = event.hedge_ratio
        if event.book not in _BOOK_NAMES:
            return Refusal("bad_book", f"book must be A, B or C, was '{event.book}'")
        if ratio is not None and not 0.0 <= ratio <= 1.0:
            return Refusal("bad_book", f"hedge_ratio must be between 0 and 1, was {ratio}")
        symbol = self._book.symbol_of.get(event.symbol) if event.symbol else None
        if event.symbol and symbol is None:
            return refusals.unknown_symbol(event.symbol)
        if symbol is None:
            self._assignments.assign(account, Book(event.book), ratio)
        else:
            self._assignments.assign_symbol(account, symbol, Book(event.book), ratio)
        if event.move_open:
            self._move_open(account, symbol)
        return NOTHING

    def _move_open(self, account: int, symbol: int | None) -> None:
        slots, positions = self._book.of_account.row(account), self._book.positions
        if symbol is not None:
            slots = slots[positions.symbol[slots] == symbol]
        # an assignment of the account has ended its exceptions
        assigned = self._assignments.of_deal(account, NO_SYMBOL if symbol is None else symbol)
        positions.hedge_ratio[slots] = assigned.hedge_ratio
        positions.book[slots] = BOOKS.index(assigned.book)


def unknown(book: ClientBook, login: str, symbol: str) -> Refusal | None:
    """Return why a login or symbol cannot be used, None if both are known."""
    if login not in book.account_of:
        return refusals.unknown_login(login)
    return None if symbol in book.symbol_of else refusals.unknown_symbol(symbol)
