"""What the desk needs from its surroundings, by need and not by technology."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Final, Protocol

import msgspec
import polars as pl

from dealing.components import ComponentState, ComponentStatus
from dealing.flow.ports import FlowQueries
from dealing.hedging.ports import HedgingQueries
from exposure.account_books import AccountBooks
from exposure.account_terms import AccountTerms
from exposure.risk.book_copy import BookCopy
from exposure.snapshot import Snapshot
from feeds.frames import Frame
from feeds.platform_wire import PlatformStatus

__all__ = [
    "KEPT_DEALS",
    "BookQueries",
    "BookTaken",
    "ComponentState",
    "ComponentStatus",
    "EngineFrame",
    "LargeDeal",
    "PlatformFeed",
    "SnapshotSource",
]

KEPT_DEALS: Final = 200
"""How many large deals a frame holds at most."""


class Delays(msgspec.Struct, frozen=True):
    """From a batch's last byte out of the socket until the engine had applied it, in ms."""

    p50_ms: float
    p99_ms: float
    worst_ms: float


class LargeDeal(msgspec.Struct, frozen=True, kw_only=True):
    """A client's deal of a large notional, which the engine has booked.

    ``position`` is that of the event, ``book`` where the account's new deals in the symbol go.
    Units: ``ts_event`` ns UTC of the event, ``notional_usd`` at the deal's price.
    """

    position: int
    ts_event: int
    server: str
    deal_id: str
    login: str
    client_id: str
    book: str
    symbol: str
    side: str
    entry: str
    lots: float
    price: float
    notional_usd: float


class EngineFrame(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine process shows the desk, several times a second; the newest wins.

    ``large_deals`` are the newest ones, oldest first, at most KEPT_DEALS.

    Units: ``sent_at`` is wall-clock ns UTC in the engine process, ``speed`` market seconds per
    wall second, ``quotes_per_s`` and ``deals_per_s`` over the last second, ``delays`` over the
    last ten.
    """

    sent_at: int
    snapshot: Snapshot
    market: str
    speed: float
    quotes_per_s: float
    deals_per_s: float
    components: list[ComponentStatus]
    delays: Delays | None = None
    large_deals: list[LargeDeal] = []


class BookTaken(msgspec.Struct, frozen=True, kw_only=True):
    """A copy of the engine's book for whoever computes what a shock would do.

    Units: ``taken_at`` wall-clock ns UTC in the engine process, ``took_ms`` how long the engine did
    nothing else.
    """

    copy: BookCopy
    taken_at: int
    took_ms: float


class PlatformFeed(Protocol):
    """What the engine hears from its platform, in the bytes that its journal keeps."""

    status: PlatformStatus | None
    """The newest that the platform said about itself."""

    def frames(self, after: int) -> AsyncGenerator[Frame]:
        """Yield what follows a position, then live events: an EventFeed, still encoded.

        Raises DisconnectedError when the platform goes away and GapError when it no longer has the
        events after ``after``.
        """
        ...


class SnapshotSource(Protocol):
    """Where the desk reads the newest frame."""

    def latest(self) -> EngineFrame | None:
        """Return the newest frame, None before the first one."""
        ...

    async def next(self, after: EngineFrame | None) -> EngineFrame:
        """Wait for a frame newer than ``after``; frames in between are skipped."""
        ...


class BookQueries(FlowQueries, HedgingQueries, Protocol):
    """Questions to the engine that no frame answers.

    All raise DisconnectedError while the engine is away and DomainError for an unknown name.
    """

    async def positions_of_symbol(self, symbol: str, limit: int) -> pl.DataFrame:
        """Return the symbol's largest open positions (columns POSITION_COLUMNS)."""
        ...

    async def positions_of_account(self, login: str) -> pl.DataFrame:
        """Return a login's open positions (columns POSITION_COLUMNS)."""
        ...

    async def terms_of_account(self, login: str) -> AccountTerms:
        """Return what applies to a login now."""
        ...

    async def books_of(self, logins: Sequence[str], clients: Sequence[str]) -> list[AccountBooks]:
        """Return where new deals of accounts go, of those that are known, in order of login."""
        ...

    async def book_copy(self) -> BookTaken:
        """Return a copy of the book, a few seconds old at most; it is large, so ask seldom."""
        ...
