"""A storm is one case: the first few subjects get their own, all others join one."""

import time

import msgspec
import pytest

from dealing.alerts.model import (
    Action,
    Case,
    CaseState,
    ChangeKind,
    Offer,
    Severity,
)
from dealing.alerts.policy import Burst
from dealing.alerts.roll import MOST_SHOWN
from tests.dealing.alerts.book_days import Day, policy, reading, rule

STORM = 10_000


def calls(name="margin_call", **fields):
    return policy(rule(name, **fields))


def many(day, kind, numbers, usd=1_000.0, name="margin_call", after_s=0.0):
    found = [day.change(kind, reading(f"C{number}", usd + number, name)) for number in numbers]
    return day.take(*found, after_s=after_s)


def group(day):
    [case] = [case for case in day.open() if case.is_group]
    return case


def test_after_so_many_new_cases_others_join_one():
    day = Day(calls())
    for number in range(3):
        day.happened(f"C{number}", name="margin_call", after_s=10)
    [change] = day.happened("C3", 5_000.0, "margin_call", after_s=10)
    assert (change.case.dedupe_key, change.case.is_group) == ("margin_call", True)
    assert change.case.title == "Margin call: 1 together"
    many(day, ChangeKind.HAPPENED, range(4, 9))
    assert [case.member_count for case in day.open()] == [1, 1, 1, 6]
    assert group(day).title == "Margin call: 6 together"


def test_slow_ones_get_cases_of_their_own():
    day = Day(calls())
    for number in range(10):
        day.happened(f"C{number}", name="margin_call", after_s=31)
    assert [case.is_group for case in day.open()] == [False] * 10


@pytest.mark.parametrize(("waited_s", "joins"), [(60, True), (60.001, False)])
def test_a_burst_is_as_long_as_the_policy_says(waited_s, joins):
    day = Day(calls())
    many(day, ChangeKind.HAPPENED, range(3))
    [change] = many(day, ChangeKind.HAPPENED, [3], after_s=waited_s)
    assert change.case.is_group is joins


def test_a_new_book_knows_that_a_burst_goes_on():
    day = Day(calls())
    many(day, ChangeKind.HAPPENED, range(3))
    many(day, ChangeKind.HAPPENED, range(3, 6), after_s=50)
    day.restart()
    [change] = many(day, ChangeKind.HAPPENED, [6], after_s=50)
    assert (change.case.is_group, change.case.member_count) == (True, 4)


def test_when_the_burst_is_over_new_ones_stand_alone_again():
    day = Day(calls("stale_feed"))
    many(day, ChangeKind.RAISED, range(5), name="stale_feed")
    assert group(day).member_count == 2
    many(day, ChangeKind.RAISED, [7], name="stale_feed", after_s=61)
    many(day, ChangeKind.GOES_ON, range(5), usd=2_000.0, name="stale_feed")
    assert [case.member_count for case in day.open()] == [1, 1, 1, 2, 1]


def test_a_very_large_one_stands_alone_in_a_burst():
    day = Day(calls())
    many(day, ChangeKind.HAPPENED, range(20))
    [change] = day.happened("whale", 1_000_000.0, "margin_call")
    assert not change.case.is_group
    [change] = day.happened("dolphin", 999_999.0, "margin_call")
    assert change.case.is_group


def test_many_very_large_ones_are_a_storm_too():
    day = Day(calls())
    many(day, ChangeKind.HAPPENED, range(100), usd=5_000_000.0)
    assert len(day.open()) == 7
    assert group(day).member_count == 94


def test_counts_and_sums_are_of_all_and_the_largest_are_shown():
    day = Day(calls())
    many(day, ChangeKind.HAPPENED, range(3 + 500))
    case = group(day)
    assert (case.member_count, case.count, case.active_count) == (500, 500, 0)
    assert case.at_stake_usd == sum(1_000.0 + number for number in range(3, 503))
    assert [member.subject for member in case.members[:2]] == ["C502", "C501"]
    assert len(case.members) == MOST_SHOWN
    assert len(case.memory.others) == 500 - MOST_SHOWN
    assert "500 together, 626 k USD at stake. The largest is C502: C502 at" in case.headline


def test_a_group_is_as_severe_as_all_that_it_has_at_stake():
    day = Day(calls())
    many(day, ChangeKind.HAPPENED, range(3 + 10), usd=900.0)
    assert [case.severity for case in day.open()] == [Severity.INFO] * 3 + [Severity.WARNING]
    many(day, ChangeKind.HAPPENED, range(20, 160), usd=900.0)
    assert group(day).severity is Severity.CRITICAL


def test_a_group_says_in_one_line_what_one_pass_brought():
    day = Day(calls())
    many(day, ChangeKind.HAPPENED, range(1_000))
    assert day.kinds(4) == ["opened"]
    many(day, ChangeKind.HAPPENED, range(1_000, 3_000), after_s=1)
    assert len(day.kinds(4)) == 2
    many(day, ChangeKind.HAPPENED, range(3_000, 3_100), after_s=1)
    assert len(day.kinds(4)) == 2
    day.run(60)
    assert day.entries[4][-1].text == "100 more. 3,097 by now, 7.9 M USD at stake."


