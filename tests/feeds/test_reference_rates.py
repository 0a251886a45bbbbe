"""Reference rates of a day, from the nearest file that has it."""

from __future__ import annotations

import gzip
from datetime import date

import pytest

from exposure.model.ids import Currency
from feeds.reference_rates import FILE_NAME, find_rates, read_rates
from feeds.samples import sample_directory

EUR, USD, GBP, ISK, JPY = (Currency(code) for code in ("EUR", "USD", "GBP", "ISK", "JPY"))
SHIPPED = sample_directory("ecb") / FILE_NAME


def test_rates_convert_through_the_euro():
    rates = read_rates(SHIPPED, date(2014, 5, 8))
    assert rates is not None
    assert rates.rate(EUR, USD) == 1.3953
    assert rates.rate(USD, USD) == 1.0
    assert rates.rate(GBP, USD) == pytest.approx(1.3953 / 0.8233)


def test_a_currency_that_was_not_published_has_no_rate():
    rates = read_rates(SHIPPED, date(2014, 5, 8))
    assert rates is not None
    assert rates.rate(ISK, USD) is None
    assert rates.rate(USD, Currency("XXX")) is None


def test_a_weekend_takes_the_rates_of_friday():
    rates = read_rates(SHIPPED, date(2014, 5, 11))
    assert rates is not None
    assert rates.day == date(2014, 5, 9)


def test_rates_older_than_a_week_do_not_count():
    assert read_rates(SHIPPED, date(2014, 5, 19)) is not None
    assert read_rates(SHIPPED, date(2014, 5, 20)) is None


def test_the_file_beside_the_recordings_comes_before_the_shipped_one(tmp_path):
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    (tmp_path / "ecb").mkdir()
    text = "Date,USD,JPY,CHF,\n2014-05-08,2.5,N/A,soon,\n"
    (tmp_path / "ecb" / FILE_NAME).write_bytes(gzip.compress(text.encode()))
    rates = find_rates(recordings, date(2014, 5, 8))
    assert rates is not None
    assert (rates.rate(EUR, USD), rates.rate(EUR, JPY)) == (2.5, None)
    assert rates.rate(EUR, Currency("CHF")) is None


def test_the_shipped_file_helps_where_there_is_no_other(tmp_path):
    rates = find_rates(tmp_path, date(2024, 8, 8))
    assert rates is not None
    assert rates.rate(EUR, USD) == 1.093


def test_no_file_has_the_day(tmp_path):
    assert find_rates(tmp_path, date(2020, 1, 2)) is None
