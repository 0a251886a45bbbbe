"""From what a file says to values, column by column; what has no value is null.

Times go through decimals, never through binary fractions: 1399528800026.447 ms is exactly
1399528800026447000 ns.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from feeds.book_files.schema import Column, Kind

_MS_IN_NS: Final = pl.Decimal(38, 6)
"""Milliseconds with six decimals: the stored integer is the time in nanoseconds."""

_WORDS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_SHOWN_CHARACTERS: Final = 40

_WHAT_IT_NEEDS: Final = {
    Kind.TEXT: "no text",
    Kind.NUMBER: "not a finite number",
    Kind.PRICE: "not a number",
    Kind.WHOLE: "not a whole number",
    Kind.FLAG: "not true or false",
    Kind.TIME: "not a time in epoch milliseconds",
}


class Values(NamedTuple):
    """A column's values, and which rows cannot be used because of it.

    Shapes: both (n,). An empty optional field is usable; it has the column's default.
    """

    values: pl.Series
    unusable: NDArray[np.bool_]


def read_column(column: Column, raw: pl.Series) -> Values:
    """Return the values of a column."""
    values = _as(column, raw)
    unusable = values.is_null()
    if column.may_be_empty and unusable.any():
        unusable &= ~_is_blank(raw)
        values = values if column.default is None else values.fill_null(column.default)
    return Values(values, unusable.to_numpy())


def why_unusable(column: Column, raw: object) -> str:
    """Return what is wrong with one field, as a sentence for a person."""
    text = "" if raw is None else str(raw).strip()
    if not text:
        return f"{column.name} is empty"
    shown = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
    if column.kind is Kind.CHOICE:
        return f"{column.name} is '{shown}', not one of {', '.join(column.choices)}"
    return f"{column.name} is '{shown}', {_WHAT_IT_NEEDS[column.kind]}"


def as_text(raw: pl.Series) -> pl.Series:
    """Return text without the space around it; null where there is none.

    Whole numbers of a Parquet file become their decimal digits.
    """
    if raw.dtype.is_float():
        raw = raw.fill_nan(None).cast(pl.String).str.strip_suffix(".0")
    return raw.cast(pl.String).str.strip_chars().replace("", None)


def as_times(raw: pl.Series) -> pl.Series:
    """Return nanoseconds since 1970 of epoch milliseconds or of a Parquet file's own times."""
    if raw.dtype.is_temporal():
        times = raw.cast(pl.Datetime("ns"), strict=False).to_physical()
    else:
        times = _numbers(raw, _MS_IN_NS).to_physical().cast(pl.Int64, strict=False)
    return times.set(times < 0, None)


def _as(column: Column, raw: pl.Series) -> pl.Series:
    values = _READ[column.kind](raw)
    if column.kind is Kind.CHOICE:
        return values.set(~values.is_in(column.choices), None)
    return values


def _finite(raw: pl.Series) -> pl.Series:
    numbers = _floats(raw)
    return numbers.set(~numbers.is_finite(), None)


def _whole(raw: pl.Series) -> pl.Series:
    numbers = _floats(raw)
    return numbers.set(numbers != numbers.floor(), None).cast(pl.Int64, strict=False)


def _flags(raw: pl.Series) -> pl.Series:
    words = as_text(raw).str.to_lowercase()
    return words.replace_strict(_WORDS, default=None, return_dtype=pl.Boolean)


def _floats(raw: pl.Series) -> pl.Series:
    return _numbers(raw, pl.Float64())


def _numbers(raw: pl.Series, dtype: pl.DataType) -> pl.Series:
    if raw.dtype.is_integer() or (raw.dtype.is_numeric() and not dtype.is_decimal()):
        return raw.cast(dtype, strict=False)
    text = raw.cast(pl.String)
    numbers = text.cast(dtype, strict=False)
    if numbers.null_count() > text.null_count():
        return text.str.strip_chars().cast(dtype, strict=False)
    return numbers


def _is_blank(raw: pl.Series) -> pl.Series:
    return as_text(raw).is_null()


_READ: Final = {
    Kind.TEXT: as_text,
    Kind.NUMBER: _finite,
    Kind.PRICE: _floats,
    Kind.WHOLE: _whole,
    Kind.FLAG: _flags,
    Kind.CHOICE: as_text,
    Kind.TIME: as_times,
}
