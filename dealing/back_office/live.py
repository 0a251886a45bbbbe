"""What accounts are worth now, for whoever decides about their money: asked of the engine's book.

The book is fetched a few seconds apart at most, and never for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np

from dealing.desk.held_book import BookDesk
from exposure.risk.stop_outs import margin_levels
from exposure.risk.stress_book import StressBook


class LiveAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A trading account as it stands.

    ``level_percent`` is None while nothing ties up margin, ``gross_usd`` where something that is
    held has no price.

    Units: ``equity``, ``margin`` and ``floating`` in the account's currency.
    """

    login: str
    currency: str
    equity: float
    margin: float
    level_percent: float | None
    floating: float
    gross_usd: float | None


class LiveAccounts(Protocol):
    """Who knows what accounts are worth now."""

    async def accounts(self, logins: Sequence[str]) -> Mapping[str, LiveAccount]:
        """Return those that are known, by login.

        Raises:
            DisconnectedError: Nobody can say now.
        """
        ...


class EngineAccounts:
    """LiveAccounts by the engine's book."""

    def __init__(self, books: BookDesk) -> None:
        """Take who fetches the book."""
        self._books = books

    async def accounts(self, logins: Sequence[str]) -> Mapping[str, LiveAccount]:
        """Return those that are known; raises as LiveAccounts says."""
        if not logins:
            return {}
        computed = await self._books.computed(lambda book: live_accounts(book, logins))
        return computed.made


def live_accounts(book: StressBook, logins: Sequence[str]) -> dict[str, LiveAccount]:
    """Return accounts of a book as they stand, those that it has."""
    rows = np.flatnonzero(book.names["login"].is_in(list(logins)).to_numpy())
    equity, margin = book.now.equity[rows], book.margin[rows]
    floating = equity - book.own[rows]
    levels = margin_levels(equity, margin)
    gross = _gross_usd(book)[rows]
    names = {name: book.names[name].gather(rows).to_list() for name in ("login", "currency")}
    return {
        login: LiveAccount(
            login=login,
            currency=names["currency"][place],
            equity=float(equity[place]),
            margin=float(margin[place]),
            level_percent=_finite(levels[place]),
            floating=float(floating[place]),
            gross_usd=_finite(gross[place]),
        )
        for place, login in enumerate(names["login"])
    }


def _gross_usd(book: StressBook) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    held = book.holdings
    worth = np.abs(held.signed_lots) * book.usd_per_lot(book.now.prices)[held.symbol]
    summed = np.bincount(held.account, worth, book.accounts)
    return summed.astype(np.float64)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
