"""What people do to a case, and what is refused with a sentence."""

import math

import pytest

from dealing.alerts.errors import ActRefusedError, UnknownCaseError
from dealing.alerts.model import Action, CaseState, ChangeKind, EntryKind, Offer, Outcome, Press
from exposure.errors import DomainError
from tests.dealing.alerts.book_days import MIN, Day, S, policy, reading, rule


@pytest.fixture
def day():
    day = Day()
    day.raised("XAUUSD", 5_000.0)
    day.now_us += 60 * S
    return day


def last(day):
    entry = day.entries[1][-1]
    return entry.kind.value, entry.text, entry.actor, entry.via


def test_who_acknowledges_owns_it_and_everybody_who_was_told_hears_it(day):
    change = day.act(1, "acknowledge", note="calling the desk")
    case = change.case
    assert (case.state, case.owner, case.acknowledged_us) == (
        CaseState.ACKNOWLEDGED, "anna", day.now_us,
    )  # fmt: skip
    assert (change.tell, case.version) == (True, 2)
    assert last(day) == ("acknowledged", "Acknowledged: calling the desk", "anna", "desk")


def test_a_case_that_has_an_owner_keeps_him(day):
    day.act(1, "own", owner="boris")
    assert last(day) == ("owned", "It is boris's now.", "anna", "desk")
    assert day.act(1, "acknowledge").case.owner == "boris"


def test_a_case_can_be_given_back(day):
    day.act(1, "own", owner="boris")
    assert day.act(1, "own", owner=" ").case.owner == ""
    assert last(day)[1] == "It is nobody's now."


def test_a_note_is_a_line_and_nothing_else(day):
    before = day.open()[0]
    change = day.act(1, "note", note="the provider knows\n")
    assert (change.case.state, change.case.owner) == (before.state, "")
    assert last(day) == ("noted", "the provider knows", "anna", "desk")


def test_who_resolves_may_grade(day):
    case = day.act(1, "resolve", outcome=Outcome.USEFUL, outcome_usd=12_000.0).case
    assert (case.state, case.outcome, case.outcome_usd) == (
        CaseState.RESOLVED, Outcome.USEFUL, 12_000.0,
    )  # fmt: skip
    assert last(day)[1] == "Resolved, useful, 12 k USD saved."
    assert case.acknowledged_us == day.now_us


def test_a_case_that_ended_long_ago_can_be_graded_and_noted(day):
    day.cleared("XAUUSD")
    day.run(30 * 86_400)
    day.raised("EURUSD")
    assert not day.book.holds(1)
    case = day.act(1, "grade", outcome=Outcome.NOISE, outcome_usd=-50.0).case
    assert (case.outcome, case.state) == (Outcome.NOISE, CaseState.RESOLVED)
    assert last(day)[1] == "Graded, noise, 50 USD lost."
    day.act(1, "note", note="never again")
    assert [one.number for one in day.open()] == [2]


def test_what_a_person_resolved_stays_away_while_it_holds(day):
    day.act(1, "resolve", outcome=Outcome.NOISE)
    for _ in range(5):
        assert day.goes_on("XAUUSD", 6_000.0, after_s=3_600) == []
    assert day.raised("XAUUSD", 6_000.0) == []
    assert day.open() == []


def test_what_a_person_resolved_comes_back_when_it_is_more_severe(day):
    day.act(1, "resolve")
    [change] = day.goes_on("XAUUSD", 200_000.0, after_s=86_400)
    assert (change.case.number, change.case.state, change.tell) == (1, CaseState.OPEN, True)
    assert last(day)[1] == "Worse than when it was resolved."


def test_what_a_person_resolved_is_new_once_it_was_over(day):
    day.act(1, "resolve")
    [change] = day.cleared("XAUUSD", after_s=3_600)
    assert (change.tell, change.entries, change.case.active_count) == (False, (), 0)
    [change] = day.raised("XAUUSD", 5_000.0, after_s=1)
    assert change.case.number == 2


def test_a_new_book_remembers_what_a_person_resolved_while_it_holds(day):
    day.act(1, "resolve")
    day.run(86_400)
    day.restart()
    assert [one.subject for one in day.book.holding()] == ["XAUUSD"]
    assert day.goes_on("XAUUSD", 6_000.0) == []


def test_a_group_that_a_person_resolved_stays_away_member_by_member():
    day = Day()
    names = [f"S{number}" for number in range(9)]
    day.take(*(day.change(ChangeKind.RAISED, reading(name, 5_000.0)) for name in names))
    day.act(4, "resolve")
    goes_on = [day.change(ChangeKind.GOES_ON, reading(name, 5_000.0)) for name in names]
    assert day.take(*goes_on, after_s=7_200) == []
    assert len(day.open()) == 3
    day.cleared("S8")
    [change] = day.raised("S8", 5_000.0, after_s=1)
    assert (change.case.number, change.case.is_group) == (5, False)


