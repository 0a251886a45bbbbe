"""Time goes by: cases call again, go up, wake, are muted, are quiet at night, and stand aside."""

import pytest

from dealing.alerts.errors import ActRefusedError
from dealing.alerts.model import CaseState, ChangeKind, Severity
from dealing.alerts.policy import DayHours, Escalation, Inhibitor, Route
from tests.dealing.alerts.book_days import MIN, START, Day, S, policy, reading, rule

STEPS = (Escalation(after_s=300.0, level=1), Escalation(after_s=900.0, level=2))
LOUD = {"repeat_s": 600.0, "escalates": True}
NIGHT = DayHours(from_minute=22 * 60, to_minute=6 * 60)
MORNING = START + (6 * 3_600 + 53 * 60 + 20) * S  # 06:00 UTC


def test_a_case_calls_again_until_somebody_acknowledges_it():
    day = Day(policy(rule(repeat_s=600.0)))
    day.raised("XAUUSD", 5_000.0)
    day.run(1_900)
    assert day.kinds() == ["opened", "repeated", "repeated", "repeated"]
    assert day.entries[1][-1].text == "Not acknowledged for 30 min."
    day.act(1, "acknowledge")
    day.run(86_400)
    assert day.kinds()[-1] == "acknowledged"


def test_news_of_a_case_does_not_put_off_that_it_calls():
    day = Day(policy(rule(repeat_s=600.0)))
    day.raised("XAUUSD", 2_000.0)
    day.run(500)
    day.goes_on("XAUUSD", 5_000.0)
    day.run(100)
    assert day.kinds() == ["opened", "worse", "repeated"]


def test_what_is_only_information_calls_once():
    day = Day(policy(rule(**LOUD), escalation=STEPS))
    day.raised("XAUUSD", 5.0)
    day.run(86_400)
    assert day.kinds() == ["opened"]


def test_a_critical_case_goes_up_the_order_while_nobody_acknowledges_it():
    routes = (Route(channels=("slack",)), Route(channels=("phone",), level=2))
    day = Day(policy(rule(escalates=True), escalation=STEPS, routes=routes))
    day.raised("XAUUSD", 200_000.0)
    day.run(299)
    assert day.open()[0].level == 0
    day.run(1)
    assert day.open()[0].level == 1
    day.run(600)
    assert day.open()[0].level == 2
    assert [entry.text for entry in day.entries[1]][1:] == [
        "Not acknowledged for 5 min: level 1.",
        "Not acknowledged for 15 min: level 2.",
    ]
    assert [channels for _, channels in day.told[1]] == [
        ("slack",), ("slack",), ("slack", "phone"),
    ]  # fmt: skip


def test_a_warning_does_not_go_up():
    day = Day(policy(rule(escalates=True), escalation=STEPS))
    day.raised("XAUUSD", 5_000.0)
    day.run(86_400)
    assert day.open()[0].level == 0


def test_who_slept_through_several_steps_goes_to_the_last():
    day = Day(policy(rule(escalates=True), escalation=STEPS))
    day.raised("XAUUSD", 200_000.0)
    day.wait(3_600)
    assert (day.open()[0].level, len(day.entries[1])) == (2, 2)


def test_the_time_to_answer_begins_again_when_a_case_becomes_critical():
    day = Day(policy(rule(escalates=True), escalation=STEPS))
    day.raised("XAUUSD", 5_000.0)
    day.run(3_000)
    day.goes_on("XAUUSD", 200_000.0)
    day.run(299)
    assert day.open()[0].level == 0
    day.run(1)
    assert day.open()[0].level == 1


def test_who_acknowledged_a_warning_is_called_when_it_is_critical():
    day = Day(policy(rule(**LOUD), escalation=STEPS))
    day.raised("XAUUSD", 5_000.0)
    day.act(1, "acknowledge", actor="anna")
    first_us = day.now_us
    [change] = day.goes_on("XAUUSD", 200_000.0, after_s=60)
    assert (change.case.state, change.tell) == (CaseState.OPEN, True)
    assert (change.case.owner, change.case.acknowledged_us) == ("anna", first_us)
    day.run(300)
    assert day.open()[0].level == 1


def test_a_snoozed_case_sleeps_until_its_time_and_calls_then():
    day = Day(policy(rule(**LOUD), escalation=STEPS))
    day.raised("XAUUSD", 200_000.0)
    day.act(1, "snooze", until_us=day.now_us + 30 * MIN)
    told = len(day.told[1])
    day.goes_on("XAUUSD", 900_000.0, after_s=60)
    assert day.kinds()[-1] == "worse"
    day.run(28 * 60)
    assert (day.open()[0].state, len(day.told[1])) == (CaseState.SNOOZED, told)
    day.run(60)
    case = day.open()[0]
    assert (case.state, case.snoozed_until_us) == (CaseState.OPEN, None)
    assert (day.kinds()[-1], len(day.told[1])) == ("woken", told + 1)
    day.run(300)
    assert day.open()[0].level == 1


