"""Rows of a Parquet file. Its first row is line 1."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from exposure.errors import DataError
from feeds.book_files.rows import RawRows, Wanted, choose

_ROWS: Final = 1 << 19
_READABLE: Final = (
    pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Null, pl.Datetime, pl.Date,
)  # fmt: skip


class ParquetRows:
    """A Parquet file, read once from start to end. Damage to it is fatal: its index is its end."""

    damage: None = None

    def __init__(self, path: Path, wanted: Wanted, notes: list[str]) -> None:
        self.next_line = 1
        self._path, self._wanted, self._notes = path, wanted, notes

    def chunks(self) -> Iterator[RawRows]:
        """Yield the rows in order.

        Raises:
            DataError: The file cannot be read, lacks what is required, or has a column of a type
                that holds neither text nor numbers nor times.
        """
        everything = self._frame()
        for frame in everything.iter_slices(_ROWS) if everything.height else (everything,):
            first, self.next_line = self.next_line, self.next_line + frame.height
            yield RawRows(frame, np.arange(first, self.next_line), {})

    def _frame(self) -> pl.DataFrame:
        try:
            header = list(pl.read_parquet_schema(self._path))
            names = choose(self._path.name, header, self._wanted, self._notes)
            chosen = {theirs: ours for theirs, ours in zip(header, names, strict=True) if ours}
            frame = pl.read_parquet(self._path, columns=list(chosen)).rename(chosen)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as e:
            reason = str(e).partition("\n")[0]
            raise DataError(f"{self._path.name} cannot be read as Parquet: {reason}") from e
        for name, dtype in frame.schema.items():
            if not (dtype.is_numeric() or dtype.base_type() in _READABLE):
                raise DataError(
                    f"{self._path.name}: column {name} holds {dtype}, not text, numbers or times"
                )
        return frame
