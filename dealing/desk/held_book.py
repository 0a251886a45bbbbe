"""The engine's book on the desk's side: fetched when asked for, kept for seconds, shocked here.

The engine only copies columns. Everything that takes longer is done by a thread of the desk, one
piece of work at a time, and every result carries which moment it is of and what it took.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

from dealing.desk import formats
from dealing.ports import BookQueries
from dealing.server_day import ServerDay
from exposure.errors import DisconnectedError
from exposure.risk.book_copy import BookCopy, stress_book
from exposure.risk.provider_margin import ProviderAccount
from exposure.risk.stress_book import StressBook

KEPT_NS: Final = 4_000_000_000
"""How old the book may be before another one is fetched."""

AWAY: Final = "The engine is not answering; figures come again when it does."
NO_FIGURES: Final = "No figures have come from the engine yet."

NO_ACCOUNTS: Final[Mapping[str, ProviderAccount]] = {}

_NS_PER_MS: Final = 1_000_000

Made = TypeVar("Made")


class HeldBook(NamedTuple):
    """A book ready to be shocked; ``taken_at`` wall clock ns, ``took_ms`` in the engine."""

    book: StressBook
    taken_at: int
    took_ms: float


class Computed(NamedTuple, Generic[Made]):
    """What was computed, of which book, and how long it took this desk."""

    made: Made
    held: HeldBook
    took_ms: float


class BookDesk:
    """Fetches the book and computes with it, one thing at a time and never in the event loop."""

    def __init__(
        self,
        queries: BookQueries,
        day: ServerDay,
        now: Callable[[], int],
        providers: Mapping[str, ProviderAccount] = NO_ACCOUNTS,
    ) -> None:
        """Take who has the book, the calendar of its moments, the wall clock (ns), and accounts.

        ``providers`` are the house's accounts with its providers, by their names.
        """
        self.providers = providers
        self._queries = queries
        self._day = day
        self._now = now
        self._held: HeldBook | None = None
        self._alone = asyncio.Lock()

    async def computed(self, work: Callable[[StressBook], Made]) -> Computed[Made]:
        """Return what ``work`` makes of the book, computed in a thread.

        Raises:
            DisconnectedError: There is no book to compute with.
        """
        async with self._alone:
            held = await self._fresh()
            began_s = time.perf_counter()
            made = await asyncio.to_thread(work, held.book)
            return Computed(made, held, 1_000.0 * (time.perf_counter() - began_s))

    def told(self, computed: Computed[Any]) -> dict[str, Any]:
        """Return what a screen says about the moment of a result and what it took."""
        held = computed.held
        return {
            "age_ms": max(0.0, (self._now() - held.taken_at) / _NS_PER_MS),
            "as_of": formats.clock(self.local(held.book.engine.as_of)),
            "copied_ms": held.took_ms,
            "computed_ms": computed.took_ms,
        }

    def local(self, ts: int) -> datetime:
        """Return a moment on the server's clock."""
        return self._day.local(ts)

    async def _fresh(self) -> HeldBook:
        if self._held is None or self._now() - self._held.taken_at >= KEPT_NS:
            taken = await self._queries.book_copy()
            if taken.copy.as_of == 0:
                raise DisconnectedError(NO_FIGURES)
            book = await asyncio.to_thread(_ready, taken.copy)
            self._held = HeldBook(book, taken.taken_at, taken.took_ms)
        return self._held


def _ready(copy: BookCopy) -> StressBook:
    return stress_book(copy)
