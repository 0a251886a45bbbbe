"""Where the new deals of an account go, and how much of it there is to move.

Whoever moves a client first has to know what there was before: to show it, to ask a second person
where much is at stake, and to be able to put it back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from exposure.assignments import Assignment, BookAssignments
from exposure.client_book import ClientBook


class BookPlace(msgspec.Struct, frozen=True):
    """A book and the ratio that book C hedges, in [0, 1]; ``symbol`` is "" for all of them."""

    book: str
    partial: float
    symbol: str = ""


class AccountBooks(msgspec.Struct, frozen=True):
    """An account's book, its exceptions by symbol, and what it holds.

    Units: ``gross_usd`` sums the absolute worth of its positions at mid; those without a price
    are counted in ``unpriced`` and are not in the sum.
    """

    login: str
    client_id: str
    place: BookPlace
    exceptions: tuple[BookPlace, ...]
    positions: int
    gross_usd: float
    unpriced: int

    def of_symbol(self, symbol: str) -> BookPlace:
        """Return where new deals of a symbol go; "" asks for the account's own book."""
        named = [place for place in self.exceptions if symbol and place.symbol == symbol]
        return named[0] if named else self.place


def account_books(
    book: ClientBook,
    assignments: BookAssignments,
    logins: Sequence[str],
    clients: Sequence[str],
) -> list[AccountBooks]:
    """Return the known accounts among logins and of clients, each once, in order of login."""
    rows = {book.account_of[login] for login in logins if login in book.account_of}
    known = [book.client_of[client] for client in clients if client in book.client_of]
    rows.update(int(row) for client in known for row in book.of_client.row(client))
    exceptions: dict[int, list[BookPlace]] = {}
    for (row, symbol), assigned in assignments.symbols.items():
        if row in rows:
            name = str(book.instruments[symbol].symbol)
            exceptions.setdefault(row, []).append(_place(assigned, name))
    named = (_of_row(book, assignments, row, exceptions.get(row, ())) for row in rows)
    return sorted(named, key=lambda one: one.login)


def _of_row(
    book: ClientBook, assignments: BookAssignments, row: int, exceptions: Iterable[BookPlace]
) -> AccountBooks:
    worths = [_worth_usd(book, int(slot)) for slot in book.of_account.row(row)]
    priced = [usd for usd in worths if usd is not None]
    return AccountBooks(
        login=str(book.terms[row].login),
        client_id=str(book.terms[row].client_id),
        place=_place(assignments.accounts[row], ""),
        exceptions=tuple(sorted(exceptions, key=lambda place: place.symbol)),
        positions=len(worths),
        gross_usd=sum(priced),
        unpriced=len(worths) - len(priced),
    )


def _place(assigned: Assignment, symbol: str) -> BookPlace:
    return BookPlace(assigned.book.value, assigned.partial, symbol)


def _worth_usd(book: ClientBook, slot: int) -> float | None:
    symbol = int(book.positions.symbol[slot])
    prices, instrument = book.prices, book.instruments[symbol]
    rate = book.rates.mid(prices, instrument.quote, "USD")
    mid = (float(prices.bid[symbol]) + float(prices.ask[symbol])) / 2.0
    worth = abs(float(book.positions.lots[slot]) * instrument.units_per_lot * mid * rate)
    return worth if prices.quoted[symbol] and math.isfinite(worth) else None
