"""One underlying behind the names that brokers give a symbol.

Source: semantics.md section 7 (synonyms).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from exposure.model.instruments import Instrument

_SUFFIX: Final = re.compile(r"[.\-_#!+^].*$")

_SYNONYMS: Final = {
    "DE40": "GER40", "DAX": "GER40", "DAX40": "GER40", "GER30": "GER40", "DE30": "GER40",
    "USTEC": "NAS100", "US100": "NAS100", "NDX100": "NAS100",
    "SPX500": "US500", "SP500": "US500",
    "DJ30": "US30", "WS30": "US30", "DOW30": "US30",
    "FTSE100": "UK100", "CAC40": "FRA40", "FR40": "FRA40", "STOXX50": "EU50",
    "JPN225": "JP225", "NIKKEI225": "JP225", "NI225": "JP225",
    "XTIUSD": "WTI", "USOIL": "WTI", "XBRUSD": "BRENT", "UKOIL": "BRENT",
    "GOLD": "XAUUSD", "SILVER": "XAGUSD",
}  # fmt: skip
"""Names of the same thing at different brokers."""


def underlying_of(instrument: Instrument) -> str:
    """Return the instrument's underlying: the one it names, else what its symbol stands for."""
    if instrument.underlying:
        return instrument.underlying
    return _derived(instrument.symbol, instrument.base, instrument.quote)


@cache
def _derived(symbol: str, base: str, quote: str) -> str:
    """Return the pair that a symbol begins with, else its name without the broker's suffix.

    >>> _derived("eurusd-2", "EUR", "USD"), _derived("EURUSDm", "EUR", "USD")
    ('EURUSD', 'EURUSD')
    >>> _derived("DE40.cash", "DE40", "EUR"), _derived("AAPL", "AAPL", "USD")
    ('GER40', 'AAPL')
    """
    upper = symbol.upper()
    pair = f"{base}{quote}".upper()
    if base != quote and upper.startswith(pair):
        return _SYNONYMS.get(pair, pair)
    name = _SUFFIX.sub("", upper) or upper
    return _SYNONYMS.get(name, name)
