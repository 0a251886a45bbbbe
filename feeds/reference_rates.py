"""The European Central Bank's daily reference rates: one file, one line per day, units per euro."""

from __future__ import annotations

import codecs
import csv
import math
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from exposure.model.ids import Currency
from feeds.book_files.lines import LineBlocks
from feeds.samples import sample_directory

FILE_NAME: Final = "eurofxref-hist.csv.gz"
_OLDEST: Final = timedelta(days=7)
_EURO: Final = Currency("EUR")


class ReferenceRates(NamedTuple):
    """The rates of one day. Units: ``per_euro`` in currency units for one euro."""

    day: date
    per_euro: dict[Currency, float]

    def rate(self, base: Currency, quote: Currency) -> float | None:
        """Return units of ``quote`` for one ``base``; None if the bank published one of them not.

        >>> rates = ReferenceRates(date(2014, 5, 8), {Currency("EUR"): 1.0, Currency("USD"): 1.25})
        >>> rates.rate(Currency("USD"), Currency("EUR"))
        0.8
        """
        if base not in self.per_euro or quote not in self.per_euro:
            return None
        return self.per_euro[quote] / self.per_euro[base]


def find_rates(recordings: Path, day: date) -> ReferenceRates | None:
    """Return the rates of a day from the file nearest to a directory of recordings.

    It is looked for in the directory, in ``ecb`` below and beside it, then among the shipped
    samples. On a day without rates the last ones of the week before count.
    """
    folders = [recordings, recordings / "ecb", recordings.resolve().parent / "ecb"]
    for folder in [*folders, sample_directory("ecb")]:
        path = folder / FILE_NAME
        if path.is_file():
            rates = read_rates(path, day)
            if rates is not None:
                return rates
    return None


def read_rates(path: Path, day: date) -> ReferenceRates | None:
    """Return the rates of a day, or the last ones of the week before; None if there are none."""
    wanted = {(day - timedelta(days=back)).isoformat() for back in range(_OLDEST.days)}
    days = (row for row in _rows(path) if row.get("Date") in wanted)
    found = max(days, key=_day_of, default=None)
    if found is None:
        return None
    return ReferenceRates(date.fromisoformat(_day_of(found)), _per_euro(found))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    lines = (line for block in LineBlocks(path) for line in block.splitlines())
    rows = (fields for fields in map(_fields, lines) if fields)
    names = next(rows, [])
    return (dict(zip(names, fields, strict=False)) for fields in rows)


def _fields(line: bytes) -> list[str]:
    text = line.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    try:
        return next(csv.reader([text]), [])
    except csv.Error:  # longer than a field can be: this line is lost, the others are not
        return []


def _day_of(row: dict[str, str]) -> str:
    return row["Date"]


def _per_euro(row: dict[str, str]) -> dict[Currency, float]:
    rates = {Currency(name): _rate(text) for name, text in row.items() if name != "Date"}
    return {_EURO: 1.0} | {name: rate for name, rate in rates.items() if 0.0 < rate < math.inf}


def _rate(text: str) -> float:
    # N/A, an empty field and anything else that is no number: the bank published no rate.
    try:
        return float(text)
    except ValueError:
        return 0.0
