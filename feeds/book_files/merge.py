"""The files of a broker's day, merged into one order in which every row has a position.

The order is that of the effective time: the running maximum of the times within each file. At one
instant quotes come first, then balances, books, actions, deals and hedges, each in its file's
order. Quotes stay columns from the file to the engine; what lies between them becomes objects.
Source: semantics.md section 9.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.model.events import NO_TIME, EventBatch, InputEvent, InstrumentDefined
from exposure.model.instruments import Instrument
from exposure.model.quotes import QuoteColumns
from feeds.book_files.files import find_files
from feeds.book_files.read import Quotes, Table, read_quotes, read_table, read_times
from feeds.book_files.reference import with_reference
from feeds.book_files.schema import (
    COUNTED_FILES,
    EVENT_FILES,
    MUST_EXIST,
    QUOTES,
    REFERENCE_QUOTES,
    STATIC_FILES,
    BookFile,
)

LONGEST_RUN: Final = 1 << 18
LONGEST_BATCH: Final = 1 << 13

Integers = NDArray[np.int64]


class Place(NamedTuple):
    """Where a row stands: its file's name and its line, from 1."""

    file: str
    line: int


class QuoteRun(NamedTuple):
    """Quotes with nothing between them; ``symbol`` is an index into the directory's symbols."""

    first_position: int
    quotes: QuoteColumns


class _Order(NamedTuple):
    """The rows between the quotes, in the order of the day.

    ``before`` is the number of quotes ahead of a row, ``source`` its table, ``row`` its row there.

    Shapes: all (n,).
    """

    effective: Integers
    before: Integers
    source: Integers
    row: Integers


class BookDirectory:
    """A broker's day as files: everything in order, and the way back to file and line.

    ``symbols`` are the names in the quotes, in order of appearance.
    """

    def __init__(
        self, quotes: Quotes, static: list[Table], timed: list[Table], counted: dict[str, Integers]
    ) -> None:
        """Take the tables in the order in which their rows happen.

        Args:
            quotes: The quotes.
            static: The state before the first event.
            timed: What happens beside the quotes; at one instant in this order.
            counted: Effective times of files that are counted and cause no events, by name.
        """
        self.symbols = quotes.symbols
        self._static, self._timed, self._counted = static, [quotes.table, *timed], counted
        rows = quotes.table.rows
        effective = _effective(rows.times)
        self._quotes_effective = effective if rows.usable.all() else effective[rows.usable]
        self._quotes = _columns(quotes.table)
        self._quote_lines = rows.lines if rows.usable.all() else rows.lines[rows.usable]
        self._order = _merged(self._timed, effective, self._quotes_effective)
        self._index = self._order.before + np.arange(len(self._order.before))
        self._static_rows = sum(len(table.rows.times) for table in static)

    def instruments(self) -> list[Instrument]:
        """Return the symbols that the directory lists."""
        events = (event for table in self._static for event in table.events())
        return [event.instrument for event in events if isinstance(event, InstrumentDefined)]

    def rows_until(self, until: int | None) -> int:
        """Return the position of the last row up to an instant (ns UTC), of all without one."""
        return self._static_rows + sum(self._ends(until))

    def counted_until(self, until: int | None) -> dict[str, int]:
        """Return how many rows files have that cause no events, up to an instant (ns UTC)."""
        return {name: _end(times, until) for name, times in self._counted.items()}

    def opening(self) -> Iterator[EventBatch]:
        """Yield the state before the first event; its events have no time."""
        events = chain.from_iterable(table.events() for table in self._static)
        position = 0
        while batch := list(islice(events, LONGEST_BATCH)):
            position += len(batch)
            yield EventBatch(position, NO_TIME, batch)

    def segments(self, until: int | None = None) -> Iterator[QuoteRun | EventBatch]:
        """Yield what happened, in order, up to and with an instant (ns UTC).

        Positions go on after those of the opening and have no gaps.
        """
        quotes_end, rows_end = self._ends(until)
        before = self._order.before[:rows_end]
        groups = np.flatnonzero(np.diff(before, prepend=-1)).tolist()
        first_events = iter(self._timed[0].rows.refused)
        readers = [first_events, *(table.events() for table in self._timed[1:])]
        done = 0
        for first, last in pairwise([*groups, rows_end]):
            reached = int(before[first])
            yield from self._quote_runs(done, reached, first)
            yield from self._batches(readers, first, last, reached)
            done = reached
        yield from self._quote_runs(done, quotes_end, rows_end)

    def lineage(self, position: int) -> Place:
        """Return where the row with a position stands."""
        index = position - 1
        for table in self._static:
            if index < len(table.rows.lines):
                return Place(table.file_name, int(table.rows.lines[index]))
            index -= len(table.rows.lines)
        k = int(np.searchsorted(self._index, index))
        if k < len(self._index) and self._index[k] == index:
            table = self._timed[self._order.source[k]]
            return Place(table.file_name, int(table.rows.lines[self._order.row[k]]))
        return Place(self._timed[0].file_name, int(self._quote_lines[index - k]))

    def _ends(self, until: int | None) -> tuple[int, int]:
        return _end(self._quotes_effective, until), _end(self._order.effective, until)

    def _quote_runs(self, first: int, last: int, rows_before: int) -> Iterator[QuoteRun]:
        position = self._static_rows + rows_before + 1
        for begin in range(first, last, LONGEST_RUN):
            part = slice(begin, min(begin + LONGEST_RUN, last))
            symbol, bid, ask, ts_event = self._quotes
            run = QuoteColumns(symbol[part], bid[part], ask[part], ts_event[part])
            yield QuoteRun(position + begin, run)

    def _batches(
        self, readers: list[Iterator[InputEvent]], first: int, last: int, quotes_before: int
    ) -> Iterator[EventBatch]:
        for begin in range(first, last, LONGEST_BATCH):
            end = min(begin + LONGEST_BATCH, last)
            sources = self._order.source[begin:end].tolist()
            events = [next(readers[source]) for source in sources]
            seen = int(self._order.effective[end - 1])
            yield EventBatch(self._static_rows + quotes_before + end, seen, events)


