"""The shape of a day: when each class of markets is busy, by the clock of New York.

A season multiplies both volatility and the number of quotes. Its mean square over 24 hours is one,
so that daily volatility stays what it was said to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exposure.model.instruments import AssetClass
from feeds.simulator.parameters import read_parameters

_FRIDAY: Final = 4
_CLOSE_HOUR: Final = 17
_WEEKEND_HOURS: Final = 48
_WEEKEND_SEASON: Final = 0.1


class DailySeasons:
    """One season per asset class.

    Attributes:
        names: The classes, in the order of ``at``.
        of_codes: (k,) the season of each code.
    """

    def __init__(self, of_codes: Sequence[str]) -> None:
        """Read the seasons that ship with the simulator; ``of_codes`` names one per code."""
        rows = read_parameters("seasons")
        self.names = [name for name in rows[0] if name != "hour_new_york"]
        self.of_codes = np.array([self.names.index(name) for name in of_codes])
        hours = np.array([[float(row[name]) for name in self.names] for row in rows])
        self._weekday = hours / np.sqrt((hours**2).mean(axis=0))
        sleeps = np.array([name != AssetClass.CRYPTO for name in self.names])
        self._weekend = np.where(sleeps, _WEEKEND_SEASON, self._weekday)

    def at(self, new_york: datetime) -> NDArray[np.float64]:
        """Return the season of each class at a moment of New York's clock."""
        hours = self._weekend if _is_weekend(new_york) else self._weekday
        result: NDArray[np.float64] = hours[new_york.hour]
        return result


def _is_weekend(new_york: datetime) -> bool:
    from_friday = (new_york.weekday() - _FRIDAY) * 24 + new_york.hour
    return _CLOSE_HOUR <= from_friday < _CLOSE_HOUR + _WEEKEND_HOURS
