"""The schedule of corporate actions: what it holds, when, and only while nobody trades."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from exposure.errors import ConfigError
from feeds.catalogue import load_catalogue
from feeds.ports import ActionKind
from feeds.simulator.actions import NEVER, ActionSchedule
from feeds.simulator.calendar import DAY, SECOND, nanoseconds, rollovers
from feeds.simulator.market import DEFAULT_START
from feeds.simulator.parameters import read_parameters

CATALOGUE = load_catalogue()
NAMES = [one.symbol for one in CATALOGUE]
SESSIONS = {row["symbol"]: row["session"] for row in read_parameters("quoting")}
NEW_YORK = ZoneInfo("America/New_York")


def schedule(start=DEFAULT_START, instruments=CATALOGUE, rows=None):
    sessions = [SESSIONS[one.symbol] for one in instruments]
    return ActionSchedule(instruments, sessions, start, rows)


def row(**cells):
    usual = {
        "symbol": "AAPL", "kind": "dividend", "value": "0.26", "long_net": "0.85",
        "provider_long_net": "0.9", "after_days": "1", "every_days": "", "time": "09:29:30",
        "time_zone": "America/New_York",
    }  # fmt: skip
    return usual | cells


def actions_of(plan, start, until):
    found, ts = [], plan.next_after(start)
    while ts <= until:
        found += plan.at(ts)
        ts = plan.next_after(ts)
    return found


def days_of(plan, start, until):
    return [
        datetime.fromtimestamp(action.ts // SECOND, NEW_YORK).date()
        for action in actions_of(plan, start, until)
    ]


def test_the_default_week_has_a_dividend_a_split_an_adjustment_and_a_rename():
    week = actions_of(schedule(), DEFAULT_START, DEFAULT_START + 7 * DAY)
    seen = [action for one in week for action in one.seen]
    assert {action.kind for action in seen} == set(ActionKind)
    shares = {"AAPL", "MSFT", "META"}
    assert {NAMES[action.symbol] for action in seen} >= {*shares, "NVDA", "FRA40", "UK100"}
    weekdays = {end.day.weekday() for end in rollovers(DEFAULT_START, DEFAULT_START + 7 * DAY)}
    assert weekdays == set(range(7))


def test_longs_get_the_net_amount_and_shorts_pay_all_of_it():
    (apple,) = schedule(rows=[row()]).at(utc(2026, 3, 11, 13, 29, 30))
    (seen,) = apple.seen
    assert (seen.long_per_unit, seen.short_per_unit) == (pytest.approx(0.221), 0.26)
    assert seen.provider_long_per_unit == pytest.approx(0.234)
    assert (apple.asset, apple.drop, apple.ratio) == ("AAPL", 0.26, 1.0)


def utc(*parts):
    return nanoseconds(datetime(*parts, tzinfo=UTC))


def test_what_happens_to_an_asset_happens_to_all_its_symbols_but_a_name_is_one_symbols():
    rows = [
        row(symbol="DE40", value="30", time="23:30", time_zone="Europe/Berlin"),
        row(symbol="DE40", kind="rename", value="DAX", time="23:31", time_zone="Europe/Berlin"),
    ]
    plan = schedule(rows=rows)
    both, renamed = actions_of(plan, DEFAULT_START, DEFAULT_START + 3 * DAY)
    assert [NAMES[seen.symbol] for seen in both.seen] == ["GER40", "DE40"]
    assert [(NAMES[seen.symbol], seen.name) for seen in renamed.seen] == [("DE40", "DAX")]
    assert (renamed.drop, renamed.ratio) == (0.0, 1.0)


def test_a_day_on_a_weekend_is_put_off_to_monday():
    for after in ("4", "5", "6"):
        plan = schedule(rows=[row(after_days=after)])
        assert days_of(plan, DEFAULT_START, DEFAULT_START + 9 * DAY) == [date(2026, 3, 16)]


def test_a_period_goes_on_from_the_day_that_was_meant_for_ever():
    plan = schedule(rows=[row(after_days="4", every_days="91")])
    days = days_of(plan, DEFAULT_START, DEFAULT_START + 400 * DAY)
    assert days == [
        date(2026, 3, 16), date(2026, 6, 15), date(2026, 9, 14), date(2026, 12, 14),
        date(2027, 3, 15),
    ]  # fmt: skip


def test_what_was_due_before_the_start_of_its_first_day_is_not_made_up_for():
    plan = schedule(rows=[row(after_days="0", time="07:00")])
    assert plan.next_after(DEFAULT_START) == NEVER
    later = schedule(rows=[row(after_days="0", every_days="7", time="07:00")])
    assert days_of(later, DEFAULT_START, DEFAULT_START + 8 * DAY) == [date(2026, 3, 17)]


def test_the_next_moment_does_not_depend_on_what_was_asked_before():
    asked, end = schedule(), DEFAULT_START + 100 * DAY
    moments = sorted({action.ts for action in actions_of(schedule(), DEFAULT_START, end)})
    for ts in [*moments, *reversed(moments)]:
        for moment in (ts - 1, ts, ts + 1):
            assert asked.next_after(moment) == schedule().next_after(moment)
    assert asked.at(moments[0] + 1) == []


def test_a_market_of_other_symbols_has_no_actions():
    assert schedule(instruments=CATALOGUE[:5]).next_after(DEFAULT_START) == NEVER


@pytest.mark.parametrize("start", [utc(2026, 1, 5), utc(2026, 3, 10, 12), utc(2026, 10, 1, 3)])
def test_every_shipped_action_of_a_year_finds_its_asset_closed(start):
    found = actions_of(schedule(start), start, start + 366 * DAY)
    assert len(found) > 150
    assert all(action.ratio > 0.0 for action in found)


def test_an_action_while_its_asset_trades_is_refused_by_name():
    plan = schedule(rows=[row(time="10:00")])
    with pytest.raises(ConfigError, match=r"AAPL trades at 10:00:00 America/New_York"):
        actions_of(plan, DEFAULT_START, DEFAULT_START + 2 * DAY)
