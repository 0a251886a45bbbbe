"""The release calendar is public, the same for everybody and complete."""

from __future__ import annotations

from datetime import UTC, datetime

from feeds.simulator.calendar import DAY, nanoseconds
from feeds.simulator.factors import load_factors
from feeds.simulator.market import DEFAULT_START
from feeds.simulator.news import Impact, NewsSchedule


def utc(*parts: int) -> int:
    return nanoseconds(datetime(*parts, tzinfo=UTC))


def test_the_first_big_release_comes_half_an_hour_after_the_default_start():
    releases = NewsSchedule().between(DEFAULT_START, DEFAULT_START + DAY // 24)
    high = [release for release in releases if release.impact is Impact.HIGH]
    assert [(release.ts, release.title) for release in high] == [
        (utc(2026, 3, 10, 12, 30), "US consumer prices")
    ]


def test_a_release_keeps_its_local_hour_when_the_clocks_change():
    payrolls = [
        release.ts
        for release in NewsSchedule().between(utc(2026, 3, 1), utc(2026, 5, 1))
        if release.title == "US non-farm payrolls"
    ]
    assert payrolls == [utc(2026, 3, 6, 13, 30), utc(2026, 4, 3, 12, 30)]


def test_next_after_walks_through_exactly_the_published_releases():
    schedule = NewsSchedule()
    now, end = utc(2026, 3, 1), utc(2026, 4, 15)
    walked = []
    while now < end:
        now = schedule.next_after(now).ts
        walked += schedule.at(now)
    assert [one for one in walked if one.ts <= end] == NewsSchedule().between(utc(2026, 3, 1), end)


def test_every_driver_is_known_to_the_factors():
    factors = load_factors()
    assert NewsSchedule().drivers <= {*factors.drivers, *factors.codes}


def test_every_working_day_has_news():
    releases = NewsSchedule().between(utc(2026, 3, 1), utc(2026, 3, 29))
    days = {datetime.fromtimestamp(one.ts // 10**9, UTC).date() for one in releases}
    assert len({day for day in days if day.weekday() < 5}) == 20
