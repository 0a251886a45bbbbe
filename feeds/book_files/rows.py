"""Rows as they stand in a file, before anybody asks what they mean.

Text files and Parquet files become the same chunks: columns by their name in the table, one row
per row of the file, and which rows have no proper shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from exposure.errors import DataError


class Wanted(NamedTuple):
    """The columns that are read from a file: all of ``required``, of ``optional`` what exists.

    ``unused`` ones are known and left out without a word.
    """

    required: Sequence[str]
    optional: Sequence[str] = ()
    unused: Sequence[str] = ()


class RawRows(NamedTuple):
    """Some rows of a file in order.

    ``frame`` has the columns that were wanted, text or whatever a Parquet file holds. ``lines``
    says where each row stands in the file, from 1. ``broken`` gives the reason for rows that do not
    have the header's shape; their fields are as good as they can be.

    Shapes: frame (n, ...), lines (n,).
    """

    frame: pl.DataFrame
    lines: NDArray[np.int64]
    broken: dict[int, str]


class RowSource(Protocol):
    """An opened file of the table."""

    @property
    def damage(self) -> str | None:
        """Why the file ended early, None if it did not; known after the last chunk."""
        ...

    @property
    def next_line(self) -> int:
        """The line after the last one that was read."""
        ...

    def chunks(self) -> Iterator[RawRows]:
        """Yield the rows in order."""
        ...


def choose(file_name: str, header: Sequence[str], wanted: Wanted, notes: list[str]) -> list[str]:
    """Return the header's names as the table spells them, "" where a column is not read.

    Raises:
        DataError: A required column is missing, or a column is named twice.
    """
    names = [name.strip().casefold() for name in header]
    reading = {*wanted.required, *wanted.optional}
    twice = [name for name in reading if names.count(name) > 1]
    if twice:
        raise DataError(f"{file_name} names the column {min(twice)} twice: keep one of them")
    missing = [name for name in wanted.required if name not in names]
    if missing:
        raise DataError(
            f"{file_name} has no column {' and no column '.join(missing)}: its first line must "
            f"name the columns, separated by commas; it names {_listing(header)}"
        )
    unknown = [name for name in names if name and name not in {*reading, *wanted.unused}]
    if unknown:
        notes.append(
            f"{file_name}: columns that are not in the table are ignored: {_listing(unknown)}"
        )
    return [name if name in reading else "" for name in names]


def _listing(names: Sequence[str], limit: int = 200) -> str:
    text = ", ".join(name.strip() for name in names) or "none"
    return text if len(text) <= limit else f"{text[:limit]}..."
