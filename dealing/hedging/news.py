"""When hedging waits because of news: before a release and after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from exposure.model.instruments import Instrument

EVERYBODY: Final = "risk"
DOLLAR: Final = "dollar"


class Release(NamedTuple):
    """A release; without ``drivers`` it concerns every symbol. Units: ``ts`` ns UTC."""

    ts: int
    drivers: tuple[str, ...] = ()

    def concerns(self, instrument: Instrument) -> bool:
        """Whether it may move a symbol: by one of its codes, the dollar, or the mood of all."""
        codes = {instrument.base, instrument.quote, instrument.symbol}
        if "USD" in codes:
            codes.add(DOLLAR)
        return not self.drivers or EVERYBODY in self.drivers or bool(codes & set(self.drivers))


class NewsCalendar(Protocol):
    """Who knows what comes out when."""

    def between(self, after: int, until: int) -> Sequence[Release]:
        """Return the releases in (after, until] that matter."""
        ...


class ListedNews:
    """Releases that somebody listed."""

    def __init__(self, times: Iterable[int]) -> None:
        """Take their times, ns UTC; each concerns every symbol."""
        self._releases = [Release(ts) for ts in sorted(times)]

    def between(self, after: int, until: int) -> Sequence[Release]:
        """Return the releases in (after, until]."""
        return [one for one in self._releases if after < one.ts <= until]


class AllNews:
    """Several calendars as one."""

    def __init__(self, calendars: Sequence[NewsCalendar]) -> None:
        """Take them."""
        self._calendars = calendars

    def between(self, after: int, until: int) -> Sequence[Release]:
        """Return the releases in (after, until] of all of them."""
        return [one for calendar in self._calendars for one in calendar.between(after, until)]


class NewsPauses:
    """Until when symbols wait; looks into the calendar once a minute of market time."""

    AHEAD_NS: Final = 3_600 * 10**9
    AGAIN_NS: Final = 60 * 10**9

    def __init__(self, calendar: NewsCalendar) -> None:
        """Take who knows."""
        self._calendar = calendar
        self._releases: Sequence[Release] = ()
        self._looked_at: int | None = None

    def until(self, instrument: Instrument, now: int, pause_ns: int) -> int:
        """Return when a symbol goes on, 0 if nothing holds it. At most an hour of pause counts."""
        if pause_ns <= 0:
            return 0
        if self._looked_at is None or not 0 <= now - self._looked_at < self.AGAIN_NS:
            reach = self.AHEAD_NS + self.AGAIN_NS
            self._releases, self._looked_at = self._calendar.between(now - reach, now + reach), now
        near = (one for one in self._releases if abs(one.ts - now) < pause_ns)
        return max((one.ts + pause_ns for one in near if one.concerns(instrument)), default=0)
