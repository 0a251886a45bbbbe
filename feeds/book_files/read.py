"""Every file of a book directory, read, checked and kept column by column.

A row that cannot be read becomes an InputRefused at its place; everything else of its file counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from exposure.model.events import NO_TIME, InputEvent, InputRefused
from feeds.book_files.columns import Values, as_text, as_times, read_column, why_unusable
from feeds.book_files.csv_rows import CsvRows
from feeds.book_files.parquet_rows import ParquetRows
from feeds.book_files.rows import RawRows, RowSource, Wanted
from feeds.book_files.schema import QUOTES, TIME, BookFile, Column, CountedFile

_IDS: Final = ("login", "deal_id", "symbol")


class Rows(NamedTuple):
    """Rows of a file in the file's order.

    ``times`` are the rows' own in ns, NO_TIME where a row has none. ``values`` has a row for each
    one that is ``usable``, ``refused`` an event for each that is not.

    Shapes: times, lines, usable (n,); values (usable rows, columns).
    """

    times: NDArray[np.int64]
    lines: NDArray[np.int64]
    usable: NDArray[np.bool_]
    values: pl.DataFrame
    refused: list[InputRefused]


class Table(NamedTuple):
    """A file that was read: what it is, its name with the ending, and its rows."""

    file: BookFile
    file_name: str
    rows: Rows

    def events(self) -> Iterator[InputEvent]:
        """Yield one event per row, in order."""
        rows = self.rows
        refused, values = iter(rows.refused), rows.values.iter_rows(named=True)
        for time, usable in zip(rows.times.tolist(), rows.usable.tolist(), strict=True):
            yield self.file.make(time, next(values)) if usable else next(refused)


class Quotes(NamedTuple):
    """The quotes; their column ``symbol`` is an index into ``symbols``."""

    table: Table
    symbols: list[str]


def read_table(file: BookFile, path: Path, notes: list[str]) -> Table:
    """Read a file into memory.

    Raises:
        DataError: It cannot be read at all, or a required column is missing.
    """
    source = _open(path, _wanted(file), notes)
    listed: set[str] = set()
    parts = [_checked(file, raw, listed) for raw in source.chunks()]
    return Table(file, path.name, _joined(parts, source, path, notes))


def read_quotes(path: Path, notes: list[str], file: BookFile = QUOTES) -> Quotes:
    """Read the quotes with numbers for symbols, so that many millions of them fit into memory.

    Raises:
        DataError: The file cannot be read at all, or a required column is missing.
    """
    source = _open(path, _wanted(file), notes)
    codes: dict[str, int] = {}
    parts = [_coded(_checked(file, raw, set()), codes) for raw in source.chunks()]
    return Quotes(Table(file, path.name, _joined(parts, source, path, notes)), list(codes))


def read_times(file: CountedFile, path: Path, notes: list[str]) -> NDArray[np.int64]:
    """Return the time of each row of a file that is only counted.

    Raises:
        DataError: The file cannot be read at all, or a required column is missing.
    """
    notes.append(f"{path.name} is counted only: this version does not apply it to any figure")
    source = _open(path, Wanted(file.required, unused=file.optional), notes)
    times = [_times(raw.frame) for raw in source.chunks()]
    if source.damage is not None:
        notes.append(_damage_in(path, source))
    return np.concatenate(times)


def _open(path: Path, wanted: Wanted, notes: list[str]) -> RowSource:
    if path.suffix == ".parquet":
        return ParquetRows(path, wanted, notes)
    return CsvRows(path, wanted, notes)


def _wanted(file: BookFile) -> Wanted:
    required = [column.name for column in file.columns if column.required]
    optional = [column.name for column in file.columns if not column.required]
    return Wanted(required, optional, file.unused)


def _checked(file: BookFile, raw: RawRows, listed: set[str]) -> Rows:
    read = {
        column: read_column(column, raw.frame[column.name])
        for column in file.columns
        if column.name in raw.frame.columns
    }
    problems = dict(raw.broken)
    for row in np.flatnonzero(np.logical_or.reduce([one.unusable for one in read.values()])):
        problems.setdefault(int(row), _problem(read, raw.frame, int(row)))
    if file.key:
        _refuse_repeated(file.key, raw.frame, listed, problems)
    usable = np.ones(raw.frame.height, np.bool_)
    refused = sorted(problems)
    usable[refused] = False
    values = pl.DataFrame([one.values.alias(c.name) for c, one in read.items() if c is not TIME])
    times = _times(raw.frame) if TIME not in read else _filled(read[TIME].values)
    return Rows(
        times,
        raw.lines,
        usable,
        values if not refused else values.filter(usable),
        _refusals(file, raw.frame, times, [(row, problems[row]) for row in refused]),
    )


def _problem(read: dict[Column, Values], raw: pl.DataFrame, row: int) -> str:
    column = next(column for column, one in read.items() if one.unusable[row])
    return why_unusable(column, raw[column.name][row])


def _refuse_repeated(
    key: str, raw: pl.DataFrame, listed: set[str], problems: dict[int, str]
) -> None:
    for row, text in enumerate(as_text(raw[key]).to_list()):
        if row in problems:
            continue
        if text in listed:
            problems[row] = f"{key} {text} is listed twice: its first row counts"
        listed.add(text)


def _refusals(
    file: BookFile, raw: pl.DataFrame, times: NDArray[np.int64], problems: list[tuple[int, str]]
) -> list[InputRefused]:
    texts = {name: as_text(raw[name]) for name in _IDS if name in raw.columns and problems}
    return [
        InputRefused(
            int(times[row]),
            file.refusal,
            reason,
            source=file.name,
            **{name: text[row] or "" for name, text in texts.items()},
        )
        for row, reason in problems
    ]


def _times(raw: pl.DataFrame) -> NDArray[np.int64]:
    if TIME.name not in raw.columns:
        return np.full(raw.height, NO_TIME, np.int64)
    return _filled(as_times(raw[TIME.name]))


def _filled(times: pl.Series) -> NDArray[np.int64]:
    return times.fill_null(NO_TIME).to_numpy()


def _coded(rows: Rows, codes: dict[str, int]) -> Rows:
    texts = rows.values["symbol"]
    for text in texts.unique(maintain_order=True).to_list():
        codes.setdefault(text, len(codes))
    numbers = texts.cast(pl.Enum(list(codes))).to_physical().cast(pl.Int32)
    return rows._replace(values=rows.values.with_columns(numbers))


def _joined(parts: list[Rows], source: RowSource, path: Path, notes: list[str]) -> Rows:
    joined = Rows(
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.lines for part in parts]),
        np.concatenate([part.usable for part in parts]),
        pl.concat([part.values for part in parts], rechunk=True),
        [event for part in parts for event in part.refused],
    )
    if source.damage is None:
        return joined
    reason = _damage_in(path, source)
    notes.append(reason)
    return Rows(
        np.append(joined.times, NO_TIME),
        np.append(joined.lines, source.next_line),
        np.append(joined.usable, np.False_),
        joined.values,
        [*joined.refused, InputRefused(NO_TIME, "truncated_file", reason)],
    )


def _damage_in(path: Path, source: RowSource) -> str:
    return (
        f"{path.name}: {source.damage} in line {source.next_line}; the lines before it are used, "
        "copy the file again for the rest"
    )
