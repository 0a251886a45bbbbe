"""Closing a server day: it takes no more, becomes a Parquet file, and is sealed.

Each step can be done again, so a restart finishes what was begun: the file is written from facts
that no longer change, and the seal is the last step.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Protocol

import polars as pl
import structlog

from dealing.revenue.frames import seal_of
from dealing.revenue.ports import RevenueStore
from dealing.server_day import ServerDay

GRACE_NS: Final = 300 * 1_000_000_000
"""How long after its end a day waits for what comes late, in market time."""


class DayFiles(Protocol):
    """Where the facts of a closed day go."""

    def write(self, day: date, facts: pl.DataFrame) -> None:
        """Store a day's facts, in place of an earlier file; raises StorageError."""
        ...


class DayClosing:
    """Closes the days that are over."""

    def __init__(self, store: RevenueStore, files: DayFiles, day: ServerDay) -> None:
        """Take what is kept, where it goes, and the calendar."""
        self._store = store
        self._files = files
        self._day = day
        self._closed_before: date | None = None

    def is_due(self, ts_event: int) -> bool:
        """Return whether a day may be over at this market time, or was left half closed."""
        return self._closed_before != self._day.at(ts_event - GRACE_NS).day

    def close(self, ts_event: int) -> None:
        """Close every day that is over at this market time.

        Raises:
            StorageError: A day could not be closed; call again.
        """
        before = self._day.at(ts_event - GRACE_NS).day
        for day in self._store.begin_closing(before):
            books = self._store.books(day)
            seal = seal_of(books.facts, books.controls)
            self._files.write(day, books.facts)
            self._store.seal(day, seal)
            structlog.get_logger().info(
                "day closed",
                day=day.isoformat(),
                facts=seal.facts,
                amount_micro_usd=seal.amount_micro_usd,
            )
        self._closed_before = before