def test_a_snoozed_case_that_gets_more_severe_wakes():
    day = Day()
    day.raised("XAUUSD", 5_000.0)
    day.act(1, "snooze", until_us=day.now_us + 30 * MIN)
    [change] = day.goes_on("XAUUSD", 200_000.0, after_s=60)
    assert (change.case.state, change.tell) == (CaseState.OPEN, True)
    assert change.case.snoozed_until_us is None


def test_a_snoozed_case_that_is_over_ends_and_says_so():
    day = Day()
    day.raised("XAUUSD", 5_000.0)
    day.act(1, "snooze", until_us=day.now_us + 30 * MIN)
    [change] = day.cleared("XAUUSD", after_s=60)
    assert (change.case.state, change.tell) == (CaseState.RESOLVED, True)
    day.run(86_400)
    assert day.kinds()[-1] == "resolved"


def test_a_mute_keeps_cases_and_tells_nobody_until_it_ends():
    day = Day(policy(rule(**LOUD), escalation=STEPS))
    day.mute(3_600)
    day.raised("XAUUSD", 200_000.0)
    day.run(3_599)
    assert (day.told, day.kinds()) == ({}, ["opened"])
    day.run(1)
    assert [version for version, _ in day.told[1]] == [1]
    day.run(299)
    assert day.open()[0].level == 0
    day.run(1)
    assert day.open()[0].level == 1


def test_what_is_over_before_a_mute_ends_is_never_told():
    day = Day()
    day.mute(3_600)
    day.raised("XAUUSD", 5_000.0)
    day.cleared("XAUUSD", after_s=60)
    day.run(7_200)
    assert day.told == {}


def test_the_end_of_what_was_told_is_told_whatever_is_muted():
    day = Day()
    day.raised("XAUUSD", 5_000.0)
    day.mute(3_600)
    [change] = day.cleared("XAUUSD", after_s=60)
    assert change.tell


def test_what_was_due_while_muted_is_said_once_afterwards():
    day = Day(policy(rule(**LOUD), escalation=STEPS))
    day.raised("XAUUSD", 200_000.0)
    day.mute(7_200)
    day.run(7_200)
    assert (day.kinds(), len(day.told[1])) == (["opened"], 2)
    assert day.open()[0].level == 0


def test_a_mute_of_a_subject_is_about_that_alone():
    day = Day()
    day.mute(3_600, subject="XAUUSD")
    day.raised("XAUUSD", 5_000.0)
    day.raised("EURUSD", 5_000.0)
    assert set(day.told) == {2}


def test_a_mute_of_a_subject_does_not_hide_a_group_that_it_is_in():
    day = Day()
    day.mute(3_600, subject="S4")
    names = [f"S{number}" for number in range(6)]
    day.take(*(day.change(ChangeKind.RAISED, reading(name, 5_000.0)) for name in names))
    assert 4 in day.told


def test_a_mute_of_another_rule_is_no_mute():
    day = Day(policy(rule(), rule("margin_call")))
    day.mute(3_600, name="margin_call")
    assert day.raised("XAUUSD")[0].tell


def test_a_mute_that_somebody_ends_lets_cases_be_told_at_once():
    day = Day()
    day.mute(3_600)
    day.raised("XAUUSD", 5_000.0)
    assert [mute.mute_id for mute in day.book.mutes(day.now_us)] == ["m1"]
    [change] = day.mute(0)
    assert change.tell
    assert day.book.mutes(day.now_us) == []


def test_of_two_mutes_both_must_end():
    day = Day()
    day.mute(600)
    day.mute(1_200, subject="XAUUSD", mute_id="m2")
    day.raised("XAUUSD", 5_000.0)
    day.run(1_199)
    assert day.told == {}
    day.run(1)
    assert len(day.told[1]) == 1


def test_a_rule_that_there_is_not_cannot_be_muted():
    with pytest.raises(ActRefusedError, match="there is no rule tea_time"):
        Day().mute(60, name="tea_time")


def test_at_night_only_critical_cases_are_told_and_others_in_the_morning():
    day = Day(policy(rule(), quiet_hours=NIGHT))
    day.raised("XAUUSD", 5_000.0)
    day.raised("EURUSD", 200_000.0)
    assert set(day.told) == {2}
    day.run((MORNING - START) / S - 1)
    assert set(day.told) == {2}
    day.run(1)
    assert set(day.told) == {1, 2}


def test_a_case_that_gets_critical_at_night_is_told_then():
    day = Day(policy(rule(), quiet_hours=NIGHT))
    day.raised("XAUUSD", 5_000.0)
    [change] = day.goes_on("XAUUSD", 200_000.0, after_s=60)
    assert (change.tell, change.case.version) == (True, 1)


def test_a_case_waits_for_the_hours_of_its_channel():
    hours = DayHours(from_minute=6 * 60, to_minute=18 * 60)
    day = Day(policy(rule(), routes=(Route(channels=("email",), hours=hours),)))
    day.raised("XAUUSD", 5_000.0)
    day.run((MORNING - START) / S)
    assert day.told[1] == [(1, ("email",))]


