"""What the house earns beside what it would earn with other books, from one stream of results.

Whether a client is kept or hedged, he does the same. So what he brings in a while is split by the
share that each set of books hedges: ``(1 - h) x kept + h x hedged``, and the difference between
two sets is ``(h' - h) x (hedged - kept)``, client by client. Where both hedge the same share it is
zero, not nearly zero. A share holds for all that a client brings from then on, what he has open
included, in both sets alike: as if open positions went along at the mid.
Source: science.md section 3 (counterfactual replay).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HOUR_NS: Final = 3_600 * 10**9
MOST_HOURS: Final = 60 * 24
"""How many hours are kept one by one; older ones stay in the totals."""

_PER_MILLION: Final = 1e-6


class Brought(NamedTuple):
    """What clients have brought since they were first known, a row each. Shapes: (clients,).

    Units: USD from the house's side. ``kept`` is what keeping everything has earned, open positions
    included, ``passed`` what hedging everything has, before costs. ``volume`` is traded worth, and
    ``cost_per_million`` what hedging a million of it costs now.
    """

    kept_usd: Floats
    passed_usd: Floats
    volume_usd: Floats
    cost_per_million: Floats


class Hour(NamedTuple):
    """What an hour came to. Units: ``hour`` counts from 1970, USD of the house."""

    hour: int
    actual_usd: float
    difference_usd: float

    @property
    def shadow_usd(self) -> float:
        """What it would have come to."""
        return self.actual_usd + self.difference_usd


class ShadowBook:
    """The house's result in the real books and in others, since the comparison began.

    ``difference_by_client`` is what the other books would have brought more, a row per client.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.begun_ns: int | None = None
        self.marked_ns = 0
        self.actual_usd = 0.0
        self.difference_usd = 0.0
        self.difference_by_client: Floats = np.zeros(0)
        self.hours: deque[Hour] = deque(maxlen=MOST_HOURS)
        self._last: tuple[Floats, Floats, Floats] = (np.zeros(0), np.zeros(0), np.zeros(0))

    def mark(self, now_ns: int, brought: Brought, actual: Floats, shadow: Floats) -> None:
        """Book what everybody brought since the last mark.

        The first mark says where everybody begins. Later clients begin at nothing.

        Args:
            now_ns: The moment of the figures, ns UTC.
            brought: Everybody's figures; rows keep their place, new ones are at the end.
            actual: The hedge ratio in the real books, (clients,).
            shadow: The same in the others.
        """
        present = (brought.kept_usd, brought.passed_usd, brought.volume_usd)
        if self.begun_ns is None:
            self.begun_ns, self._last = now_ns, present
        kept, passed, volume = (
            now - _grown(last, len(now)) for now, last in zip(present, self._last, strict=True)
        )
        hedged = passed - volume * brought.cost_per_million * _PER_MILLION
        difference = (shadow - actual) * (hedged - kept)
        grown = _grown(self.difference_by_client, len(difference))
        self.difference_by_client = grown + difference
        actual_usd = float(((1.0 - actual) * kept + actual * hedged).sum())
        self._book(now_ns, actual_usd, float(difference.sum()))
        self.marked_ns, self._last = max(self.marked_ns, now_ns), present

    @property
    def shadow_usd(self) -> float:
        """What the house would have earned."""
        return self.actual_usd + self.difference_usd

    def export(self) -> dict[str, Any]:
        """Return everything as plain values and bytes."""
        arrays = (self.difference_by_client, *self._last)
        return {
            "begun_ns": self.begun_ns,
            "marked_ns": self.marked_ns,
            "actual_usd": self.actual_usd,
            "difference_usd": self.difference_usd,
            "hours": [list(hour) for hour in self.hours],
            "arrays": [array.tobytes() for array in arrays],
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> ShadowBook:
        """Return what ``export`` was called on."""
        book = cls()
        book.begun_ns, book.marked_ns = state["begun_ns"], state["marked_ns"]
        book.actual_usd, book.difference_usd = state["actual_usd"], state["difference_usd"]
        book.hours.extend(Hour(*hour) for hour in state["hours"])
        difference, kept, passed, volume = (
            np.frombuffer(content, np.float64).copy() for content in state["arrays"]
        )
        book.difference_by_client, book._last = difference, (kept, passed, volume)
        return book

    def _book(self, now_ns: int, actual_usd: float, difference_usd: float) -> None:
        self.actual_usd += actual_usd
        self.difference_usd += difference_usd
        hour = now_ns // HOUR_NS
        if self.hours and self.hours[-1].hour >= hour:
            last = self.hours.pop()
            hour = last.hour
            actual_usd += last.actual_usd
            difference_usd += last.difference_usd
        self.hours.append(Hour(hour, actual_usd, difference_usd))


def whole_hours(hours: Sequence[Hour]) -> list[Hour]:
    """Return the hours that are over and were watched from their beginning."""
    return list(hours)[1:-1]


def hourly_sd(results_usd: Sequence[float]) -> float | None:
    """Return the standard deviation of hourly results, None with fewer than two."""
    return float(np.std(results_usd, ddof=1)) if len(results_usd) > 1 else None


def _grown(values: Floats, rows: int) -> Floats:
    return np.concatenate([values, np.zeros(max(rows - len(values), 0))])
