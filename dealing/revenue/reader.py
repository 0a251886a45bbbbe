"""Reading a store for many viewers: one question at a time for each thing that is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from dealing.revenue.facts import Dimension
from dealing.revenue.ports import KeptMark, Period, RevenueStore, Summary

FRESH_S: Final = 1.0
"""How long an answer may be given to others."""


class _Asked(NamedTuple):
    answer: asyncio.Task[Summary]
    at_s: float


class RevenueReader:
    """Asks a store from a thread, and gives an answer to everybody who wants the same now."""

    def __init__(self, store: RevenueStore, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the store and a steady clock in seconds."""
        self.store = store
        self._clock = clock
        self._asked: dict[tuple[Period, Dimension], _Asked] = {}

    async def summary(self, period: Period, dimension: Dimension) -> Summary:
        """Return a period's totals by one dimension, at most a second old.

        Raises:
            StorageError: The store cannot be used.
        """
        self._forget_old()
        key = period, dimension
        if key not in self._asked:
            work = asyncio.to_thread(self.store.summary, period, dimension)
            self._asked[key] = _Asked(asyncio.create_task(work), self._clock())
        # one viewer who leaves must not take the answer from the others
        return await asyncio.shield(self._asked[key].answer)

    async def now(self) -> KeptMark | None:
        """Return the newest mark; raises as ``summary``."""
        return await asyncio.to_thread(self.store.now)

    def _forget_old(self) -> None:
        now_s = self._clock()
        self._asked = {
            key: asked
            for key, asked in self._asked.items()
            if not asked.answer.done() or now_s - asked.at_s < FRESH_S
        }
