"""The instruments that Plimsoll knows without being told: contract terms as files of this package.

Both files of instruments have the columns of a book directory's ``instruments`` (semantics.md
section 9), so a broker can copy one and edit it. Where the terms come from is written in
``SOURCES.md`` beside them. The tables of leverage are read by ``regimes``.
"""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec

from exposure.model.instruments import Instrument

_FOLDER = Path(__file__).parent


def load_catalogue() -> list[Instrument]:
    """Return the instruments of the simulated broker, in file order.

    Every account currency (USD, EUR, GBP, AUD, CHF) converts to every quote currency.
    """
    return _instruments("instruments")


def load_venue_instruments() -> list[Instrument]:
    """Return terms for symbols that only recordings of crypto venues quote.

    A tether is taken at par, so that these symbols have a price in US dollars.
    """
    return _instruments("venue_instruments")


def read_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of one table of this package."""
    with (_FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _instruments(name: str) -> list[Instrument]:
    rows = [{key: text for key, text in row.items() if text} for row in read_rows(name)]
    return msgspec.convert(rows, list[Instrument], strict=False)
