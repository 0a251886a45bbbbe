"""Rows of a CSV file, gzipped or not: one line is one row.

A block whose lines all have the header's shape is parsed at once; any other line by line, so that
one bad line costs itself and nothing else.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from exposure.errors import DataError
from feeds.book_files.lines import BLOCK_BYTES, LineBlocks
from feeds.book_files.rows import RawRows, Wanted, choose

_COMMA: Final = ord(",")
_LINE_END: Final = ord("\n")


class _Header(NamedTuple):
    """The columns to read: where they stand, what the table calls them, and how many there are."""

    places: list[int]
    names: list[str]
    width: int


class CsvRows:
    """A CSV file, read once from start to end."""

    def __init__(
        self, path: Path, wanted: Wanted, notes: list[str], block_bytes: int = BLOCK_BYTES
    ) -> None:
        self.next_line = 1
        self._path, self._wanted, self._notes = path, wanted, notes
        self._blocks = LineBlocks(path, block_bytes)

    @property
    def damage(self) -> str | None:
        """Why the file ended early, None if it did not; known after the last chunk."""
        return self._blocks.damage

    def chunks(self) -> Iterator[RawRows]:
        """Yield the rows in order.

        Raises:
            DataError: The file cannot be read, or its header lacks what is required.
        """
        blocks = iter(self._blocks)
        header, block = self._header(blocks)
        while block is not None:
            count = block.count(b"\n")
            rows = _at_once(block, header, count, self.next_line)
            yield _line_by_line(block, header, self.next_line) if rows is None else rows
            self.next_line += count
            block = next(blocks, None)

    def _header(self, blocks: Iterator[bytes]) -> tuple[_Header, bytes | None]:
        for block in blocks:
            rest = block
            while rest:
                line, _, rest = rest.partition(b"\n")
                self.next_line += 1
                if line.strip():
                    return self._read_header(line), rest
        state = "is empty" if self.damage is None else f"cannot be read, {self.damage}"
        raise DataError(f"{self._path.name} {state}: its first line must name the columns")

    def _read_header(self, line: bytes) -> _Header:
        fields = _fields(line.removeprefix(codecs.BOM_UTF8))
        if fields is None:
            raise DataError(f"{self._path.name}: the quotes of its first line are not closed")
        names = choose(self._path.name, fields, self._wanted, self._notes)
        places = [place for place, name in enumerate(names) if name]
        return _Header(places, [names[place] for place in places], len(names))


def _at_once(block: bytes, header: _Header, count: int, first_line: int) -> RawRows | None:
    if b'"' in block or not _is_regular(block, count, header.width):
        return None
    try:
        frame = pl.read_csv(
            block, has_header=False, infer_schema=False, quote_char=None, columns=header.places
        )
    except pl.exceptions.PolarsError:  # no rows at all, or bytes that are no UTF-8
        return None
    if frame.height != count:
        return None
    frame.columns = header.names
    return RawRows(frame, np.arange(first_line, first_line + count), {})


def _is_regular(block: bytes, count: int, width: int) -> bool:
    """Return whether every line has as many commas as the header."""
    characters = np.frombuffer(block, np.uint8)
    marks = characters[(characters == _COMMA) | (characters == _LINE_END)]
    if len(marks) != count * width:
        return False
    lines = marks.reshape(count, width)
    return bool((lines[:, :-1] == _COMMA).all())


def _line_by_line(block: bytes, header: _Header, first_line: int) -> RawRows:
    lines: list[int] = []
    columns: list[list[str]] = [[] for _ in header.places]
    broken: dict[int, str] = {}
    for number, line in enumerate(block.split(b"\n")[:-1], first_line):
        if not line.strip():
            continue
        fields = _fields(line)
        if fields is None or len(fields) != header.width:
            broken[len(lines)] = _wrong_shape(fields, header.width)
            fields = [*(fields or ()), *[""] * header.width]
        lines.append(number)
        for column, place in zip(columns, header.places, strict=True):
            column.append(fields[place])
    data = dict(zip(header.names, columns, strict=True))
    return RawRows(
        pl.DataFrame(data, dict.fromkeys(data, pl.String)), np.array(lines, np.int64), broken
    )


def _fields(line: bytes) -> list[str] | None:
    try:
        return next(csv.reader([line.decode("utf-8", "replace")], strict=True))
    except csv.Error:
        return None


def _wrong_shape(fields: list[str] | None, width: int) -> str:
    if fields is None:
        return "the quotes of this line are not closed"
    return f"the line has {len(fields)} fields, the header has {width}"
