"""The lake: one Parquet file per closed server day, whole or not there, for any tool to read."""

from __future__ import annotations

import io
import os
import re
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from exposure.errors import StorageError
from feeds.sealed_files import private_directory
from feeds.set_aside import sync_directory

_NAME: Final = re.compile(r"day=(\d{4}-\d{2}-\d{2})\.parquet")


class RevenueLake:
    """The files ``day=YYYY-MM-DD.parquet`` of one directory."""

    def __init__(self, directory: Path) -> None:
        """Take the directory, created with the first day."""
        self._directory = directory

    def path(self, day: date) -> Path:
        """Return where a day's file is."""
        return self._directory / f"day={day.isoformat()}.parquet"

    def days(self) -> list[date]:
        """Return the days that have a file, oldest first."""
        names = (_NAME.fullmatch(path.name) for path in self._directory.glob("day=*.parquet"))
        return sorted(date.fromisoformat(name.group(1)) for name in names if name is not None)

    def write(self, day: date, facts: pl.DataFrame) -> None:
        """Store a day's facts as a file that survives a power cut, in place of an earlier one.

        Raises:
            StorageError: It could not be written (a full disk); an earlier file is untouched.
        """
        private_directory(self._directory)
        content = io.BytesIO()
        facts.write_parquet(content)
        draft = self._directory / ".draft.parquet"
        try:
            with draft.open("wb") as file:
                file.write(content.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path(day))
            sync_directory(self._directory)
        except OSError as e:
            draft.unlink(missing_ok=True)
            raise StorageError(f"{self.path(day)} cannot be written: {e.strerror}") from e

    def read(self, day: date) -> pl.DataFrame:
        """Return a day's facts.

        Raises:
            StorageError: The file is missing or damaged.
        """
        path = self.path(day)
        try:
            return pl.read_parquet(path, hive_partitioning=False)
        except FileNotFoundError as e:
            raise StorageError(f"{path} is missing") from e
        except OSError as e:
            raise StorageError(f"{path} cannot be read: {e.strerror or e}") from e
        except pl.exceptions.PolarsError as e:
            raise StorageError(f"{path} is damaged: {str(e).partition(chr(10))[0]}") from e
