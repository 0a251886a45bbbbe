"""Which book new deals go to: per login, with exceptions per symbol.

Source: semantics.md sections 7 (ratios) and 9 (file ``books``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from exposure.model.books import Book


class Assignment(NamedTuple):
    """A book and the ratio that book C would hedge, in [0, 1]."""

    book: Book
    partial: float

    @property
    def hedge_ratio(self) -> float:
        """The share of a new deal that is meant to be hedged."""
        return self.book.hedge_ratio(self.partial)


class BookAssignments:
    """The assignments of all accounts, by account row and symbol index."""

    def __init__(self) -> None:
        self.accounts: list[Assignment] = []
        self.version = 0
        self.symbols: dict[tuple[int, int], Assignment] = {}

    def add(self, book: Book, partial: float | None) -> None:
        """Give the next account its first book."""
        self.version += 1
        self.accounts.append(Assignment(book, 0.0 if partial is None else partial))

    def restore(self, accounts: Iterable[tuple[Book, float]]) -> None:
        """Take the books and ratios of all accounts of a stored state."""
        self.version += 1
        rows = list(accounts)
        alike = {key: Assignment(*key) for key in set(rows)}
        self.accounts = [alike[key] for key in rows]

    def of_deal(self, account: int, symbol: int) -> Assignment:
        """Return where a new deal goes."""
        return self.symbols.get((account, symbol), self.accounts[account])

    def assign(self, account: int, book: Book, partial: float | None) -> None:
        """Move an account to a book; its exceptions end. Without a ratio the last one stays."""
        self.version += 1
        last = self.accounts[account].partial
        self.accounts[account] = Assignment(book, last if partial is None else partial)
        for key in [key for key in self.symbols if key[0] == account]:
            del self.symbols[key]

    def assign_symbol(self, account: int, symbol: int, book: Book, partial: float | None) -> None:
        """Make an exception for one symbol. Without a ratio the last one stays."""
        last = self.of_deal(account, symbol).partial
        self.symbols[account, symbol] = Assignment(book, last if partial is None else partial)
