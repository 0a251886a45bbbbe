"""Sessions and rollovers follow local clocks, daylight saving time included."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from feeds.simulator.calendar import DAY, SECOND, Rollover, TradingHours, nanoseconds, rollovers

MINUTE = 60 * SECOND


def utc(*parts: int) -> int:
    return nanoseconds(datetime(*parts, tzinfo=UTC))


def open_at(ts: int) -> set[str]:
    hours = TradingHours()
    mask = hours.open_sessions(ts)
    return {name for name, is_open in zip(hours.names, mask, strict=True) if is_open}


def test_everything_but_american_shares_is_open_on_a_tuesday_noon():
    assert open_at(utc(2026, 3, 10, 12)) == set(TradingHours().names) - {"us_share"}


def test_only_crypto_trades_on_a_saturday():
    assert open_at(utc(2026, 3, 14, 12)) == {"crypto"}


@pytest.mark.parametrize(
    ("minute_utc", "is_open"),
    [((20, 57), True), ((20, 58), False), ((21, 2), False), ((21, 3), True)],
)
def test_currencies_pause_around_rollover(minute_utc, is_open):
    assert ("fx" in open_at(utc(2026, 3, 10, *minute_utc))) is is_open


def test_the_week_ends_on_friday_and_starts_on_sunday_in_new_york():
    assert "fx" in open_at(utc(2026, 3, 13, 20, 57))
    assert "fx" not in open_at(utc(2026, 3, 13, 20, 58))
    assert "fx" not in open_at(utc(2026, 3, 15, 21, 2))
    assert "fx" in open_at(utc(2026, 3, 15, 21, 3))


def test_american_shares_open_an_hour_earlier_in_utc_after_the_clocks_change():
    assert "us_share" not in open_at(utc(2026, 3, 6, 13, 30))
    assert "us_share" in open_at(utc(2026, 3, 6, 14, 30))
    assert "us_share" in open_at(utc(2026, 3, 9, 13, 30))


def test_next_change_is_the_first_opening_or_close():
    hours = TradingHours()
    assert hours.next_change(utc(2026, 3, 10, 12)) == utc(2026, 3, 10, 13, 30)
    assert hours.next_change(utc(2026, 3, 10, 13, 30)) > utc(2026, 3, 10, 13, 30)


def test_masks_only_change_at_the_announced_moments_over_three_weeks():
    hours = TradingHours()
    now, end = utc(2026, 3, 1), utc(2026, 3, 22)
    while now < end:
        change = hours.next_change(now)
        assert now < change <= now + DAY
        assert (hours.open_sessions(now) == TradingHours().open_sessions(change - 1)).all()
        now = change


def test_rollover_is_at_five_in_new_york_on_both_sides_of_the_clock_change():
    week = rollovers(utc(2026, 3, 6), utc(2026, 3, 10))
    assert week == [
        Rollover(utc(2026, 3, 6, 22), date(2026, 3, 6)),
        Rollover(utc(2026, 3, 7, 22), date(2026, 3, 7)),
        Rollover(utc(2026, 3, 8, 21), date(2026, 3, 8)),
        Rollover(utc(2026, 3, 9, 21), date(2026, 3, 9)),
    ]


def test_rollovers_are_after_the_first_moment_and_up_to_the_last():
    end = utc(2026, 3, 10, 21)
    assert rollovers(end - MINUTE, end) == [Rollover(end, date(2026, 3, 10))]
    assert rollovers(end, end + MINUTE) == []
