"""Grades: what a rule was worth, and which figure would have been better; never a guess."""

import doctest
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.alerts import grades
from dealing.alerts.grades import grades_of, proposal_of, wilson
from dealing.alerts.model import CaseMemory, CaseState, Outcome
from dealing.alerts.policy import Figures, Worse
from tests.dealing.alerts.book_days import Day, S, policy, rule
from tests.thorough import examples


@cache
def opened():
    """Return a case."""
    day = Day()
    day.raised("XAUUSD")
    return day.cases[1]


def graded(outcome, value, **fields):
    """Return a case that ended, with a value and a grade."""
    case = opened()
    given_ = {
        "state": CaseState.RESOLVED,
        "outcome": outcome,
        "memory": CaseMemory(peak=value),
        "resolved_us": case.opened_us,
    }
    return msgspec.structs.replace(case, **(given_ | fields))


def some(useful=(), noise=()):
    found = [graded(Outcome.USEFUL, float(value)) for value in useful]
    return found + [graded(Outcome.NOISE, float(value)) for value in noise]


def only(cases, the_policy=None):
    [grade] = grades_of(cases, the_policy or policy())
    return grade


def test_the_examples_in_the_module_hold():
    assert doctest.testmod(grades).failed == 0


def test_the_interval_of_a_share_is_wilsons():
    assert wilson(8, 10) == pytest.approx((0.4901624715, 0.9433178485))
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775327998))
    assert wilson(10, 10) == pytest.approx((0.7224672001, 1.0))
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(0, 300), st.integers(0, 300))
@examples(100)
def test_the_interval_holds_the_share_and_is_mirrored(useful, noise):
    graded_count = max(1, useful + noise)
    low, high = wilson(useful, graded_count)
    assert 0.0 <= low <= useful / graded_count <= high <= 1.0
    assert wilson(graded_count - useful, graded_count) == pytest.approx((1.0 - high, 1.0 - low))


def test_a_rule_is_graded_by_what_people_said_of_its_cases():
    cases = [
        graded(Outcome.USEFUL, 20.0, outcome_usd=12_000.0),
        graded(Outcome.USEFUL, 20.0, outcome_usd=-2_000.0),
        graded(Outcome.NOISE, 20.0),
        graded(Outcome.UNGRADED, 20.0),
        graded(Outcome.USEFUL, 20.0, state=CaseState.OPEN),
    ]
    grade = only(cases)
    assert (grade.rule, grade.ended, grade.graded) == ("stale_feed", 4, 3)
    assert (grade.useful, grade.noise, grade.precision) == (2, 1, pytest.approx(2 / 3))
    assert (grade.precision_low, grade.precision_high) == wilson(2, 3)
    assert (grade.saved_usd, grade.lost_usd, grade.usd) == (12_000.0, 2_000.0, 10_000.0)
    assert (grade.proposal, grade.proposed_fires_at) == (None, None)


def test_without_a_grade_there_is_no_precision():
    grade = only([graded(Outcome.UNGRADED, 20.0)])
    assert (grade.precision, grade.precision_low, grade.precision_high) == (None, None, None)


def test_the_time_until_somebody_looked_is_a_median_of_those_that_were_looked_at():
    cases = [graded(Outcome.UNGRADED, 20.0) for _ in range(5)]
    opened_us = cases[0].opened_us
    for number, waited_s in enumerate((10, 20, 600)):
        cases[number] = msgspec.structs.replace(
            cases[number], acknowledged_us=opened_us + waited_s * S
        )
    grade = only(cases)
    assert grade.acknowledge_s == 20.0
    assert grade.ignored == pytest.approx(0.4)
    assert only(cases[3:]).acknowledge_s is None


def test_rules_come_in_order_of_their_names():
    cases = [graded(Outcome.UNGRADED, 1.0, rule=name) for name in ("b", "a", "b")]
    assert [(one.rule, one.ended) for one in grades_of(cases, policy())] == [("a", 1), ("b", 2)]


