"""One thing to look after is one case: it opens, goes on, gets worse, ends, and comes again."""

import math

import pytest

from dealing.alerts.model import (
    Action,
    CaseState,
    ChangeKind,
    Fact,
    Offer,
    Severity,
)
from dealing.alerts.policy import Flap
from tests.dealing.alerts.book_days import MIN, START, Day, S, policy, reading, rule


def test_a_state_that_begins_opens_a_case_and_tells_it():
    day = Day()
    [change] = day.raised("XAUUSD", 5_000.0, symbol="XAUUSD", facts=(Fact("Age", "20 s"),))
    case = change.case
    assert change.tell
    assert day.book.channels(change) == ("slack",)
    assert (case.number, case.name, case.dedupe_key) == (1, "A-1", "stale_feed:XAUUSD")
    assert (case.state, case.severity, case.team) == (CaseState.OPEN, Severity.WARNING, "dealing")
    assert (case.title, case.headline) == ("Stale prices: XAUUSD", "XAUUSD at 5000")
    assert (case.count, case.member_count, case.active_count) == (1, 1, 1)
    assert (case.at_stake_usd, case.worst_usd) == (5_000.0, 5_000.0)
    assert (case.facts, case.symbol) == ((Fact("Age", "20 s"),), "XAUUSD")
    assert [entry.text for entry in change.entries] == ["XAUUSD at 5000"]
    assert day.open() == [case]


def test_what_goes_on_renews_the_figures_without_a_word():
    day = Day()
    day.raised("XAUUSD", 5_000.0)
    [change] = day.goes_on("XAUUSD", 4_000.0, after_s=1)
    assert (change.tell, change.entries) == (False, ())
    assert (change.case.at_stake_usd, change.case.worst_usd) == (4_000.0, 5_000.0)
    assert (change.case.headline, change.case.version) == ("XAUUSD at 4000", 1)
    assert change.case.members[0].first_us == START
    assert day.goes_on("XAUUSD", 4_000.0, after_s=1) == []


def test_figures_are_renewed_once_a_second_unless_they_are_worse():
    day = Day()
    day.raised("XAUUSD", 5_000.0)
    assert day.goes_on("XAUUSD", 6_000.0, after_s=0.9) == []
    assert day.goes_on("XAUUSD", 7_000.0, after_s=0.1)[0].case.at_stake_usd == 7_000.0
    assert day.goes_on("XAUUSD", 9_000.0, after_s=0.1) == []
    [change] = day.goes_on("XAUUSD", 200_000.0, after_s=0.1)
    assert (change.case.severity, change.tell) == (Severity.CRITICAL, True)
    [change] = day.cleared("XAUUSD", after_s=0.1)
    assert change.case.state is CaseState.RESOLVED


def test_a_state_that_is_over_resolves_its_case_and_tells_that():
    day = Day()
    day.raised("XAUUSD", 5_000.0)
    [change] = day.cleared("XAUUSD", 100.0, after_s=720)
    case = change.case
    assert (case.state, case.resolved_us) == (CaseState.RESOLVED, day.now_us)
    assert (case.at_stake_usd, case.worst_usd, case.active_count) == (0.0, 5_000.0, 0)
    assert [entry.text for entry in change.entries] == ["Over, 12 min after it began."]
    assert day.told[1] == [(1, ("slack",)), (2, ("slack",))]
    assert day.open() == []


def test_a_case_gets_worse_loudly_and_milder_in_silence():
    day = Day()
    day.raised("XAUUSD", 5_000.0)
    [change] = day.goes_on("XAUUSD", 200_000.0, after_s=5)
    assert (change.case.severity, change.tell) == (Severity.CRITICAL, True)
    assert day.kinds() == ["opened", "worse"]
    [change] = day.goes_on("XAUUSD", 2_000.0, after_s=5)
    assert (change.case.severity, change.tell) == (Severity.CRITICAL, False)


def test_a_value_may_make_a_case_critical_without_any_usd():
    day = Day(policy(rule(critical_at=30.0)))
    day.raised("XAUUSD", 0.0)
    [change] = day.goes_on("XAUUSD", 0.0, value=30.0)
    assert (change.case.severity, change.tell) == (Severity.CRITICAL, True)