def test_new_ones_do_not_bring_back_a_group_that_a_person_resolved():
    day = Day()
    names = [f"S{number}" for number in range(9)]
    day.take(*(day.change(ChangeKind.RAISED, reading(name, 5_000.0)) for name in names))
    day.act(4, "resolve")
    [change] = day.raised("T1", 5_000.0, after_s=1)
    assert (change.case.number, change.case.is_group, change.case.member_count) == (5, True, 1)
    change, _ = day.goes_on("S8", 200_000.0, after_s=1)
    assert (change.case.number, change.case.active_count, change.case.state) == (
        4, 5, CaseState.RESOLVED,
    )  # fmt: skip
    assert [case.member_count for case in day.open()] == [1, 1, 1, 2]
    with pytest.raises(ActRefusedError, match="A-5 is newer and about the same"):
        day.act(4, "reopen")


def test_a_case_is_not_opened_again_for_a_state_that_was_dismissed_since(day):
    day.cleared("XAUUSD")
    day.raised("XAUUSD", 5_000.0, after_s=700)
    day.act(2, "resolve")
    with pytest.raises(ActRefusedError, match="A-2 is newer and about the same"):
        day.act(1, "reopen")
    assert day.act(2, "reopen").case.active_count == 1


def test_a_resolved_case_can_be_opened_again_and_stays_open(day):
    day.cleared("XAUUSD")
    change = day.act(1, "reopen", note="not over at all")
    assert (change.case.state, change.tell) == (CaseState.OPEN, True)
    assert last(day)[1] == "Reopened: not over at all"
    day.run(86_400)
    assert len(day.open()) == 1


def test_a_case_that_somebody_opened_again_ends_with_its_state_again(day):
    day.cleared("XAUUSD")
    day.act(1, "reopen")
    [change] = day.raised("XAUUSD", after_s=700)
    assert change.case.number == 1
    [change] = day.cleared("XAUUSD", after_s=700)
    assert change.case.state is CaseState.RESOLVED


def test_who_opens_a_dismissed_case_again_has_its_state_in_it(day):
    day.act(1, "resolve")
    case = day.act(1, "reopen").case
    assert (case.active_count, case.at_stake_usd) == (1, 5_000.0)
    assert day.goes_on("XAUUSD", 6_000.0)[0].case.at_stake_usd == 6_000.0
    assert day.cleared("XAUUSD", after_s=1)[0].case.state is CaseState.RESOLVED


def test_a_case_of_what_happened_that_was_opened_again_ends_after_the_next_one():
    day = Day(policy(rule("margin_call")))
    day.happened("70011", 5_000.0, "margin_call")
    day.act(1, "resolve")
    day.act(1, "reopen")
    day.run(86_400)
    assert len(day.open()) == 1
    day.happened("70011", 5_000.0, "margin_call")
    day.run(300)
    assert day.open() == []


def in_a_group_with_a_case_of_its_own():
    """Return a day on which S stands in a group, without holding, and in a case opened again."""
    day = Day()
    day.raised("S")
    day.cleared("S", after_s=1)
    day.take(*(day.change(ChangeKind.RAISED, reading(name)) for name in "ABC"), after_s=700)
    day.raised("S")
    day.cleared("S", after_s=1)
    day.act(1, "reopen")
    return day


@pytest.mark.parametrize("anew", [False, True])
def test_a_state_begins_in_its_own_case_before_that_of_a_group(anew):
    day = in_a_group_with_a_case_of_its_own()
    if anew:
        day.restart()
    assert [change.case.number for change in day.raised("S")] == [1]


@pytest.mark.parametrize("anew", [False, True])
def test_a_state_without_a_case_of_its_own_begins_in_its_group(anew):
    day = in_a_group_with_a_case_of_its_own()
    day.act(1, "resolve")
    if anew:
        day.restart()
    assert [change.case.number for change in day.raised("S")] == [5]


def test_a_case_from_long_ago_is_opened_again_without_what_held_then(day):
    day.act(1, "resolve")
    as_kept = day.cases[1]
    day.cleared("XAUUSD")
    day.run(30 * 86_400)
    day.wait(0)
    day.cases[1] = as_kept
    case = day.act(1, "reopen").case
    assert (case.active_count, case.at_stake_usd) == (0, 0.0)


def test_a_case_cannot_be_opened_beside_another_of_the_same(day):
    day.cleared("XAUUSD")
    day.raised("XAUUSD", after_s=700)
    with pytest.raises(ActRefusedError, match=r"A-1 cannot be reopened: A-2 is newer and"):
        day.act(1, "reopen")


def test_what_came_of_a_button_is_a_line(day):
    change = day.book.record(1, press("Moved to A."), day.now_us)
    assert (change.entries[0].kind, change.tell) == (EntryKind.ACTED, True)
    assert change.case == day.open()[0]


def test_a_second_vote_stands_beside_the_case_until_it_is_decided(day):
    votes = tuple(
        Offer(action=action, client_id="C7", command="alert-1", asked_by="anna")
        for action in (Action.APPROVE, Action.REJECT)
    )
    other = Offer(action=Action.APPROVE, client_id="C8", command="alert-2", asked_by="anna")
    before = day.open()[0].version
    day.book.record(1, press("C7 waits", votes=votes), day.now_us)
    change = day.book.record(1, press("C8 waits", votes=(other,)), day.now_us)
    assert change.case.votes == (*votes, other)
    assert change.case.version == before + 2  # so every message gets its buttons
    change = day.book.record(1, press("C7: approved", decided="alert-1"), day.now_us)
    assert change.case.votes == (other,)