def test_a_figure_is_proposed_that_keeps_the_useful_and_spares_the_noise():
    proposal = proposal_of(rule(), some([52, 60, 80, 90, 95, 99], [11, 12, 15, 47.3, 70]))
    assert (proposal.fires_at, proposal.kept, proposal.spared) == (50.0, 6, 4)
    assert proposal.sentence == (
        "Firing at 50 instead of 10 would have kept 6 of 6 useful cases and spared 4 of 5 that "
        "were noise."
    )
    grade = only(some([52, 60, 80, 90, 95, 99], [11, 12, 15, 47.3, 70]))
    assert (grade.proposal, grade.proposed_fires_at) == (proposal.sentence, 50.0)


def test_one_useful_case_in_twenty_may_be_given_up():
    useful = [11, *range(80, 99)]
    proposal = proposal_of(rule(), some(useful, [12, 13, 14, 50]))
    assert (proposal.kept, proposal.useful, proposal.spared) == (19, 20, 4)
    assert proposal_of(rule(), some(useful[:-1], [12, 13, 14, 50])) is None


def test_a_useful_case_is_not_given_up_for_nothing():
    useful = [20, *range(80, 99)]
    assert proposal_of(rule(), some(useful, [11, 12, 13])).kept == 20


def test_for_what_is_worse_below_a_lower_figure_is_stricter():
    one = rule(worse=Worse.BELOW, fires_at=14.0, clears_at=15.0)
    proposal = proposal_of(one, some([1, 2, 2, 3, 3, 4.5], [8, 9, 10, 13]))
    assert (proposal.fires_at, proposal.kept, proposal.spared) == (5.0, 6, 4)


NOT_ENOUGH = {
    "few": some([50] * 5, [11] * 4),
    "no noise": some([50] * 20),
    "all noise": some([], [50] * 20),
    "mixed": some([11] * 10, [50] * 10),
    "the same": some([50] * 10, [50] * 10),
    "ungraded": [graded(Outcome.UNGRADED, 50.0) for _ in range(20)],
}


@pytest.mark.parametrize("name", list(NOT_ENOUGH))
def test_without_enough_evidence_nothing_is_proposed(name):
    assert proposal_of(rule(), NOT_ENOUGH[name]) is None


def test_a_figure_is_never_made_looser():
    assert proposal_of(rule(fires_at=100.0), some([52] * 6, [11] * 6)) is None


def test_symbols_with_figures_of_their_own_say_nothing_about_the_rule():
    own = Figures(fires_at=40.0, clears_at=5.0, warning_usd=1.0, critical_usd=2.0)
    cases = some([50] * 6, [11] * 6)
    assert proposal_of(rule(by_symbol={"XAUUSD": own}), cases) is not None
    others = [msgspec.structs.replace(case, symbol="XAUUSD") for case in cases]
    assert proposal_of(rule(by_symbol={"XAUUSD": own}), others) is None
    same = Figures(fires_at=10.0, clears_at=5.0, warning_usd=1.0, critical_usd=9.0)
    assert proposal_of(rule(by_symbol={"XAUUSD": same}), others) is not None


VALUES = st.lists(st.sampled_from([10.0, 11.5, 40.0, 47.25, 99.0, 1e3]), min_size=6, max_size=25)


@given(VALUES, VALUES, st.sampled_from(Worse))
@examples(100)
def test_a_proposal_does_what_it_says_and_no_other_does_better(useful, noise, worse):
    is_above = worse is Worse.ABOVE
    one = rule(worse=worse, fires_at=10.0 if is_above else 1e3, clears_at=5.0)
    told = {}
    for figure in sorted({*useful, *noise}):
        other = msgspec.structs.replace(one, fires_at=figure)
        told[figure] = (sum(map(other.fires, useful)), sum(not other.fires(v) for v in noise))
    allowed = [spared for kept, spared in told.values() if kept >= 0.95 * len(useful)]
    proposal = proposal_of(one, some(useful, noise))
    if proposal is None:
        assert max(allowed) == 0
        return
    stricter = msgspec.structs.replace(one, fires_at=proposal.fires_at)
    assert sum(map(stricter.fires, useful)) == proposal.kept >= 0.95 * len(useful)
    assert sum(not stricter.fires(value) for value in noise) == proposal.spared == max(allowed)
