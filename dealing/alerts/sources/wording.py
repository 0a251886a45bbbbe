"""How figures become words in headlines, facts and advice: plain text, rounded for people.

A minus is U+2212, as on the desk. Nothing here fails: what is not a number is "unknown".
"""

from __future__ import annotations

import math
import sys
from typing import Final

from dealing.alerts.model import Fact

MINUS: Final = "\u2212"
UNKNOWN: Final = "unknown"

_SIZES: Final = ((1e9, " B"), (1e6, " M"), (1e3, " k"))
_MANY: Final = 1_000.0
_TEN: Final = 9.95
_SPANS: Final = ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min"))
_LONG: Final = 2.0
"""From so many of a longer unit on, that unit is used."""


def usd(value: float | None, *, sign: bool = False) -> str:
    """Return an amount of USD in three figures.

    >>> usd(251_312_000.0), usd(-12_400.0) == MINUS + "12.4 k USD"
    ('251 M USD', True)
    >>> usd(999_960.0), usd(0.0), usd(None)
    ('1 M USD', '0 USD', 'unknown')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{_signed(value, _short(abs(value)), sign=sign)} USD"


def money(value: float | None, currency: str) -> str:
    """Return an amount of any currency, as ``usd`` does.

    >>> money(1_234.5, "EUR")
    '1.23 k EUR'
    """
    return usd(value).replace("USD", currency) if currency else usd(value)


def lots(value: float | None, *, sign: bool = False) -> str:
    """Return lots, to a hundredth where there are any.

    >>> lots(1_240.0), lots(-0.5) == MINUS + "0.5 lots", lots(320.126, sign=True)
    ('1,240 lots', True, '+320.13 lots')
    """
    if value is None or not math.isfinite(value):
        return f"{UNKNOWN} lots"
    text = f"{abs(value):,.2f}".rstrip("0").rstrip(".")
    return f"{_signed(value, text, sign=sign)} lots"


def percent(ratio: float | None) -> str:
    """Return a ratio in whole percent.

    >>> percent(1.26), percent(12.5)
    ('126 %', '1,250 %')
    """
    hundredths = math.nan if ratio is None else 100.0 * ratio
    if not math.isfinite(hundredths):
        return UNKNOWN
    return f"{_signed(hundredths, f'{abs(hundredths):,.0f}', sign=False)} %"


def span(seconds: float | None) -> str:
    """Return a length of time in one unit.

    >>> span(0.25), span(45.0), span(300.0), span(9_000.0), span(260_000.0)
    ('0.25 s', '45 s', '5 min', '2.5 h', '3 days')
    """
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    for size, word in _SPANS:
        if abs(seconds) >= _LONG * size:
            return f"{_figures(seconds / size)} {word}"
    return f"{seconds:.3g} s"


def counted(count: int, one: str, many: str = "") -> str:
    """Return how many of something.

    >>> counted(1, "deal"), counted(1_200, "deal"), counted(2, "entry", "entries")
    ('1 deal', '1,200 deals', '2 entries')
    """
    word = one if count == 1 else (many or f"{one}s")
    return f"{count:,} {word}"


def facts(*pairs: tuple[str, str]) -> tuple[Fact, ...]:
    """Return figures beside a case, those that have a text."""
    return tuple(Fact(name, text) for name, text in pairs if text)


def known(value: float | None, otherwise: float = 0.0) -> float:
    """Return a number that can be counted with, whatever a column holds."""
    return value if value is not None and math.isfinite(value) else otherwise


def _short(size: float) -> str:
    rounded = min(float(f"{size:.3g}"), sys.float_info.max)  # the largest round up to infinity
    for factor, letter in _SIZES:
        if rounded >= factor:
            scaled = rounded / factor
            return f"{scaled:,.0f}{letter}" if scaled >= _MANY else f"{scaled:.3g}{letter}"
    return f"{rounded:.3g}" if rounded >= 1.0 or rounded == 0.0 else f"{size:.2f}"


def _signed(value: float, text: str, *, sign: bool) -> str:
    if not text.strip("0."):
        return text  # nothing has no sign
    if value < 0.0:
        return MINUS + text
    return f"+{text}" if sign else text


def _figures(count: float) -> str:
    return f"{count:.2g}" if abs(count) < _TEN else f"{count:,.0f}"
