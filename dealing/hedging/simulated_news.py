"""The simulated market's published calendar, for whoever waits because of news."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dealing.hedging.news import Release
from feeds.simulator.news import Impact, NewsSchedule

MATTERS: Final = frozenset({Impact.MEDIUM, Impact.HIGH})


class SimulatedNews:
    """NewsCalendar of the releases that can move prices more than a little."""

    def __init__(self) -> None:
        """Read the calendar."""
        self._schedule = NewsSchedule()

    def between(self, after: int, until: int) -> Sequence[Release]:
        """Return the releases in (after, until]."""
        return [
            Release(one.ts, one.drivers)
            for one in self._schedule.between(after, until)
            if one.impact in MATTERS
        ]
