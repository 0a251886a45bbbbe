"""What a browser that opens now should already see: the last ten minutes, in a small ring.

Samples are taken by the desk's wall clock and carry market time, so a chart reads in market time
at any speed. A pause of the engine leaves a gap in the line instead of a bridge over it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

POINT_EVERY_MS: Final = 1_000
TREND_EVERY_MS: Final = 5_000
WINDOW_MS: Final = 600_000
GAP_MS: Final = 5_000

Point = tuple[float | None, ...]


class Sampled(NamedTuple):
    """What one frame added to the chart, and how many samples the trends have had so far."""

    points: list[Point]
    trend: int


class History:
    """The house's profit every second, tiles and prices every five."""

    def __init__(self) -> None:
        self._points: deque[Point] = deque(maxlen=WINDOW_MS // POINT_EVERY_MS)
        self._figures: deque[Mapping[str, float | None]] = deque(maxlen=WINDOW_MS // TREND_EVERY_MS)
        self._mids: deque[NDArray[np.float64]] = deque(maxlen=WINDOW_MS // TREND_EVERY_MS)
        self._names: list[str] = []
        self._point_at: float | None = None
        self._trend_at: float | None = None
        self._trends = 0

    def observe(
        self,
        at_ms: float,
        point: Point,
        figures: Mapping[str, float | None],
        mids: tuple[list[str], NDArray[np.float64]],
    ) -> Sampled:
        """Take a sample if one is due.

        Args:
            at_ms: When the engine sent the frame, wall clock.
            point: Market time (ms) first, then the chart's lines.
            figures: The tiles' figures.
            mids: Symbols and their mid prices.
        """
        names, prices = mids
        if names != self._names:
            self._mids.clear()
            self._names = names
        if self._trend_at is None or at_ms - self._trend_at >= TREND_EVERY_MS:
            self._trend_at = at_ms
            self._trends += 1
            self._figures.append(figures)
            self._mids.append(prices)
        return Sampled(self._sample(at_ms, point), self._trends)

    def points(self) -> list[Point]:
        """Return the chart's points, oldest first."""
        return list(self._points)

    def figures(self) -> dict[str, list[float | None]]:
        """Return each figure's samples, oldest first."""
        last = self._figures[-1] if self._figures else {}
        return {name: [sample.get(name) for sample in self._figures] for name in last}

    def mids(self) -> dict[str, NDArray[np.float64]]:
        """Return each symbol's samples, oldest first."""
        if not self._mids:
            return {}
        table = np.ascontiguousarray(np.stack(self._mids).T)
        return dict(zip(self._names, table, strict=True))

    def _sample(self, at_ms: float, point: Point) -> list[Point]:
        before = self._point_at
        if before is not None and at_ms - before < POINT_EVERY_MS:
            return []
        self._point_at = at_ms
        gap = before is not None and at_ms - before > GAP_MS
        points = [(point[0], *(None for _ in point[1:])), point] if gap else [point]
        self._points.extend(points)
        return points
