"""Days on which markets that trade everywhere are shut or close early, by their date in New York.

On the careful side: a day that is short counts as shut, so that nobody is called at Christmas.
Sources: CME Group, holiday calendar of metals and energy; currencies have no exchange, but nobody
makes prices on New Year's Day and Christmas Day, and few the evenings before.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from dateutil.easter import easter
from dateutil.relativedelta import MO, TH, relativedelta, weekday

from exposure.model.instruments import AssetClass

_EXCHANGES: Final = frozenset({AssetClass.METAL, AssetClass.ENERGY})


def is_holiday(asset_class: str, day: date) -> bool:
    """Return whether a trading day, which is called by its last date, is none or a short one."""
    if day in _festive(day.year):
        return True
    return asset_class in _EXCHANGES and day in _american(day.year)


@lru_cache(maxsize=8)
def _festive(year: int) -> frozenset[date]:
    return frozenset(
        date(year, month, day) for month, day in ((1, 1), (12, 24), (12, 25), (12, 31))
    )


@lru_cache(maxsize=8)
def _american(year: int) -> frozenset[date]:
    thanksgiving = _in_month(year, 11, TH(+4))
    fixed = (date(year, 1, 1), date(year, 6, 19), date(year, 7, 4), date(year, 12, 25))
    return frozenset(
        {
            *(_observed(day) for day in fixed),
            _in_month(year, 1, MO(+3)),
            _in_month(year, 2, MO(+3)),
            easter(year) - timedelta(days=2),
            date(year, 5, 31) + relativedelta(weekday=MO(-1)),
            _in_month(year, 9, MO(+1)),
            thanksgiving,
            thanksgiving + timedelta(days=1),
        }
    )


def _in_month(year: int, month: int, which: weekday) -> date:
    day: date = date(year, month, 1) + relativedelta(weekday=which)
    return day


def _observed(day: date) -> date:
    """A holiday at a week-end is observed on the nearest working day."""
    return day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))