def test_twice_as_much_at_stake_is_news_each_time_it_doubles():
    day = Day()
    day.raised("XAUUSD", 2_000.0)
    for usd in (2_500.0, 3_900.0, 4_000.0, 5_000.0, 7_900.0, 8_000.0, 3_000.0, 8_100.0):
        day.goes_on("XAUUSD", usd, after_s=1)
    assert day.kinds() == ["opened", "worse", "worse"]
    assert [version for version, _ in day.told[1]] == [1, 2, 3]


def test_a_little_money_may_double_without_being_news():
    day = Day()
    day.raised("XAUUSD", 1.0)
    for usd in (10.0, 100.0, 900.0):
        day.goes_on("XAUUSD", usd, after_s=1)
    assert day.kinds() == ["opened"]


def test_the_case_of_a_state_that_comes_again_soon_is_opened_again():
    day = Day(policy(rule(), flap=Flap(toggles=9)))
    day.raised("XAUUSD", 5_000.0)
    day.act(1, "acknowledge")
    day.cleared("XAUUSD", after_s=60)
    [change] = day.raised("XAUUSD", 6_000.0, after_s=599)
    case = change.case
    assert (case.number, case.state, case.resolved_us) == (1, CaseState.OPEN, None)
    assert (case.count, case.member_count, change.tell) == (2, 1, True)
    assert day.kinds() == ["opened", "acknowledged", "resolved", "opened"]


def test_the_case_of_a_state_that_comes_again_later_is_a_new_one():
    day = Day()
    day.raised("XAUUSD", 5_000.0)
    day.cleared("XAUUSD", after_s=60)
    [change] = day.raised("XAUUSD", 6_000.0, after_s=601)
    assert change.case.number == 2


def test_a_case_that_opens_again_is_as_severe_as_it_is_now():
    day = Day()
    day.raised("XAUUSD", 200_000.0)
    day.cleared("XAUUSD", after_s=5)
    [change] = day.raised("XAUUSD", 2_000.0, after_s=5)
    assert change.case.severity is Severity.WARNING


def test_what_comes_and_goes_is_one_case_until_it_is_steady():
    day = Day()
    day.raised("XAUUSD", 2_000.0)
    for _ in range(50):
        day.cleared("XAUUSD", after_s=5)
        day.raised("XAUUSD", 2_000.0, after_s=5)
    [case] = day.open()
    assert (case.number, case.flapping, case.count) == (1, True, 51)
    assert len(case.toggles_us) == day.policy.flap.toggles
    assert len(day.entries[1]) == 4
    assert "flapping" in day.kinds()
    assert len(day.told[1]) == 3
    day.run(599)
    assert day.open()[0].flapping
    day.run(1)
    assert not day.open()[0].flapping
    assert day.entries[1][-1].text == "Steady for 10 min: it holds."


def test_what_came_and_went_and_stays_away_ends():
    day = Day()
    day.raised("XAUUSD", 2_000.0)
    for _ in range(3):
        day.cleared("XAUUSD", after_s=5)
        day.raised("XAUUSD", 2_000.0, after_s=5)
    day.cleared("XAUUSD", after_s=5)
    assert day.open()[0].flapping
    day.run(600)
    assert day.open() == []
    assert day.cases[1].state is CaseState.RESOLVED
    assert day.entries[1][-1].text == "Steady for 10 min: it is over."


def test_an_end_may_be_the_toggle_that_makes_a_state_flap():
    day = Day(policy(rule(), flap=Flap(toggles=4)))
    day.raised("XAUUSD")
    day.cleared("XAUUSD", after_s=5)
    day.raised("XAUUSD", after_s=5)
    day.cleared("XAUUSD", after_s=5)
    assert day.open()[0].flapping


def test_slow_changes_are_no_flapping():
    day = Day()
    for _ in range(5):
        day.raised("XAUUSD", after_s=301)
        day.cleared("XAUUSD", after_s=301)
    assert not any(case.flapping for case in day.cases.values())


