"""Lines of a person's CSV file: one line is one row, and a bad one costs itself and nothing else.

Whatever cannot be used is set aside with its file, line, column and reason. The reasons never
repeat a value: files of clients hold personal data, and reasons are shown and logged.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final, NamedTuple

import msgspec

from crm_sync.clients.fields import tidy
from exposure.errors import DataError

SHOWN: Final = 1_000
"""Bad rows that are told one by one; all are counted."""

_DELIMITERS: Final = (",", ";", "\t")


class BadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was not loaded; ``column`` is the file's own name, empty for the whole line."""

    file: str
    line: int
    column: str
    reason: str


class CsvRow(NamedTuple):
    """A row that has the header's shape, by our names of the columns."""

    line: int
    values: dict[str, str]
    text: str


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """What a file may hold: our names, what others call them, and which have to be there."""

    synonyms: Mapping[str, Sequence[str]]
    required: Sequence[str]


class SetAside:
    """Takes what cannot be used; counts it, tells the first of it, and may keep the lines."""

    def __init__(self, keep: IO[str] | None = None) -> None:
        """Take a file for the lines, which hold personal data: make it for its owner only."""
        self.count = 0
        self.told: list[BadRow] = []
        self._keep = keep

    def take(self, bad: BadRow, text: str) -> None:
        """Set a row aside."""
        self.count += 1
        if len(self.told) < SHOWN:
            self.told.append(bad)
        if self._keep is not None:
            self._keep.write(f"{text}\n")


class CsvFile:
    """A CSV file with a header, read once from start to end."""

    def __init__(self, path: Path, columns: Columns, mapping: Mapping[str, str] | None) -> None:
        """Take the file.

        Args:
            path: UTF-8; separated by commas, semicolons or tabs.
            columns: What it may hold.
            mapping: What the file calls our columns; obvious names need none.
        """
        self.name = path.name
        self._path = path
        self._columns = columns
        self._mapping = mapping or {}
        self._theirs: dict[str, str] = {}

    def rows(self, aside: SetAside) -> Iterator[CsvRow]:
        """Yield the rows of the header's shape and set the others aside.

        Raises:
            DataError: The file cannot be read, or lacks a column.
        """
        try:
            with self._path.open("rb") as file:
                lines = enumerate(file, start=1)
                yield from self._rows(lines, aside)
        except OSError as e:
            raise DataError(f"{self.name} cannot be read: {e.strerror}") from e

    def refuse(self, aside: SetAside, row: CsvRow, column: str, reason: str) -> None:
        """Set a row aside because of one of our columns."""
        theirs = self._theirs.get(column, column)
        bad = BadRow(file=self.name, line=row.line, column=theirs, reason=f"{theirs} {reason}")
        aside.take(bad, row.text)

    def _rows(self, lines: Iterator[tuple[int, bytes]], aside: SetAside) -> Iterator[CsvRow]:
        header = next((raw for _, raw in lines if raw.strip()), b"")
        text = header.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace").rstrip("\r\n")
        delimiter = max(_DELIMITERS, key=text.count)
        names = self._ours(_fields(text, delimiter) or [])
        for line, raw in lines:
            if raw.strip():
                row = self._row(raw, line, names, delimiter)
                if isinstance(row, CsvRow):
                    yield row
                else:
                    aside.take(row, raw.decode("utf-8", "replace").rstrip("\r\n"))

    def _row(self, raw: bytes, line: int, names: Sequence[str], delimiter: str) -> CsvRow | BadRow:
        try:
            text = raw.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            return self._bad(line, "the line is not UTF-8")
        fields = _fields(text, delimiter)
        if fields is None:
            return self._bad(line, "the quotes of this line are not closed")
        if len(fields) != len(names):
            return self._bad(line, f"the line has {len(fields)} fields, the header {len(names)}")
        values = {name: tidy(field) for name, field in zip(names, fields, strict=True) if name}
        return CsvRow(line, values, text)

    def _bad(self, line: int, reason: str) -> BadRow:
        return BadRow(file=self.name, line=line, column="", reason=reason)

    def _ours(self, header: Sequence[str]) -> list[str]:
        """Return our names of the file's columns, "" for those that nobody needs."""
        known = {_plain(one): ours for ours, many in self._columns.synonyms.items() for one in many}
        known |= {_plain(ours): ours for ours in self._columns.synonyms}
        known |= {_plain(theirs): ours for theirs, ours in self._mapping.items()}
        found = [known.get(_plain(theirs), "") for theirs in header]
        self._theirs = dict(zip(found, header, strict=True))
        missing = [name for name in self._columns.required if name not in found]
        twice = sorted({name for name in found if name and found.count(name) > 1})
        unknown = sorted(set(self._mapping.values()) - set(self._columns.synonyms))
        _refuse(self.name, "lacks the columns", missing)
        _refuse(self.name, "has more than one column for", twice)
        _refuse(self.name, "is mapped to columns that there are not:", unknown)
        return found


def read_mapping(path: Path) -> dict[str, str]:
    """Return a mapping file: a JSON object from the file's names of columns to ours.

    Raises:
        DataError: It is none.
    """
    try:
        return msgspec.convert(json.loads(path.read_text(encoding="utf-8")), dict[str, str])
    except OSError as e:
        raise DataError(f"{path.name} cannot be read: {e.strerror}") from e
    except (ValueError, msgspec.ValidationError) as e:
        raise DataError(f"{path.name} is no JSON object of column names: {e}") from e


def _fields(text: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _refuse(file: str, what: str, names: Sequence[str]) -> None:
    if names:
        raise DataError(f"{file} {what} {', '.join(names)}: name them in a mapping file")
