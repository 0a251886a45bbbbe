"""What can be seen in the prices so far: averages, volatility, jumps, a provider that leads.

One row per symbol, updated once per step for all symbols together.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from exposure.model.instruments import AssetClass, Instrument

Floats = NDArray[np.float64]

DAILY_VOLATILITY: Final[dict[str, float]] = {
    AssetClass.FX: 0.006,
    AssetClass.METAL: 0.010,
    AssetClass.INDEX: 0.012,
    AssetClass.ENERGY: 0.012,
    AssetClass.SHARE: 0.020,
    AssetClass.CRYPTO: 0.035,
    AssetClass.OTHER: 0.012,
}
"""What a symbol is taken to move in a day before its own quotes have been seen, as a share."""

SECONDS_PER_DAY: Final = 86_400.0

_FAST_S, _SLOW_S, _GAP_S, _VOLATILITY_S, _JUMP_S = 60.0, 600.0, 60.0, 900.0, 3.0
_JUMP_SIGMAS: Final = 8.0
_JUMP_PAUSE_NS: Final = 60_000_000_000
_NEVER: Final = -(1 << 62)


def sigma_per_root_second(instruments: list[Instrument]) -> Floats:
    """Return the expected relative move per square root of a second, per instrument."""
    daily = [DAILY_VOLATILITY.get(i.asset_class, 0.012) for i in instruments]
    return np.array(daily) / math.sqrt(SECONDS_PER_DAY)


class Signals:
    """Exponential averages of the mids, per symbol; NaN until the symbol has been quoted.

    Units: ``fast``, ``slow`` and ``anchor`` are client or provider mids averaged over about 60,
    600 and 3 seconds, ``gap`` the usual distance provider - client, ``variance`` in price squared
    per second, ``jump_sign`` -1, 0 or 1 with ``jump_ts`` in ns UTC.
    """

    def __init__(self, instruments: list[Instrument]) -> None:
        n = len(instruments)
        self._relative = sigma_per_root_second(instruments)
        self.fast, self.slow, self.anchor = (
            np.full(n, np.nan),
            np.full(n, np.nan),
            np.full(n, np.nan),
        )
        self.gap, self.last, self.variance = (
            np.full(n, np.nan),
            np.full(n, np.nan),
            np.full(n, np.nan),
        )
        self.jump_sign = np.zeros(n, np.int8)
        self.jump_ts = np.full(n, _NEVER, np.int64)

    def update(self, now: int, seconds: float, client_mid: Floats, lead_mid: Floats) -> None:
        """Take the mids at ``now``, ``seconds`` after the last ones."""
        first = np.isnan(self.last) & ~np.isnan(lead_mid)
        self.last[first] = self.anchor[first] = lead_mid[first]
        self.variance[first] = (lead_mid[first] * self._relative[first]) ** 2
        for average in (self.fast, self.slow):
            unset = np.isnan(average)
            average[unset] = client_mid[unset]
        gap = lead_mid - client_mid
        unset = np.isnan(self.gap)
        self.gap[unset] = gap[unset]
        self._find_jumps(now, lead_mid)
        _follow(self.fast, client_mid, seconds, _FAST_S)
        _follow(self.slow, client_mid, seconds, _SLOW_S)
        _follow(self.gap, gap, seconds, _GAP_S)
        _follow(self.anchor, lead_mid, seconds, _JUMP_S)
        _follow(self.variance, (lead_mid - self.last) ** 2 / seconds, seconds, _VOLATILITY_S)
        self.last[:] = lead_mid

    def split(self, symbol: int, ratio: float) -> None:
        """Divide what was seen of a symbol that was split: the price did not jump."""
        for average in (self.fast, self.slow, self.gap, self.last, self.anchor):
            average[symbol] /= ratio
        self.variance[symbol] /= ratio**2

    @property
    def sigma(self) -> Floats:
        """The usual move per square root of a second, in price."""
        sigma: Floats = np.sqrt(self.variance)
        return sigma

    @property
    def momentum(self) -> Floats:
        """The fast average above the slow one, in usual moves of its span."""
        momentum: Floats = (self.fast - self.slow) / (self.sigma * math.sqrt(_SLOW_S))
        return momentum

    def save(self) -> dict[str, Any]:
        """Return all averages."""
        return {name: value for name, value in vars(self).items() if name != "_relative"}

    def load(self, state: dict[str, Any]) -> None:
        """Take back what ``save`` returned."""
        vars(self).update(state)

    def _find_jumps(self, now: int, lead_mid: Floats) -> None:
        with np.errstate(invalid="ignore", divide="ignore"):
            move = (lead_mid - self.anchor) / (self.sigma * math.sqrt(_JUMP_S))
        jumped = (np.abs(move) > _JUMP_SIGMAS) & (now - self.jump_ts > _JUMP_PAUSE_NS)
        self.jump_sign[jumped] = np.sign(move[jumped]).astype(np.int8)
        self.jump_ts[jumped] = now


def _follow(average: Floats, value: Floats, seconds: float, span_s: float) -> None:
    average += (1.0 - math.exp(-seconds / span_s)) * (value - average)
