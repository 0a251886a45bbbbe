"""The broker's calendar: one day boundary for everybody, on a clock that is midnight then.

Source: semantics.md section 8; five in the afternoon in New York is when foreign exchange rolls
over, so that is where a day begins unless it is configured.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

DAY: Final = timedelta(days=1)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_S: Final = 1_000_000_000


class DayHour(NamedTuple):
    """A server day, and the hour that the server's clock shows (0 to 23)."""

    day: date
    hour: int


class ServerDay(NamedTuple):
    """When a day begins, and the clock that is midnight then.

    Every instant belongs to exactly one day. Where a zone changes its clocks, one hour of that day
    is two hours long in autumn and one hour is missing in spring.
    """

    zone: ZoneInfo
    starts_at_hour: int

    def local(self, ts_ns: int) -> datetime:
        """Return the server's wall time of an instant (ns UTC)."""
        moment = utc(ts_ns).astimezone(self.zone)
        return moment.replace(tzinfo=None) + self._ahead

    def at(self, ts_ns: int) -> DayHour:
        """Return the server day and hour of an instant (ns UTC).

        >>> from zoneinfo import ZoneInfo
        >>> ServerDay(ZoneInfo("America/New_York"), 17).at(1_768_341_600_000_000_000)
        DayHour(day=datetime.date(2026, 1, 14), hour=0)
        """
        local = self.local(ts_ns)
        day = local.date()
        # a clock that is put back over midnight would leave the new day again
        if ts_ns >= self.begin(day + DAY):
            return DayHour(day + DAY, 0)
        return DayHour(day, local.hour)

    def start(self, ts_ns: int) -> int:
        """Return the beginning of the server day that an instant lies in, ns UTC."""
        return self.begin(self.at(ts_ns).day)

    def begin(self, day: date) -> int:
        """Return the first instant of a server day, ns UTC."""
        begun = datetime.combine(day, time.min) - self._ahead
        return int(begun.replace(tzinfo=self.zone).timestamp()) * _NS_PER_S

    @property
    def _ahead(self) -> timedelta:
        """How far the server's clock is ahead of the zone's."""
        return timedelta(hours=-self.starts_at_hour % 24)


def utc(ts_ns: int) -> datetime:
    """Return an instant (ns UTC) as a date and time in UTC, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=ts_ns // 1_000)
