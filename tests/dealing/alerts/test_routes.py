"""Who hears of a case: by severity, team and hours; and when that changes."""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from dealing.alerts.model import Severity
from dealing.alerts.policy import DayHours, Route
from dealing.alerts.routes import called, channels_of, is_quiet, next_turn_us, with_channels
from tests.dealing.alerts.book_days import Day, policy

LONDON = "Europe/London"
NIGHT = DayHours(from_minute=22 * 60, to_minute=6 * 60)
OFFICE = DayHours(from_minute=8 * 60, to_minute=18 * 60, days=(0, 1, 2, 3, 4))
ROUTES = (
    Route(channels=("slack",)),
    Route(channels=("email", "slack"), severities=(Severity.CRITICAL,)),
    Route(channels=("payments",), teams=("payments",), hours=OFFICE),
    Route(channels=("phone",), level=2),
)


def at(text, zone=LONDON):
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 10**6


@pytest.fixture
def case():
    day = Day()
    day.raised("XAUUSD", 5_000.0)
    return day.open()[0]


def channels(case, when="2026-01-14T12:00:00", **fields):
    held = policy(routes=ROUTES, zone=LONDON)
    return channels_of(held, msgspec.structs.replace(case, **fields), at(when))


def test_every_route_that_fits_adds_its_channels_once(case):
    assert channels(case) == ("slack",)
    assert channels(case, severity=Severity.CRITICAL) == ("slack", "email")
    assert channels(case, team="payments") == ("slack", "payments")
    assert channels(case, level=1) == ("slack",)
    assert channels(case, level=2) == ("slack", "phone")


@pytest.mark.parametrize(
    ("when", "is_there"),
    [
        ("2026-01-14T07:59:59", False),
        ("2026-01-14T08:00:00", True),
        ("2026-01-14T17:59:59", True),
        ("2026-01-14T18:00:00", False),
        ("2026-01-17T12:00:00", False),
        ("2026-07-14T08:00:00", True),
    ],
)
def test_a_route_has_its_hours_on_the_desks_clock(case, when, is_there):
    assert ("payments" in channels(case, when, team="payments")) is is_there


@pytest.mark.parametrize(
    ("when", "is_night"),
    [
        ("2026-01-14T21:59:59", False),
        ("2026-01-14T22:00:00", True),
        ("2026-01-15T05:59:59", True),
        ("2026-01-15T06:00:00", False),
    ],
)
def test_quiet_hours_go_over_midnight_and_never_keep_critical_ones(when, is_night):
    held = policy(quiet_hours=NIGHT, zone=LONDON)
    assert is_quiet(held, Severity.INFO, at(when)) is is_night
    assert is_quiet(held, Severity.WARNING, at(when)) is is_night
    assert not is_quiet(held, Severity.CRITICAL, at(when))


def test_a_night_belongs_to_the_day_on_which_it_begins():
    friday = msgspec.structs.replace(NIGHT, days=(4,))
    held = policy(quiet_hours=friday, zone=LONDON)
    nights = [f"2026-01-{day}T{hour}:00:00" for day in (16, 17) for hour in ("05", "23")]
    assert [is_quiet(held, Severity.INFO, at(when)) for when in nights] == [
        False, True, True, False,
    ]  # fmt: skip


def test_without_quiet_hours_no_hour_is_quiet():
    assert not is_quiet(policy(), Severity.INFO, at("2026-01-14T03:00:00"))


def test_the_next_turn_is_the_next_begin_or_end_of_any_hours():
    held = policy(quiet_hours=NIGHT, routes=ROUTES, zone=LONDON)
    turns, now_us = [], at("2026-01-14T06:00:00")
    for _ in range(5):
        now_us = next_turn_us(held, now_us)
        turns.append(datetime.fromtimestamp(now_us / 1e6, ZoneInfo(LONDON)).strftime("%d %H:%M"))
    assert turns == ["14 08:00", "14 18:00", "14 22:00", "15 06:00", "15 08:00"]


def test_who_has_no_hours_has_no_turns():
    assert next_turn_us(policy(), at("2026-01-14T06:00:00")) is None


def test_midnight_may_be_an_end():
    late = DayHours(from_minute=20 * 60, to_minute=24 * 60)
    held = policy(quiet_hours=late, zone=LONDON)
    assert is_quiet(held, Severity.INFO, at("2026-01-14T23:59:59"))
    assert not is_quiet(held, Severity.INFO, at("2026-01-15T00:00:00"))
    assert next_turn_us(held, at("2026-01-14T21:00:00")) == at("2026-01-15T00:00:00")


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_night_ends_when_clocks_change_too(day):
    held = policy(quiet_hours=DayHours(from_minute=22 * 60, to_minute=90), zone=LONDON)
    now_us = at(f"{day}T00:30:00")
    for _ in range(3):
        now_us = next_turn_us(held, now_us)
        assert now_us is not None
        if not is_quiet(held, Severity.INFO, now_us):
            break
    assert not is_quiet(held, Severity.INFO, now_us)
    assert now_us - at(f"{day}T00:30:00") <= 3 * 3_600 * 10**6


def test_one_more_is_called_with_each_level(case):
    held = policy(on_call=("anna", "boris"))
    told = [called(held, msgspec.structs.replace(case, level=level)) for level in range(4)]
    assert told == [(), ("anna",), ("anna", "boris"), ("anna", "boris")]


def test_a_policy_can_be_cut_down_to_the_channels_that_there_are(case):
    held = with_channels(policy(routes=ROUTES), {"slack", "fax"})
    assert [route.channels for route in held.routes] == [("slack",), ("slack",)]
