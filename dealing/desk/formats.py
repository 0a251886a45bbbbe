"""How numbers and times become text, with the same rules as ``assets/js/formats.js``.

A minus is U+2212, thousands are separated by commas, and figures are compacted in tiles only.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from dealing.server_day import ServerDay, utc

__all__ = ["MINUS", "NOTHING", "ServerDay", "clock", "compact", "day", "number", "percent", "utc"]

MINUS: Final = "\u2212"
NOTHING: Final = "\u2013"

_COMPACT: Final = ((1e9, "B"), (1e6, "M"), (1e3, "k"))


def number(value: float | None, decimals: int = 0, *, sign: bool = False) -> str:
    """Return a number for a grid.

    >>> number(-1234567.891, 2) == MINUS + "1,234,567.89"
    True
    >>> number(12.0, sign=True)
    '+12'
    """
    if value is None:
        return NOTHING
    rounded = round(value, decimals)
    text = f"{abs(rounded):,.{decimals}f}"
    if rounded < 0:
        return MINUS + text
    return f"+{text}" if sign and rounded > 0 else text


def compact(value: float | None, *, sign: bool = False) -> str:
    """Return a number for a tile, three or four figures and a letter.

    >>> compact(-1234567.0) == MINUS + "1.23M"
    True
    >>> compact(999.6)
    '1,000'
    """
    if value is None:
        return NOTHING
    for size, letter in _COMPACT:
        if abs(value) >= size:
            scaled = value / size
            decimals = 2 if abs(scaled) < 100 else 1  # noqa: PLR2004 (three or four figures)
            return number(scaled, decimals, sign=sign) + letter
    return number(value, 0, sign=sign)


def percent(value: float) -> str:
    """Return a move in percent, with its sign and without zeros that say nothing.

    >>> percent(-4.50) == MINUS + "4.5 %"
    True
    """
    return f"{value:+g} %".replace("-", MINUS)


def clock(moment: datetime) -> str:
    """Return a time of day.

    >>> clock(datetime(2026, 1, 13, 15, 4, 9))
    '15:04:09'
    """
    return moment.strftime("%H:%M:%S")


def day(moment: datetime) -> str:
    """Return a date as a dealer reads it.

    >>> day(datetime(2026, 1, 13))
    'Tue 13 Jan 2026'
    """
    return moment.strftime("%a %-d %b %Y")
