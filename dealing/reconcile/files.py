"""The rows of one side from a CSV or Parquet file: what cannot be read is set aside, with why.

Money and times are whole numbers and are read as such: they never pass through a binary fraction.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_sync.reconcile.schema import COLUMNS, Side
from crm_sync.reconcile.schema import Column as SideColumn
from dealing.reconcile.mapped import mapped, skipped
from dealing.reconcile.mapping import Mapping
from exposure.errors import DataError
from feeds.book_files.columns import as_text, read_column, why_unusable
from feeds.book_files.csv_rows import CsvRows
from feeds.book_files.parquet_rows import ParquetRows
from feeds.book_files.rows import RawRows, RowSource, Wanted
from feeds.book_files.schema import Column, Kind

LARGEST_MINOR: Final = 10**15
"""No payment is larger; sums of millions of them still fit into 64 bits."""

_LATEST_US: Final = 253_402_300_799_999_999
_BOUNDS: Final = {"at_us": (0, _LATEST_US)}
_ANY_MINOR: Final = (-LARGEST_MINOR, LARGEST_MINOR)
_SHOUTED: Final = ("currency", "credit_currency")
_KINDS: Final = ((pl.Int64, Kind.WHOLE), (pl.Float64, Kind.NUMBER), (pl.String, Kind.TEXT))
_NO_CREDIT: Final = "credit_currency is another than currency, so credit_minor must not be empty"


class Refused(NamedTuple):
    """A row that was set aside; ``line`` counts from 1."""

    file_name: str
    line: int
    reason: str

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"{self.file_name} line {self.line}: {self.reason}"


class SideRows(NamedTuple):
    """The rows of a side that can be used, and those that cannot."""

    frame: pl.DataFrame
    refused: list[Refused]


def read_side(side: Side, path: Path, notes: list[str], mapping: Mapping | None = None) -> SideRows:
    """Read a file.

    Args:
        side: Whose it is.
        path: A CSV file, gzipped or not, or a Parquet file.
        notes: Told what a person should know.
        mapping: How its columns become those of the side, None where they are.

    Raises:
        DataError: It cannot be read at all, or a required column is missing.
    """
    source = _opened(path, _wanted(side, mapping), notes)
    parts, left_out = [], 0
    for chunk in source.chunks():
        raw = chunk if mapping is None else _in_our_words(chunk, mapping)
        left_out += len(chunk.lines) - len(raw.lines)
        parts.append(_checked(side, raw, path.name))
    if left_out:
        notes.append(f"{path.name}: {left_out:,} rows are no payments by the mapping: left out")
    refused = [one for part in parts for one in part.refused]
    if source.damage is not None:
        refused.append(Refused(path.name, source.next_line, source.damage))
    return SideRows(pl.concat([part.frame for part in parts], rechunk=True), refused)


def _wanted(side: Side, mapping: Mapping | None) -> Wanted:
    if mapping is not None:
        return Wanted(sorted({name.strip().casefold() for name in mapping.columns.values()}))
    columns = COLUMNS[side]
    return Wanted(
        [column.name for column in columns if column.required],
        [column.name for column in columns if not column.required],
    )


def _in_our_words(raw: RawRows, mapping: Mapping) -> RawRows:
    """Return rows as the mapping means them, without those that it leaves out."""
    frame = mapped(raw.frame, mapping)
    kept = ~skipped(frame)
    numbers = np.flatnonzero(kept.to_numpy())
    broken = {
        int(np.searchsorted(numbers, row)): reason
        for row, reason in raw.broken.items()
        if kept[row]
    }
    return RawRows(frame.filter(kept), raw.lines[numbers], broken)


def _opened(path: Path, wanted: Wanted, notes: list[str]) -> RowSource:
    if path.suffix == ".parquet":
        return ParquetRows(path, wanted, notes)
    if path.suffix not in {".csv", ".gz"}:
        raise DataError(f"{path.name} is neither a .csv, a .csv.gz nor a .parquet file")
    return CsvRows(path, wanted, notes)


class _Values(NamedTuple):
    column: Column
    values: pl.Series
    unusable: NDArray[np.bool_]


def _checked(side: Side, raw: RawRows, file_name: str) -> SideRows:
    read = [
        _values(column, raw.frame[column.name])
        for column in COLUMNS[side]
        if column.name in raw.frame.columns
    ]
    problems = dict(raw.broken)
    for row in np.flatnonzero(np.logical_or.reduce([one.unusable for one in read])).tolist():
        problems.setdefault(row, _problem(read, raw.frame, row))
    frame = pl.DataFrame([one.values for one in read])
    for row in _without_credit(frame):
        problems.setdefault(row, _NO_CREDIT)
    usable = np.ones(raw.frame.height, np.bool_)
    usable[list(problems)] = False
    refused = [Refused(file_name, int(raw.lines[row]), problems[row]) for row in sorted(problems)]
    return SideRows(frame.filter(pl.Series(usable)), refused)


def _values(column: SideColumn, raw: pl.Series) -> _Values:
    asked = _as_asked(column)
    if column.dtype == pl.Int64:
        values = _whole(column.name, raw)
        blank = (
            as_text(raw).is_null()
            if asked.may_be_empty
            else pl.repeat(value=False, n=len(raw), eager=True)
        )
        return _Values(asked, values, (values.is_null() & ~blank).to_numpy())
    if asked.kind is Kind.CHOICE:
        raw = as_text(raw).str.to_lowercase()
    values, unusable = read_column(asked, raw)
    if column.name in _SHOUTED:
        values = values.str.to_uppercase()
    return _Values(asked, values.alias(column.name), unusable)


def _as_asked(column: SideColumn) -> Column:
    """Return a column in the words of those that read files."""
    empty = column.default is not None or not column.required
    if isinstance(column.dtype, pl.Enum):
        choices = tuple(column.dtype.categories)
        return Column(column.name, Kind.CHOICE, column.required, column.default, choices, empty)
    kind = next(kind for dtype, kind in _KINDS if column.dtype == dtype)
    return Column(column.name, kind, column.required, column.default, (), empty)


def _whole(name: str, raw: pl.Series) -> pl.Series:
    """Return whole numbers, null where there is none or it is out of all bounds."""
    if raw.dtype.is_temporal():
        raw = raw.cast(pl.Datetime("us"), strict=False).to_physical()
    values = raw if raw.dtype.is_integer() else _text_without_zeros(raw)
    numbers = values.cast(pl.Int64, strict=False).alias(name)
    least, most = _BOUNDS.get(name, _ANY_MINOR)
    return numbers.set((numbers < least) | (numbers > most), None)


def _text_without_zeros(raw: pl.Series) -> pl.Series:
    """Return texts; 12.0, as programs write whole numbers beside gaps, is 12."""
    return as_text(raw).str.replace(r"^([+-]?\d+)\.0+$", "$1").str.strip_prefix("+")


def _problem(read: list[_Values], raw: pl.DataFrame, row: int) -> str:
    column = next(one.column for one in read if one.unusable[row])
    return why_unusable(column, raw[column.name][row])


def _without_credit(frame: pl.DataFrame) -> list[int]:
    """Return conversions that do not say what the platform has to book."""
    if "credit_currency" not in frame.columns:
        return []
    other = frame["credit_currency"] != frame["currency"]
    if "credit_minor" in frame.columns:
        other &= frame["credit_minor"].is_null()
    return np.flatnonzero(other.fill_null(value=False).to_numpy()).tolist()
