"""Rows of a CSV file, gzipped or not: one line is one row.

Lines that have the header's shape are parsed at once, a block at a time; any other by itself, so
that one bad line costs itself and nothing else.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from exposure.errors import DataError
from feeds.book_files.lines import BLOCK_BYTES, LineBlocks
from feeds.book_files.rows import RawRows, Wanted, choose

_COMMA, _LINE_END, _QUOTE = b',\n"'
_MARKS: Final = np.frombuffer(b',\n\r"', np.uint8)

Lines = NDArray[np.int64]


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
            yield _rows(block, header, self.next_line)
            self.next_line += block.count(b"\n")
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


def _rows(block: bytes, header: _Header, first_line: int) -> RawRows:
    lines = np.arange(first_line, first_line + block.count(b"\n"))
    rows = _at_once(_without_plain_quotes(block), header, lines)
    if rows is not None:
        return rows
    texts = block.split(b"\n")[:-1]
    plain = np.array([_is_plain(text, header.width) for text in texts], np.bool_)
    ordinary = _at_once(
        b"".join(b"%b\n" % texts[k] for k in np.flatnonzero(plain)), header, lines[plain]
    )
    if ordinary is None:
        return _line_by_line(texts, header, lines)
    odd = [texts[k] for k in np.flatnonzero(~plain)]
    return _interleaved(ordinary, _line_by_line(odd, header, lines[~plain]))


def _at_once(block: bytes, header: _Header, lines: Lines) -> RawRows | None:
    if b'"' in block or not _is_regular(block, len(lines), header.width):
        return None
    if block.startswith(codecs.BOM_UTF8):  # polars would leave it out, as in no other line
        return None
    try:
        frame = pl.read_csv(
            block, has_header=False, infer_schema=False, quote_char=None, columns=header.places
        )
    except pl.exceptions.PolarsError:  # no rows at all, or bytes that are no UTF-8
        return None
    if frame.height != len(lines):
        return None
    frame.columns = header.names
    return RawRows(frame, lines, {})


def _without_plain_quotes(block: bytes) -> bytes:
    """Remove quotes that only surround fields; a block where one does more stays as it is."""
    if b'"' not in block:
        return block
    characters = np.frombuffer(b"\n%b\n" % block, np.uint8)
    marks = np.flatnonzero(np.isin(characters, _MARKS))
    quotes = np.flatnonzero(characters[marks] == _QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    if len(opening) != len(closing) or (closing != opening + 1).any():
        return block  # a comma or a line end between two quotes
    before, after = characters[marks[opening] - 1], characters[marks[closing] + 1]
    surround = np.isin(before, _MARKS[:2]).all() and np.isin(after, _MARKS[:3]).all()
    return block.replace(b'"', b"") if surround else block


def _is_regular(block: bytes, count: int, width: int) -> bool:
    """Return whether every line has as many commas as the header."""
    characters = np.frombuffer(block, np.uint8)
    marks = characters[(characters == _COMMA) | (characters == _LINE_END)]
    if len(marks) != count * width:
        return False
    lines = marks.reshape(count, width)
    return bool((lines[:, :-1] == _COMMA).all())


def _is_plain(line: bytes, width: int) -> bool:
    return line.count(b",") == width - 1 and b'"' not in line


def _line_by_line(texts: list[bytes], header: _Header, lines: Lines) -> RawRows:
    found: list[int] = []
    columns: list[list[str]] = [[] for _ in header.places]
    broken: dict[int, str] = {}
    for line, text in zip(lines.tolist(), texts, strict=True):
        if not text.strip():
            continue
        fields = _fields(text)
        if fields is None or len(fields) != header.width:
            broken[len(found)] = _wrong_shape(fields, header.width)
            fields = [*(fields or ()), *[""] * header.width]
        found.append(line)
        for column, place in zip(columns, header.places, strict=True):
            column.append(fields[place])
    data = dict(zip(header.names, columns, strict=True))
    frame = pl.DataFrame(data, dict.fromkeys(data, pl.String))
    return RawRows(frame, np.array(found, np.int64), broken)


def _interleaved(ordinary: RawRows, odd: RawRows) -> RawRows:
    lines = np.concatenate([ordinary.lines, odd.lines])
    order = np.argsort(lines)
    lines = lines[order]
    broken = {
        int(np.searchsorted(lines, odd.lines[row])): reason for row, reason in odd.broken.items()
    }
    return RawRows(pl.concat([ordinary.frame, odd.frame])[order], lines, broken)


def _fields(line: bytes) -> list[str] | None:
    try:
        return next(csv.reader([line.decode("utf-8", "replace")], strict=True))
    except csv.Error:
        return None


def _wrong_shape(fields: list[str] | None, width: int) -> str:
    if fields is None:
        return "the quotes of this line are not closed"
    return f"the line has {len(fields)} fields, the header has {width}"