def read_book_directory(
    directory: Path, notes: list[str], must_exist: Sequence[str] = MUST_EXIST
) -> BookDirectory:
    """Read all files of a broker's day.

    Args:
        directory: Where the files are.
        notes: Takes sentences about what was left out or damaged.
        must_exist: The files without which nothing can be said.

    Raises:
        DataError: The directory or a file of it cannot be used at all.
    """
    paths = find_files(directory, notes, must_exist)

    def tables(files: tuple[BookFile, ...]) -> list[Table]:
        return [read_table(file, paths[file.name], notes) for file in files if file.name in paths]

    static, timed = tables(STATIC_FILES), tables(EVENT_FILES)
    counted = {
        file.name: _effective(read_times(file, paths[file.name], notes))
        for file in COUNTED_FILES
        if file.name in paths
    }
    if REFERENCE_QUOTES.name in paths:
        reference = read_quotes(paths[REFERENCE_QUOTES.name], notes, REFERENCE_QUOTES)
        timed = [with_reference(t, reference) if t.file.name == "deals" else t for t in timed]
        counted[REFERENCE_QUOTES.name] = _effective(reference.table.rows.times)
        if refused := reference.table.rows.refused:
            notes.append(
                f"{reference.table.file_name}: {len(refused):,} rows cannot be read and are left "
                f"out, the first because {refused[0].reason}"
            )
    return BookDirectory(read_quotes(paths[QUOTES.name], notes), static, timed, counted)


def _effective(times: Integers) -> Integers:
    return np.maximum.accumulate(times)


def _end(effective: Integers, until: int | None) -> int:
    if until is None:
        return len(effective)
    return int(np.searchsorted(effective, until, side="right"))


def _columns(quotes: Table) -> QuoteColumns:
    values, times, usable = quotes.rows.values, quotes.rows.times, quotes.rows.usable
    return QuoteColumns(
        values["symbol"].to_numpy(),
        values["bid"].to_numpy(),
        values["ask"].to_numpy(),
        times if usable.all() else times[usable],
    )


def _merged(timed: list[Table], quotes: Integers, usable_quotes: Integers) -> _Order:
    refused = np.flatnonzero(~timed[0].rows.usable)
    ahead = refused - np.arange(len(refused))
    parts = [_Order(quotes[refused], ahead, np.zeros_like(refused), refused)]
    for source, table in enumerate(timed[1:], 1):
        effective = _effective(table.rows.times)
        ahead = np.searchsorted(usable_quotes, effective, side="right")
        rows = np.arange(len(effective))
        parts.append(_Order(effective, ahead, np.full_like(rows, source), rows))
    joined = _Order(*map(np.concatenate, zip(*parts, strict=True)))
    by_time = np.lexsort((joined.source, joined.effective))
    return _Order(*(column[by_time] for column in joined))