def test_a_case_without_any_channel_is_on_the_desk_and_waits_for_nothing():
    routes = (Route(channels=("slack",), severities=(Severity.CRITICAL,)),)
    day = Day(policy(rule(**LOUD), routes=routes))
    day.raised("XAUUSD", 5_000.0)
    assert (day.told, day.book.due_us()) == ({}, None)


FEED = {"inhibited_by": (Inhibitor(rule="feed_gap"),)}


def desk(**fields):
    return policy(rule(**(FEED | LOUD | fields)), rule("feed_gap"), rule("limit_hard"))


def test_what_another_case_explains_is_not_told():
    day = Day(desk())
    day.raised("platform", name="feed_gap")
    [change] = day.raised("XAUUSD", 5_000.0)
    assert (change.tell, change.case.inhibited_by) == (False, 1)
    assert day.entries[2][-1].text == "Beside the point while A-1 is open."


def test_the_order_within_one_pass_does_not_matter():
    day = Day(desk())
    kinds = [("XAUUSD", "stale_feed"), ("platform", "feed_gap")]
    day.take(
        *(day.change(ChangeKind.RAISED, reading(subject, 5_000.0, name)) for subject, name in kinds)
    )
    assert [case.inhibited_by for case in day.open()] == [2, None]
    assert set(day.told) == {2}


def test_a_case_that_was_told_stands_aside_when_its_reason_is_known():
    day = Day(desk())
    day.raised("XAUUSD", 5_000.0)
    day.raised("platform", name="feed_gap", after_s=1)
    assert day.open()[0].inhibited_by == 2
    day.run(7_200)
    assert len(day.told[1]) == 1


def test_what_was_explained_gets_a_while_to_end_and_is_told_then():
    day = Day(desk())
    day.raised("platform", name="feed_gap")
    day.raised("XAUUSD", 5_000.0)
    day.raised("EURUSD", 5_000.0)
    day.cleared("platform", name="feed_gap", after_s=600)
    day.cleared("EURUSD", after_s=10)
    day.run(19)
    assert set(day.told) == {1}
    day.run(1)
    assert set(day.told) == {1, 2}
    assert day.open()[0].inhibited_by is None
    assert day.entries[2][-1].text == "A-1 is over, this one is not."


def test_who_resolves_the_reason_brings_what_it_explained_back():
    day = Day(desk())
    day.raised("platform", name="feed_gap")
    day.raised("XAUUSD", 5_000.0)
    day.act(1, "resolve")
    assert day.book.due_us() is not None
    day.run(30)
    assert set(day.told) == {1, 2}


def test_a_rule_may_stand_aside_for_one_subject_of_another():
    day = Day(desk(inhibited_by=(Inhibitor(rule="feed_gap", subject="platform"),)))
    day.raised("other", name="feed_gap")
    day.raised("XAUUSD")
    assert day.open()[1].inhibited_by is None
    day.raised("platform", name="feed_gap")
    assert day.open()[1].inhibited_by == 3


def test_a_rule_may_stand_aside_for_the_same_subject():
    day = Day(desk(inhibited_by=(Inhibitor(rule="limit_hard", same_subject=True),)))
    day.raised("XAUUSD", name="limit_hard")
    day.raised("XAUUSD")
    day.raised("EURUSD")
    assert [case.inhibited_by for case in day.open()] == [None, 1, None]


def test_of_two_reasons_one_is_enough():
    both = (Inhibitor(rule="feed_gap"), Inhibitor(rule="limit_hard"))
    day = Day(desk(inhibited_by=both))
    day.raised("platform", name="feed_gap")
    day.raised("house", name="limit_hard")
    day.raised("XAUUSD", 5_000.0)
    day.cleared("platform", name="feed_gap", after_s=600)
    day.run(3_600)
    assert day.open()[1].inhibited_by == 2
    assert set(day.told) == {1, 2}


def test_a_case_keeps_its_reason_while_that_is_open():
    both = (Inhibitor(rule="feed_gap"), Inhibitor(rule="limit_hard"))
    day = Day(desk(inhibited_by=both))
    day.raised("house", name="limit_hard")
    day.raised("XAUUSD", 5_000.0)
    day.raised("platform", name="feed_gap")
    assert day.open()[1].inhibited_by == 1
    assert [kind for kind in day.kinds(2) if kind == "noted"] == ["noted"]


def test_nothing_is_due_when_only_news_can_change_anything():
    day = Day()
    assert day.book.due_us() is None
    day.raised("XAUUSD", 5_000.0)
    assert day.book.due_us() is None
    assert day.wait(86_400) == []


def test_a_clock_that_goes_back_breaks_nothing():
    day = Day(policy(rule(**LOUD), escalation=STEPS))
    day.raised("XAUUSD", 200_000.0)
    day.now_us -= 3_600 * S
    day.goes_on("XAUUSD", 300_000.0)
    day.cleared("XAUUSD")
    day.raised("XAUUSD")
    assert [case.number for case in day.open()] == [1]
