"""Market time against wall time: how long steps are, when they are due, how fast they really go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

_SECOND: Final = 1_000_000_000
STEP_NS: Final = _SECOND // 10
LONGEST_MARKET_STEP_NS: Final = _SECOND
PATIENCE_NS: Final = _SECOND // 2
"""How late a beat may be and still be caught up; what is later is lost to the market clock."""


class Pace(NamedTuple):
    """How fast the market is to go. Units: ``speed`` in market seconds per wall second."""

    speed: float = 1.0

    @property
    def market_step_ns(self) -> int:
        """Market time of one step: a tenth of a wall second's worth, at most one second."""
        return max(1, min(int(STEP_NS * self.speed), LONGEST_MARKET_STEP_NS))

    @property
    def wall_step_ns(self) -> int:
        """Wall time between two steps."""
        return int(self.market_step_ns / self.speed)


class Metronome:
    """Says when the next step is due, without drifting and without hurrying for ever."""

    def __init__(self, period_ns: int, clock: Callable[[], int]) -> None:
        """Take the time between beats and a monotonic clock, both in ns; the first beat is now."""
        self._period_ns = period_ns
        self._clock = clock
        self._due = clock()

    def rest_ns(self) -> int:
        """Return how long to wait for the next beat, 0 if it is late."""
        now = self._clock()
        self._due = max(self._due + self._period_ns, now - PATIENCE_NS)
        return max(0, self._due - now)


class Rates(NamedTuple):
    """What happened per wall second over a stretch of at least one."""

    speed: float
    quotes_per_s: float


class Speedometer:
    """Measures the market clock and the quotes against a monotonic clock, about once a second."""

    def __init__(self, market_ns: int, clock: Callable[[], int]) -> None:
        """Take where the market clock is now and the monotonic clock, ns."""
        self._clock = clock
        self._market_ns = market_ns
        self._wall_ns = clock()
        self._quotes = 0

    def passed(self, quotes: int) -> None:
        """Count the quotes of one step."""
        self._quotes += quotes

    def read(self, market_ns: int) -> Rates | None:
        """Return the rates since the last reading, None before a second has passed."""
        wall_ns = self._clock()
        elapsed = wall_ns - self._wall_ns
        if elapsed < _SECOND:
            return None
        rates = Rates((market_ns - self._market_ns) / elapsed, self._quotes * _SECOND / elapsed)
        self._market_ns, self._wall_ns, self._quotes = market_ns, wall_ns, 0
        return rates