def test_members_that_are_over_leave_the_sum_and_stay_counted():
    day = Day(calls("stale_feed"))
    many(day, ChangeKind.RAISED, range(3 + 100), name="stale_feed")
    many(day, ChangeKind.CLEARED, range(3, 93), name="stale_feed", after_s=5)
    case = group(day)
    assert (case.member_count, case.active_count) == (100, 10)
    assert case.at_stake_usd == sum(1_000.0 + number for number in range(93, 103))
    assert [member.active for member in case.members] == [True] * 10 + [False] * 10
    day.run(60)
    assert day.kinds(case.number)[-1] == "cleared"


def test_a_member_is_known_since_it_was_there_first():
    day = Day(calls("stale_feed"))
    many(day, ChangeKind.RAISED, range(3 + 30), name="stale_feed")
    began_us = day.now_us
    day.goes_on("C3", 9_000.0, after_s=600)
    member = group(day).members[0]
    assert (member.subject, member.first_us, member.last_us) == ("C3", began_us, day.now_us)


def test_a_group_ends_when_nothing_holds_and_all_is_quiet():
    day = Day(calls("stale_feed"))
    many(day, ChangeKind.RAISED, range(3 + 100), name="stale_feed")
    many(day, ChangeKind.CLEARED, range(3 + 99), name="stale_feed", after_s=5)
    day.run(86_400)
    assert group(day).active_count == 1
    many(day, ChangeKind.CLEARED, [102], name="stale_feed")
    day.run(299)
    assert group(day).active_count == 0
    day.run(1)
    assert day.open() == []


def test_a_member_that_comes_again_is_in_the_same_group():
    day = Day(calls("stale_feed"))
    many(day, ChangeKind.RAISED, range(6), name="stale_feed")
    many(day, ChangeKind.CLEARED, [5], name="stale_feed", after_s=1)
    many(day, ChangeKind.RAISED, [5], name="stale_feed", after_s=120)
    case = group(day)
    assert (case.member_count, case.active_count, case.count) == (3, 3, 4)


def test_a_group_that_just_ended_is_opened_again_by_the_next_burst():
    day = Day(calls())
    many(day, ChangeKind.HAPPENED, range(10))
    day.run(301)
    assert day.open() == []
    many(day, ChangeKind.HAPPENED, range(20, 30), after_s=10)
    assert group(day).number == 4
    assert group(day).member_count == 14


def test_a_group_that_doubles_after_it_was_acknowledged_calls_again():
    day = Day(calls())
    many(day, ChangeKind.HAPPENED, range(3 + 10), usd=2_000.0)
    number = group(day).number
    day.act(number, "acknowledge")
    many(day, ChangeKind.HAPPENED, range(20, 29), usd=2_000.0, after_s=1)
    assert group(day).state is CaseState.ACKNOWLEDGED
    many(day, ChangeKind.HAPPENED, [30], usd=2_000.0, after_s=1)
    assert group(day).state is CaseState.OPEN
    assert day.entries[number][-1].text == "20 by now, twice as many as when it was acknowledged."


def test_a_group_offers_to_hedge_what_it_is_about_and_moves_nobody():
    day = Day(calls())
    many(day, ChangeKind.HAPPENED, range(3))
    move = Offer(action=Action.MOVE_TO_A, client_id="C1")
    for number, symbol in enumerate("ABCDE", 10):
        offers = (Offer(action=Action.HEDGE, symbol=symbol), move)
        day.happened(f"C{number}", name="margin_call", offers=offers)
    case = group(day)
    assert [offer.symbol for offer in case.offers] == ["A", "B", "C"]
    assert {offer.action for offer in case.offers} == {Action.HEDGE}


def test_a_storm_takes_less_than_a_second_and_leaves_a_handful_of_cases():
    day = Day(calls("stale_feed"))
    passes = [
        [day.change(kind, reading(f"C{number}", usd + number)) for number in range(size)]
        for kind, usd, size in (
            (ChangeKind.RAISED, 1_000.0, STORM),
            (ChangeKind.GOES_ON, 2_000.0, STORM),
            (ChangeKind.CLEARED, 2_000.0, STORM - 1),
        )
    ]
    for changes in passes:
        began = time.process_time()
        day.take(*changes, after_s=1)
        assert time.process_time() - began < 1.0
    assert len(day.cases) == 4
    assert sum(map(len, day.entries.values())) < 20
    assert (group(day).member_count, group(day).active_count) == (STORM - 3, 1)


def test_a_case_of_a_storm_is_written_down_small_and_read_back_whole():
    day = Day(calls("stale_feed", burst=Burst(above=1, within_s=60.0)))
    many(day, ChangeKind.RAISED, range(STORM), name="stale_feed")
    document = msgspec.json.encode(group(day))
    assert len(document) < 60 * STORM
    assert msgspec.json.decode(document, type=Case) == group(day)


@pytest.mark.parametrize("size", [25, 200])
def test_a_new_book_knows_every_member_of_a_group(size):
    day = Day(calls("stale_feed"))
    many(day, ChangeKind.RAISED, range(size), name="stale_feed")
    day.restart()
    assert sorted(one.subject for one in day.book.holding()) == sorted(
        f"C{number}" for number in range(size)
    )
    many(day, ChangeKind.CLEARED, range(size), name="stale_feed", after_s=1)
    assert group(day).active_count == 0
