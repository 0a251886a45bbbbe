"""When a market trades and when a trading day ends: sessions, breaks, weekends, rollover.

Hours are local to their exchange, so daylight saving time moves them in UTC. Rollover, the end of
a trading day, is 17:00 in New York. All times that go in and out are integer nanoseconds UTC.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from feeds.simulator.parameters import read_parameters

SECOND: Final = 1_000_000_000
DAY: Final = 86_400 * SECOND
WEEKDAYS: Final = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)

_NEW_YORK: Final = ZoneInfo("America/New_York")
_ROLLOVER: Final = time(17)
_DAYS_BEFORE: Final = 3
_DAYS_AHEAD: Final = 11


class Rollover(NamedTuple):
    """The end of a trading day; ``day`` is its date in New York."""

    ts: int
    day: date


def nanoseconds(moment: datetime) -> int:
    """Return an aware moment without fractions of a second as ns UTC."""
    return int(moment.timestamp()) * SECOND


def new_york_time(ts: int) -> datetime:
    """Return the wall clock in New York."""
    return datetime.fromtimestamp(ts // SECOND, _NEW_YORK)


def local_dates(after: int, until: int) -> Iterator[date]:
    """Yield every date that any time zone can call today between two moments."""
    day = datetime.fromtimestamp(after // SECOND, UTC).date() - timedelta(days=1)
    last = datetime.fromtimestamp(until // SECOND, UTC).date() + timedelta(days=1)
    while day <= last:
        yield day
        day += timedelta(days=1)


def rollovers(after: int, until: int) -> list[Rollover]:
    """Return the rollovers in (after, until], weekends included, in order."""
    ends = [
        Rollover(nanoseconds(datetime.combine(day, _ROLLOVER, _NEW_YORK)), day)
        for day in local_dates(after, until)
    ]
    return [end for end in ends if after < end.ts <= until]


class TradingHours:
    """Which sessions are open at a moment, and when that changes next.

    Attributes:
        names: The sessions, in the order of every mask.
    """

    def __init__(self) -> None:
        """Read the opening hours that ship with the simulator."""
        self._rules = _read_rules()
        self.names = list(dict.fromkeys(rule.session for rule in self._rules))
        self._changes: list[int] = []
        self._masks: NDArray[np.bool_] = np.empty((0, len(self.names)), np.bool_)
        self._valid_from, self._valid_until = 0, 0

    def open_sessions(self, ts: int) -> NDArray[np.bool_]:
        """Return one flag per session; a session is open from its opening until its close."""
        row = self._row(ts)
        mask: NDArray[np.bool_] = self._masks[row]
        return mask

    def next_change(self, ts: int) -> int:
        """Return the first moment after ``ts`` at which a session opens or closes."""
        row = self._row(ts)
        return self._changes[row + 1]

    def _row(self, ts: int) -> int:
        if not self._valid_from <= ts < self._valid_until:
            self._build(ts)
        return bisect_right(self._changes, ts) - 1

    def _build(self, ts: int) -> None:
        self._valid_from, self._valid_until = ts, ts + 7 * DAY
        days = list(local_dates(ts - _DAYS_BEFORE * DAY, ts + _DAYS_AHEAD * DAY))
        opened = {name: self._moments(name, days) for name in self.names}
        self._changes = np.unique(
            np.concatenate([pair.ravel() for pair in opened.values()])
        ).tolist()
        self._masks = np.column_stack(
            [_is_open(moments, np.array(self._changes)) for moments in opened.values()]
        )

    def _moments(self, session: str, days: list[date]) -> NDArray[np.int64]:
        rules = [rule for rule in self._rules if rule.session == session]
        moments = [rule.interval(day) for rule in rules for day in days if rule.covers(day)]
        return np.sort(np.array(moments, np.int64), axis=0)


class _Rule(NamedTuple):
    session: str
    zone: ZoneInfo
    days: frozenset[int]
    opens: time
    closes: time

    def covers(self, day: date) -> bool:
        return day.weekday() in self.days

    def interval(self, day: date) -> tuple[int, int]:
        end = day if self.closes > self.opens else day + timedelta(days=1)
        return (
            nanoseconds(datetime.combine(day, self.opens, self.zone)),
            nanoseconds(datetime.combine(end, self.closes, self.zone)),
        )


def _read_rules() -> list[_Rule]:
    return [
        _Rule(
            row["session"],
            ZoneInfo(row["time_zone"]),
            frozenset(WEEKDAYS.index(day) for day in row["days"].split()),
            time.fromisoformat(row["opens"]),
            time.fromisoformat(row["closes"]),
        )
        for row in read_parameters("sessions")
    ]


def _is_open(moments: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.bool_]:
    opened = np.searchsorted(moments[:, 0], at, side="right")
    closed = np.searchsorted(moments[:, 1], at, side="right")
    return opened > closed