def press(text, **more):
    return Press(text=text, actor="anna", via="slack", **more)


def test_acts_on_a_muted_case_reach_those_who_have_it(day):
    day.mute(3_600)
    assert day.act(1, "acknowledge").tell
    day.raised("EURUSD")
    assert not day.act(2, "acknowledge").tell


def test_a_note_on_a_muted_case_does_not_use_up_what_it_has_to_say():
    day = Day()
    day.raised("XAUUSD", 5_000.0)
    day.mute(3_600)
    day.goes_on("XAUUSD", 200_000.0)
    assert day.act(1, "note", note="seen").tell
    told = len(day.told[1])
    day.run(3_600)
    assert len(day.told[1]) == told + 1


@pytest.mark.parametrize(
    ("kind", "fields"), [("acknowledge", {}), ("snooze", {"until_us": 3_600 * S})]
)
def test_what_was_done_to_an_open_case_can_be_undone(day, kind, fields):
    day.act(1, kind, **{name: day.now_us + value for name, value in fields.items()})
    change = day.act(1, "reopen")
    assert (change.case.state, change.case.snoozed_until_us) == (CaseState.OPEN, None)
    assert change.tell
    assert last(day)[:2] == ("opened", "Reopened.")
    assert day.goes_on("XAUUSD")


REFUSED = {
    "twice": (["acknowledge"], {"kind": "acknowledge"}, "A-1 was acknowledged already by anna"),
    "over": (["resolve"], {"kind": "acknowledge"}, "A-1 is resolved already: reopen it first"),
    "over too": (["resolve"], {"kind": "snooze", "until_us": 2**60}, "A-1 is resolved already"),
    "over again": (["resolve"], {"kind": "resolve"}, "A-1 is resolved already"),
    "owned": (["resolve"], {"kind": "own", "owner": "b"}, "A-1 is resolved already"),
    "open": ([], {"kind": "reopen"}, "A-1 is open"),
    "no end": ([], {"kind": "snooze"}, "a snooze needs a moment in the future"),
    "past": ([], {"kind": "snooze", "until_us": 1}, "a snooze needs a moment in the future"),
    "for ever": ([], {"kind": "snooze", "until_us": 2**60}, "a snooze ends within a week"),
    "silent": ([], {"kind": "note", "note": " \n"}, "a note needs a text"),
    "long": ([], {"kind": "note", "note": "x" * 2_001}, "a note is text of up to 2,000"),
    "unseen": ([], {"kind": "note", "note": "a\x00b"}, "a note is text of up to 2,000"),
    "no grade": ([], {"kind": "grade"}, "a grade is useful, noise or ungraded"),
    "nan": (
        [], {"kind": "grade", "outcome": Outcome.USEFUL, "outcome_usd": math.nan},
        "outcome_usd must be an amount",
    ),
    "nobody": ([], {"kind": "acknowledge", "actor": " "}, "actor must be a name"),
    "the house": ([], {"kind": "acknowledge", "actor": "Plimsoll"}, "actor must be a person"),
    "no owner": ([], {"kind": "own", "owner": "x" * 65}, "owner must be a name"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_makes_no_sense_is_refused_and_changes_nothing(day, name):
    before, asked, sentence = REFUSED[name]
    for kind in before:
        day.act(1, kind)
    held = day.cases[1]
    with pytest.raises(ActRefusedError, match=sentence) as e:
        day.act(1, **asked)
    assert isinstance(e.value, DomainError)
    assert day.cases[1] == held
    assert day.goes_on("EURUSD")


def test_nobody_can_do_anything_to_a_case_that_there_is_not(day):
    with pytest.raises(UnknownCaseError, match="there is no case A-7"):
        day.act(7, "acknowledge")
    with pytest.raises(UnknownCaseError):
        day.book.record(7, press("x"), day.now_us)


def test_a_snooze_can_be_moved(day):
    day.act(1, "snooze", until_us=day.now_us + 10 * MIN)
    day.act(1, "snooze", until_us=day.now_us + 20 * MIN)
    day.run(19 * 60)
    assert day.open()[0].state is CaseState.SNOOZED


def test_a_snoozed_case_can_be_acknowledged(day):
    day.act(1, "snooze", until_us=day.now_us + 10 * MIN)
    case = day.act(1, "acknowledge").case
    assert (case.state, case.snoozed_until_us) == (CaseState.ACKNOWLEDGED, None)


def test_an_acknowledged_case_of_what_happened_ends_by_itself():
    day = Day(policy(rule("margin_call")))
    day.happened("70011", 5_000.0, "margin_call")
    day.act(1, "acknowledge")
    day.run(300)
    assert day.cases[1].state is CaseState.RESOLVED
