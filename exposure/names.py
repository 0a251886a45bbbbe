"""What accounts are called and where they belong: columns that change far less often than money.

Text columns are made once and kept until an account is added, changed or moved to another book.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from exposure.assignments import BookAssignments
from exposure.client_book import ClientBook
from exposure.model.accounts import Account


class AccountNames:
    """Kept columns of text, one row per account."""

    def __init__(self, book: ClientBook, assignments: BookAssignments) -> None:
        self._book = book
        self._assignments = assignments
        self._seen = (-1, -1)
        self._columns: dict[str, pl.Series] = {}
        self._terms_seen = -1
        self._terms: dict[str, list[Any]] = {}

    def columns(self) -> dict[str, pl.Series]:
        """Return login, client_id, currency and the book of new deals."""
        version = (self._book.terms_version, self._assignments.version)
        if version != self._seen:
            terms = self._book.terms
            self._columns = {
                "login": pl.Series([one.login for one in terms], dtype=pl.String),
                "client_id": pl.Series([one.client_id for one in terms], dtype=pl.String),
                "currency": pl.Series([one.currency for one in terms], dtype=pl.String),
                "book": pl.Series(
                    [str(assigned.book) for assigned in self._assignments.accounts],
                    dtype=pl.String,
                ),
            }
            self._seen = version
        return self._columns

    def terms(self) -> dict[str, list[Any]]:
        """Return the terms of all accounts, column by column."""
        if self._terms_seen != self._book.terms_version:
            terms = self._book.terms
            self._terms = {
                name: [getattr(one, name) for one in terms] for name in Account.__struct_fields__
            }
            self._terms_seen = self._book.terms_version
        return self._terms
