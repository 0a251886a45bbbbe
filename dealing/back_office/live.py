"""What accounts are worth now, for whoever decides about their money: asked of the engine's book.

The book is fetched a few seconds apart at most, and never for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np

from crm_sync.clients.ports import Lines
from dealing.back_office.trading import EngineTrading
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
    """Who knows what accounts are worth now, and what they trade."""

    async def accounts(self, logins: Sequence[str]) -> Mapping[str, LiveAccount]:
        """Return those that are known, by login.

        Raises:
            DisconnectedError: Nobody can say now.
        """
        ...

    async def trading(self, logins: Sequence[str]) -> Mapping[str, Lines]:
        """Return lines by section: positions, crossings, deals; raises as ``accounts``."""
        ...


class EngineAccounts:
    """LiveAccounts by the engine's book, and by what it answers and shows."""

    def __init__(self, books: BookDesk, trading: EngineTrading) -> None:
        """Take who fetches the book, and who asks for what accounts trade."""
        self._books = books
        self._trading = trading

    async def accounts(self, logins: Sequence[str]) -> Mapping[str, LiveAccount]:
        """Return those that are known; raises as LiveAccounts says."""
        if not logins:
            return {}
        computed = await self._books.computed(lambda book: live_accounts(book, logins))
        return computed.made

    async def trading(self, logins: Sequence[str]) -> Mapping[str, Lines]:
        """Return lines by section; raises as LiveAccounts says."""
        return await self._trading.of(logins)


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
