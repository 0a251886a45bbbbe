"""One day boundary for everybody, also where clocks are put forward and back."""

import doctest
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing import server_day
from dealing.server_day import DayHour, ServerDay

NEW_YORK = ServerDay(ZoneInfo("America/New_York"), 17)
HOUR = 3_600_000_000_000


def ns(*moment):
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1_000_000_000


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(server_day).failed == 0


def test_a_day_changes_on_the_nanosecond():
    bell = ns(2026, 1, 13, 22)
    assert NEW_YORK.at(bell - 1) == DayHour(date(2026, 1, 13), 23)
    assert NEW_YORK.at(bell) == DayHour(date(2026, 1, 14), 0)
    assert NEW_YORK.begin(date(2026, 1, 14)) == bell


def test_in_spring_the_day_has_23_hours_and_one_is_missing():
    begin, end = NEW_YORK.begin(date(2026, 3, 8)), NEW_YORK.begin(date(2026, 3, 9))
    assert (begin, end) == (ns(2026, 3, 7, 22), ns(2026, 3, 8, 21))
    hours = [NEW_YORK.at(ts).hour for ts in range(begin, end, HOUR)]
    assert hours == [hour for hour in range(24) if hour != 9]
    assert {NEW_YORK.at(ts).day for ts in range(begin, end, HOUR)} == {date(2026, 3, 8)}


def test_in_autumn_the_day_has_25_hours_and_one_comes_twice():
    begin, end = NEW_YORK.begin(date(2026, 11, 1)), NEW_YORK.begin(date(2026, 11, 2))
    assert (begin, end) == (ns(2026, 10, 31, 21), ns(2026, 11, 1, 22))
    hours = [NEW_YORK.at(ts).hour for ts in range(begin, end, HOUR)]
    assert hours == sorted([*range(24), 8])
    assert {NEW_YORK.at(ts).day for ts in range(begin, end, HOUR)} == {date(2026, 11, 1)}


def test_a_day_that_begins_at_midnight_has_the_date_of_the_zone():
    utc = ServerDay(ZoneInfo("UTC"), 0)
    assert utc.at(ns(2026, 1, 13)) == DayHour(date(2026, 1, 13), 0)
    assert utc.at(ns(2026, 1, 13, 23, 59, 59)) == DayHour(date(2026, 1, 13), 23)
    assert utc.begin(date(2026, 1, 13)) == ns(2026, 1, 13)


def test_a_day_that_begins_in_the_hour_that_is_missing_begins_after_it():
    odd = ServerDay(ZoneInfo("America/New_York"), 2)
    change = ns(2026, 3, 8, 7)
    assert odd.begin(odd.at(change).day) == change
    assert odd.at(change - 1).day == odd.at(change).day - timedelta(days=1)


def test_a_clock_that_is_put_back_over_midnight_does_not_bring_yesterday_back():
    # until 2011 Newfoundland put its clocks back at one minute past midnight
    odd = ServerDay(ZoneInfo("America/St_Johns"), 0)
    midnight = odd.begin(date(2010, 11, 7))
    days = {odd.at(midnight + minute * HOUR // 60).day for minute in range(180)}
    assert days == {date(2010, 11, 7)}
    assert odd.at(midnight - 1).day == date(2010, 11, 6)


@given(
    st.integers(ns(1990, 1, 1), ns(2037, 1, 1)),
    st.sampled_from(["America/New_York", "Europe/Nicosia", "Australia/Lord_Howe", "Asia/Tehran",
                     "America/Santiago", "Asia/Tokyo"]),
    st.integers(0, 23),
)  # fmt: skip
def test_every_instant_lies_in_exactly_one_day(ts, zone, starts_at):
    day = ServerDay(ZoneInfo(zone), starts_at)
    at = day.at(ts)
    assert day.begin(at.day) <= ts < day.begin(at.day + timedelta(days=1))
    assert day.start(ts) == day.begin(at.day)
    assert 0 <= at.hour < 24


@given(st.integers(ns(2009, 1, 1), ns(2030, 1, 1)), st.integers(0, 5 * HOUR), st.integers(0, 23))
def test_time_never_goes_back_to_an_earlier_day(ts, later, starts_at):
    day = ServerDay(ZoneInfo("America/St_Johns"), starts_at)
    assert day.at(ts).day <= day.at(ts + later).day


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "UTC"])
def test_the_servers_clock_is_midnight_when_the_day_begins(zone):
    day = ServerDay(ZoneInfo(zone), 17)
    for month in (1, 7):
        assert day.local(day.begin(date(2026, month, 14))) == datetime(2026, month, 14)  # noqa: DTZ001