def test_what_happens_again_joins_its_case_and_is_told_now_and_then():
    day = Day(policy(rule("margin_call")))
    day.happened("70011", 2_000.0, "margin_call")
    for _ in range(40):
        day.happened("70011", 2_000.0, "margin_call", after_s=1)
    [case] = day.open()
    assert (case.count, case.member_count, case.active_count) == (41, 1, 0)
    assert case.at_stake_usd == 2_000.0
    assert 4 < len(day.entries[1]) < 10
    day.run(60)
    assert day.entries[1][-1].text.endswith("41 times by now, 2 k USD at stake.")


def test_what_happened_ends_after_its_quiet():
    day = Day(policy(rule("margin_call")))
    day.happened("70011", 2_000.0, "margin_call")
    day.happened("70011", 2_000.0, "margin_call", after_s=299)
    day.run(299)
    assert len(day.open()) == 1
    day.run(1)
    assert day.cases[1].state is CaseState.RESOLVED
    assert day.entries[1][-1].text == "Nothing new for 5 min."


def test_a_state_that_holds_is_never_quiet():
    day = Day()
    day.raised("XAUUSD", 2_000.0)
    day.run(30 * 86_400)
    assert day.cases[1].state is CaseState.OPEN


def test_the_same_subject_of_two_rules_is_two_cases():
    day = Day(policy(rule("stale_feed"), rule("uncovered_exposure")))
    day.raised("XAUUSD")
    day.raised("XAUUSD", name="uncovered_exposure")
    assert [case.dedupe_key for case in day.open()] == [
        "stale_feed:XAUUSD",
        "uncovered_exposure:XAUUSD",
    ]


def test_a_state_whose_beginning_was_missed_makes_a_case_all_the_same():
    day = Day()
    day.goes_on("XAUUSD", 5_000.0)
    assert day.open()[0].active_count == 1


def test_the_end_of_what_nobody_knows_is_nothing():
    assert Day().cleared("XAUUSD") == []


def test_everything_of_one_pass_is_one_change():
    day = Day()
    kinds = (ChangeKind.RAISED, ChangeKind.CLEARED, ChangeKind.RAISED, ChangeKind.GOES_ON)
    [change] = day.take(*(day.change(kind, reading("XAUUSD", 5_000.0)) for kind in kinds))
    assert (change.case.state, change.case.count) == (CaseState.OPEN, 2)
    assert change.case.flapping


@pytest.mark.parametrize("usd", [math.nan, math.inf, -math.inf, -5.0])
def test_what_is_no_amount_counts_as_nothing(usd):
    day = Day()
    day.raised("XAUUSD", 5_000.0)
    [change] = day.goes_on("XAUUSD", usd, value=math.nan, after_s=1)
    assert change.case.at_stake_usd == 0.0
    assert change.case.members[0].value == 0.0


def test_a_case_remembers_the_furthest_value():
    day = Day(policy(rule(), rule("kyc_expiry", worse="below", fires_at=14.0, clears_at=15.0)))
    for value in (20.0, 45.0, 30.0):
        day.goes_on("XAUUSD", value=value)
        day.goes_on("C1", name="kyc_expiry", value=value)
    assert [case.memory.peak for case in day.open()] == [45.0, 20.0]


def test_offers_follow_the_newest_reading_and_say_whose_it_is():
    day = Day(policy(rule("toxic_client")))
    offer = Offer(action=Action.MOVE_TO_A, client_id="C7")
    [change] = day.raised("C7", name="toxic_client", offers=(offer,))
    assert change.case.offers == (offer,)
    assert change.case.members[0].client_id == "C7"


def test_a_resolved_case_that_nobody_heard_of_tells_nothing():
    day = Day(policy(rule(), routes=()))
    day.raised("XAUUSD")
    day.cleared("XAUUSD", after_s=5)
    assert day.told == {}


def test_numbers_go_on_where_they_were():
    day = Day()
    day.raised("XAUUSD")
    day.cleared("XAUUSD", after_s=1)
    day.run(7_200)
    day.restart()
    [change] = day.raised("EURUSD")
    assert change.case.number == 2


def test_times_are_what_they_say():
    day = Day()
    day.raised("XAUUSD")
    day.goes_on("XAUUSD", 7.0, after_s=60)
    case = day.open()[0]
    assert (case.opened_us, case.last_us) == (START, START + MIN)
    assert case.told_us == START
    assert S * 60 == MIN
