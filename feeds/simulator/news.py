"""Scheduled news: everybody knows when, nobody knows which way.

The schedule is a table of rules (the second Tuesday at 08:30 in New York), so it is the same for
every seed and every start. What a release does to prices is drawn when it comes out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, datetime, time
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from feeds.simulator.calendar import DAY, WEEKDAYS, local_dates, nanoseconds
from feeds.simulator.parameters import read_parameters

_WINDOW: Final = 14 * DAY


class Impact(StrEnum):
    """How much a release can move prices."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def shock(self) -> float:
        """The typical jump, in daily volatilities."""
        return {Impact.LOW: 0.04, Impact.MEDIUM: 0.10, Impact.HIGH: 0.28}[self]

    @property
    def heat(self) -> float:
        """How nervous the market is at the release: 1 for the greatest."""
        return {Impact.LOW: 0.15, Impact.MEDIUM: 0.4, Impact.HIGH: 1.0}[self]


class NewsEvent(NamedTuple):
    """One release.

    ``drivers`` name what it moves: common factors (``dollar``, ``risk``) or the code of one
    currency or asset. Units: ``ts`` in ns UTC.
    """

    ts: int
    title: str
    drivers: tuple[str, ...]
    impact: Impact


class NewsSchedule:
    """The published calendar of releases."""

    def __init__(self) -> None:
        """Read the rules that ship with the simulator."""
        self._rules = [_rule(row) for row in read_parameters("news")]
        self._events: list[NewsEvent] = []
        self._times: list[int] = []
        self._valid_from, self._valid_until = 0, 0

    @property
    def drivers(self) -> set[str]:
        """Everything that a release may move."""
        return {driver for rule in self._rules for driver in rule.drivers}

    def between(self, after: int, until: int) -> list[NewsEvent]:
        """Return the releases in (after, until], in order of time."""
        events = [
            rule.event(day)
            for day in local_dates(after, until)
            for rule in self._rules
            if rule.covers(day)
        ]
        return sorted(event for event in events if after < event.ts <= until)

    def next_after(self, ts: int) -> NewsEvent:
        """Return the first release later than ``ts``."""
        self._look_at(ts)
        return self._events[bisect_right(self._times, ts)]

    def at(self, ts: int) -> list[NewsEvent]:
        """Return the releases of exactly this moment."""
        self._look_at(ts)
        return self._events[bisect_left(self._times, ts) : bisect_right(self._times, ts)]

    def _look_at(self, ts: int) -> None:
        if self._valid_from <= ts < self._valid_until:
            return
        self._events = self.between(ts - 1, ts + _WINDOW)
        self._times = [event.ts for event in self._events]
        self._valid_from, self._valid_until = ts, self._times[-1]


class _Rule(NamedTuple):
    title: str
    drivers: tuple[str, ...]
    impact: Impact
    weekday: int
    week_of_month: int | None
    at: time
    zone: ZoneInfo

    def covers(self, day: date) -> bool:
        due = self.week_of_month is None or (day.day - 1) // 7 + 1 == self.week_of_month
        return due and day.weekday() == self.weekday

    def event(self, day: date) -> NewsEvent:
        ts = nanoseconds(datetime.combine(day, self.at, self.zone))
        return NewsEvent(ts, self.title, self.drivers, self.impact)


def _rule(row: dict[str, str]) -> _Rule:
    return _Rule(
        title=row["title"],
        drivers=tuple(row["drivers"].split()),
        impact=Impact(row["impact"]),
        weekday=WEEKDAYS.index(row["weekday"]),
        week_of_month=int(row["week_of_month"]) if row["week_of_month"] else None,
        at=time.fromisoformat(row["time"]),
        zone=ZoneInfo(row["time_zone"]),
    )
