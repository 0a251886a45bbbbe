"""Who waits is sorted by what people need first."""

from dealing.alerts.delivery_pace import DeliveryPace
from dealing.alerts.delivery_queue import MOST_NAMED, next_of, sorted_out, summarised
from dealing.alerts.model import CaseState, Severity
from dealing.alerts.ports import Delivery
from tests.dealing.alerts.kept_cases import START, S, case, critical, resolved

PACE = DeliveryPace(down_after_s=60.0)


def waits(one, **changes):
    fields = {
        "channel": "slack", "case": one, "wanted_version": 1, "sent_version": 0, "ref": "",
        "first_wanted_us": START, **changes,
    }  # fmt: skip
    return Delivery(**fields)


def sorted_numbers(*waiting, now_us=START):
    queue = sorted_out(waiting, now_us, PACE)
    return [[one.case.number for one in part] for part in queue]


def test_new_ones_updates_and_critical_ones_are_told_apart():
    waiting = (
        waits(case(1)),
        waits(critical(2)),
        waits(critical(3), ref="ts", sent_version=1),
        waits(resolved(4), ref="ts", sent_version=1),
        waits(resolved(5)),
        waits(critical(6, state=CaseState.RESOLVED)),
    )
    assert sorted_numbers(*waiting) == [[2, 6], [1, 5], [3, 4], []]
    assert sorted_numbers(*waiting, now_us=START + 60 * S) == [[2], [1], [3, 4], [5, 6]]


def test_what_was_said_in_a_group_and_has_just_ended_waits_for_others():
    ended = waits(resolved(1), sent_version=1)
    assert sorted_numbers(ended) == [[], [], [], []]
    assert sorted_numbers(ended, now_us=START + 60 * S) == [[], [], [], [1]]
    worse = waits(critical(1, state=CaseState.RESOLVED), sent_version=1)
    assert sorted_numbers(worse) == [[1], [], [], []]


def test_a_step_of_severity_is_a_minute_of_waiting():
    info = waits(case(1, severity=Severity.INFO))
    fresh = waits(case(2), first_wanted_us=START + 59 * S)
    fresher = waits(case(2), first_wanted_us=START + 61 * S)
    assert next_of([info, fresh], is_failing=False) is fresh
    assert next_of([info, fresher], is_failing=False) is info
    assert next_of([], is_failing=False) is None


def test_while_the_channel_fails_whoever_was_tried_least_is_next():
    often, seldom = waits(critical(1), tries=3), waits(case(2), tries=2)
    assert next_of([often, seldom], is_failing=True) is seldom
    assert next_of([often, seldom], is_failing=False) is often


def test_a_summary_takes_all_but_the_critical_ones_beyond_those_that_it_names():
    gone = [waits(critical(n)) for n in range(MOST_NAMED + 5)] + [waits(case(n)) for n in range(99)]
    taken = summarised(gone)
    assert len(taken) == MOST_NAMED + 99
