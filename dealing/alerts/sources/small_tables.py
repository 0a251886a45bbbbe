"""Rows of a frame's tables that have one row for each symbol or limit.

Some hundred rows are read faster as plain lists than filtered as columns, which costs the same
whether there are ten rows or a million. Accounts are not read like this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl


def rows_of(table: pl.DataFrame, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield some columns row by row; what has no value is None or NaN, as the column has it."""
    return zip(*(table.get_column(name).to_list() for name in columns), strict=True)
