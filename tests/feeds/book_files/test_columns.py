"""Text and Parquet types become exact values, or null with a reason a person understands."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.book_files.columns import as_text, as_times, read_column, why_unusable
from feeds.book_files.schema import TIME, Column, Kind

NUMBER = Column("lots", Kind.NUMBER)
OPTIONAL = Column("swap", Kind.NUMBER, required=False, default=0.0, may_be_empty=True)
PRICE = Column("bid", Kind.PRICE)
WHOLE = Column("digits", Kind.WHOLE)
FLAG = Column("allow_negative", Kind.FLAG)
CHOICE = Column("book", Kind.CHOICE, choices=("A", "B"))


def values(column, raw):
    return read_column(column, pl.Series(raw)).values.to_list()


def unusable(column, raw):
    return read_column(column, pl.Series(raw)).unusable.tolist()


def test_milliseconds_become_exact_nanoseconds():
    raw = pl.Series(["1399528800026.447", "1399528800026", " 5.000001 ", "1.399528800026447E+12"])
    assert as_times(raw).to_list() == [
        1399528800026447000,
        1399528800026000000,
        5000001,
        1399528800026447000,
    ]


@given(st.integers(0, 9_000_000_000_000_000_000))
def test_any_nanosecond_survives_being_written_as_milliseconds(ns):
    text = str(Decimal(ns) / 1_000_000)
    assert as_times(pl.Series([text])).to_list() == [ns]


@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "-5", "9e30", "1e60", "1_000", "12:30"])
def test_what_is_no_moment_since_1970_has_no_time(text):
    assert as_times(pl.Series([text, "1"])).to_list() == [None, 1_000_000]


@pytest.mark.parametrize(
    "raw",
    [
        [1399528800026],
        [1399528800026.0],
        [Decimal("1399528800026.00")],
        [dt.datetime(2014, 5, 8, 6, 0, 0, 26_000)],  # noqa: DTZ001
        [dt.datetime(2014, 5, 8, 6, 0, 0, 26_000, tzinfo=dt.UTC)],
    ],
)
def test_parquet_times_of_every_type_are_the_same_moment(raw):
    assert as_times(pl.Series(raw)).to_list() == [1399528800026000000]


def test_a_binary_fraction_is_read_as_the_decimals_it_stands_for():
    assert as_times(pl.Series([1399528800026.447])).to_list() == [1399528800026447000]


def test_a_date_beyond_nanoseconds_has_no_time():
    assert as_times(pl.Series([dt.datetime(9999, 1, 1)])).to_list() == [None]  # noqa: DTZ001


def test_ids_stay_as_they_are_written():
    assert as_text(pl.Series(["0042", " x ", "", "  ", None])).to_list() == [
        "0042",
        "x",
        None,
        None,
        None,
    ]


def test_whole_numbers_of_parquet_become_their_digits():
    assert as_text(pl.Series([42, None])).to_list() == ["42", None]
    assert as_text(pl.Series([42.0, 4.5, math.nan])).to_list() == ["42", "4.5", None]


def test_numbers_are_finite_and_spaces_do_not_matter():
    raw = ["1.5", " -2e3 ", "nan", "inf", "abc", "1,5", "1_0", "", None]
    assert values(NUMBER, raw) == [1.5, -2000.0, *[None] * 7]
    assert unusable(NUMBER, raw) == [False, False, *[True] * 7]


def test_a_quoted_price_may_be_nan_or_infinite_because_the_engine_judges_it():
    bids = values(PRICE, ["NaN", "-inf", "-1.25", "x", ""])
    assert math.isnan(bids[0])
    assert bids[1:] == [-math.inf, -1.25, None, None]


def test_an_empty_optional_field_has_its_default_and_a_wrong_one_is_unusable():
    assert values(OPTIONAL, ["", None, " ", "2"]) == [0.0, 0.0, 0.0, 2.0]
    assert unusable(OPTIONAL, ["", None, "x", "nan"]) == [False, False, True, True]


def test_whole_numbers_may_be_written_with_a_point_zero():
    assert values(WHOLE, ["5", "5.0", "5.5", "x"]) == [5, 5, None, None]


def test_flags_are_words_in_any_case():
    assert values(FLAG, ["true", "FALSE", "1", "no", "maybe"]) == [True, False, True, False, None]
    assert values(FLAG, [True, False]) == [True, False]


def test_choices_are_exact():
    assert values(CHOICE, ["A", "B", "a", "Z", ""]) == ["A", "B", None, None, None]


def test_a_column_without_any_value_is_empty():
    assert unusable(NUMBER, [None, None]) == [True, True]
    assert unusable(OPTIONAL, [None, None]) == [False, False]


@pytest.mark.parametrize(
    ("column", "raw", "reason"),
    [
        (NUMBER, "abc", "lots is 'abc', not a finite number"),
        (NUMBER, " ", "lots is empty"),
        (NUMBER, None, "lots is empty"),
        (NUMBER, math.nan, "lots is 'nan', not a finite number"),
        (PRICE, "x", "bid is 'x', not a number"),
        (WHOLE, "5.5", "digits is '5.5', not a whole number"),
        (FLAG, "maybe", "allow_negative is 'maybe', not true or false"),
        (CHOICE, "Z", "book is 'Z', not one of A, B"),
        (TIME, "noon", "ts_ms is 'noon', not a time in epoch milliseconds"),
        (NUMBER, "9" * 60 + "x", f"lots is '{'9' * 40}...', not a finite number"),
    ],
)
def test_a_reason_names_column_and_value(column, raw, reason):
    assert why_unusable(column, raw) == reason
