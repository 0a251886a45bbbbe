"""Gauges of a symbol's flow: how one-sided it is, and how far prices follow it.

Neither belongs into a client's score. One-sidedness (VPIN with the true side) says how lopsided the
book becomes; it has no power of its own over volatility once activity is known. For a small broker
Kyle's lambda measures what the flow knows, not what it moves.

Source: Easley, Lopez de Prado and O'Hara, Flow toxicity and liquidity in a high-frequency world,
2012; Andersen and Bondarenko, Assessing measures of order flow toxicity, CREATES 2013-43; Kyle,
Continuous auctions and insider trading, 1985; science.md sections 1.4 and 1.5.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final, NamedTuple

BUCKETS: Final = 50
HALF_LIFE: Final = 20.0

_FEWEST: Final = 3
_LEAST_VOLUME: Final = 1e-9


class OneSidedness:
    """The mean absolute imbalance of the last buckets of equal volume, from 0 to 1."""

    def __init__(self, bucket_lots: float, buckets: int = BUCKETS) -> None:
        """Take the volume of a bucket: a fiftieth of a usual day's."""
        self._bucket_lots = bucket_lots
        self._imbalances: deque[float] = deque(maxlen=buckets)
        self._sum = self._filled = self._signed = 0.0

    @property
    def value(self) -> float | None:
        """The gauge, None before the first bucket is full."""
        count = len(self._imbalances)
        return self._sum / (count * self._bucket_lots) if count else None

    def take(self, signed_lots: float) -> None:
        """Take a client deal, + for a buy; one that is larger than a bucket fills several."""
        left, sign = abs(signed_lots), math.copysign(1.0, signed_lots)
        while left > _LEAST_VOLUME:
            part = min(left, self._bucket_lots - self._filled)
            self._filled += part
            self._signed += sign * part
            left -= part
            if self._bucket_lots - self._filled <= _LEAST_VOLUME:
                self._close_bucket()

    def _close_bucket(self) -> None:
        if len(self._imbalances) == self._imbalances.maxlen:
            self._imbalances.popleft()
        self._imbalances.append(abs(self._signed))
        self._sum = math.fsum(self._imbalances)
        self._filled = self._signed = 0.0


class Slope(NamedTuple):
    """Kyle's lambda with its standard error; ``n`` buckets were seen.

    Units: price per USD million of signed client flow (+ buys).
    """

    value: float
    error: float
    n: int


class KyleLambda:
    """The slope of price moves on signed flow, older buckets counting less.

    Exponentially weighted least squares with a constant: five sums, whatever the number of buckets.
    """

    def __init__(self, buckets_per_day: float, half_life_days: float = HALF_LIFE) -> None:
        """Take how many buckets make a day, and after how many days one counts half."""
        self._decay = 0.5 ** (1.0 / (buckets_per_day * half_life_days))
        self._n = 0
        self._w = self._x = self._y = self._xx = self._xy = self._yy = self._ww = self._wwxx = 0.0
        self._wwx = 0.0

    def take(self, flow_usd_m: float, move: float) -> None:
        """Take one bucket: signed client flow, and how far the mid moved afterwards."""
        if not (math.isfinite(flow_usd_m) and math.isfinite(move)):
            return
        d, x, y = self._decay, flow_usd_m, move
        self._n += 1
        self._w, self._x, self._y = d * self._w + 1.0, d * self._x + x, d * self._y + y
        self._xx, self._xy = d * self._xx + x * x, d * self._xy + x * y
        self._yy = d * self._yy + y * y
        self._ww, self._wwx = d * d * self._ww + 1.0, d * d * self._wwx + x
        self._wwxx = d * d * self._wwxx + x * x

    @property
    def slope(self) -> Slope | None:
        """The slope, None before three buckets with different flows.

        The error is that of weights that are no precisions: recent buckets are no surer than old
        ones, they only count more.
        """
        mean_x, mean_y = (self._x / self._w, self._y / self._w) if self._w else (0.0, 0.0)
        sxx = self._xx - self._w * mean_x**2
        if self._n < _FEWEST or sxx <= _LEAST_VOLUME * max(1.0, self._xx):
            return None
        value = (self._xy - self._w * mean_x * mean_y) / sxx
        residual = max(0.0, self._yy - self._w * mean_y**2 - value * value * sxx)
        effective = self._w * self._w / self._ww
        variance = residual / self._w * effective / max(effective - 2.0, 1.0)
        spread = self._wwxx - 2.0 * mean_x * self._wwx + mean_x**2 * self._ww
        return Slope(value, math.sqrt(variance * max(spread, 0.0)) / sxx, self._n)
