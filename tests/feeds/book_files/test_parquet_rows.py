"""Parquet files are read like any other, and what they cannot hold is said."""

from __future__ import annotations

import polars as pl
import pytest

from exposure.errors import DataError
from feeds.book_files.parquet_rows import ParquetRows
from feeds.book_files.rows import Wanted

WANTED = Wanted(("a", "b"), ("c",))


def read(path, frame):
    frame.write_parquet(path)
    notes = []
    return list(ParquetRows(path, WANTED, notes).chunks()), notes


def test_columns_are_taken_by_name_and_the_first_row_is_line_1(tmp_path):
    frame = pl.DataFrame({"B ": [1, 2], "x": [0, 0], "A": ["p", "q"]})
    chunks, notes = read(tmp_path / "t.parquet", frame)
    assert chunks[0].frame.to_dict(as_series=False) == {"a": ["p", "q"], "b": [1, 2]}
    assert chunks[0].lines.tolist() == [1, 2]
    assert notes == ["t.parquet: columns that are not in the table are ignored: x"]


def test_a_file_without_rows_is_read(tmp_path):
    chunks, _ = read(tmp_path / "t.parquet", pl.DataFrame({"a": [], "b": []}))
    assert [chunk.frame.height for chunk in chunks] == [0]


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(DataError, match=r"t\.parquet has no column b: .*it names a, z$"):
        read(tmp_path / "t.parquet", pl.DataFrame({"a": [1], "z": [2]}))


def test_a_column_that_holds_lists_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"t\.parquet: column b holds List\(Int64\), not text"):
        read(tmp_path / "t.parquet", pl.DataFrame({"a": [1], "b": [[1]]}))


@pytest.mark.parametrize("content", [b"", b"ts_ms,symbol\n1,2\n", b"PAR1 and then nothing PAR1"])
def test_what_is_no_parquet_is_said_to_be_unreadable(tmp_path, content):
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"t\.parquet cannot be read as Parquet: "):
        list(ParquetRows(path, WANTED, []).chunks())
