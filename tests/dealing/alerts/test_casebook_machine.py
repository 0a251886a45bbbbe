"""Anything in any order, against a few dictionaries: nothing is lost, nothing is there twice.

Before every step a second book begins with what was kept: it must do the same as the one that was
there all the time, and sometimes goes on in its place.
"""

import math
from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dealing.alerts.errors import ActRefusedError
from dealing.alerts.model import (
    Act,
    ActKind,
    CaseState,
    ChangeKind,
    EntryKind,
    Mute,
    Outcome,
    Severity,
)
from dealing.alerts.policy import Burst, DayHours, Escalation, Inhibitor, Route
from tests.dealing.alerts.book_days import MIN, START, Day, S, policy, reading
from tests.dealing.alerts.book_days import rule as made_rule
from tests.thorough import examples

STATES = ("stale_feed", "feed_gap")
CALL = "margin_call"
SUBJECTS = tuple("ABCDEF")
USDS = st.sampled_from([0.0, 5.0, 2_000.0, 9_000.0, 150_000.0, 2_000_000.0])
BURST = {"burst": Burst(above=2, within_s=60.0), "repeat_s": 400.0, "escalates": True}

POLICY = policy(
    made_rule("stale_feed", inhibited_by=(Inhibitor(rule="feed_gap", same_subject=True),), **BURST),
    made_rule("feed_gap", **BURST),
    made_rule(CALL, inhibited_by=(Inhibitor(rule="feed_gap", subject="A"),), **BURST),
    escalation=(Escalation(after_s=300.0, level=1), Escalation(after_s=900.0, level=2)),
    quiet_hours=DayHours(from_minute=23 * 60 + 30, to_minute=60),
    routes=(
        Route(channels=("slack",), severities=(Severity.WARNING, Severity.CRITICAL)),
        Route(channels=("email",), hours=DayHours(from_minute=0, to_minute=720)),
    ),
)


class BookMachine(RuleBasedStateMachine):
    """Readings, people, mutes, time and deaths, checked after every step."""

    def __init__(self):
        super().__init__()
        self.day = Day(POLICY)
        self.steps = 0
        self.active = {}
        self.shown = {}
        self.happened = Counter()
        self.newest = {}

    def both(self, ask):
        """Let the book and one that just began do the same, and return what they did."""
        twin = self.day.new_book()
        found = ask(self.day.book)
        assert ask(twin) == found
        self.steps += 1
        if self.steps % 3 == 0:
            self.day.book = twin
        return self.day.keep(found)

    def take(self, *changes):
        now_us = self.day.now_us
        seen = {(change.reading.rule, change.reading.subject) for change in changes}
        for change in self.both(lambda book: book.take(changes, now_us)):
            self.check_told(change)
        # figures of what a person dismissed are not looked at
        looked_at = {(one.rule, m.subject) for one in self.day.open() for m in members_of(one)}
        self.shown |= {key: usd for key, usd in self.active.items() if key in looked_at & seen}

    def check_told(self, change):
        case = change.case
        if change.tell and case.state is not CaseState.RESOLVED:
            assert case.state is not CaseState.SNOOZED
            assert case.inhibited_by is None
            assert not self.is_muted(case)

    def change(self, kind, name, subject, usd=0.0):
        return self.day.change(kind, reading(subject, usd, name))

    def see(self, name, subject, usd):
        """Return what a watch says of a state that holds, a second after the last one."""
        self.day.now_us += S
        kind = ChangeKind.GOES_ON if (name, subject) in self.active else ChangeKind.RAISED
        self.active[name, subject] = usd
        return self.change(kind, name, subject, usd)

    @rule(name=st.sampled_from(STATES), subject=st.sampled_from(SUBJECTS), usd=USDS)
    def hold(self, name, subject, usd):
        self.take(self.see(name, subject, usd))

    @rule(name=st.sampled_from(STATES), subjects=st.sets(st.sampled_from(SUBJECTS)), usd=USDS)
    def storm(self, name, subjects, usd):
        self.take(*(self.see(name, one, usd) for one in sorted(subjects)))

    @rule(data=st.data())
    @precondition(lambda self: self.active)
    def clear(self, data):
        some = data.draw(st.sets(st.sampled_from(sorted(self.active)), min_size=1))
        for key in some:
            del self.active[key]
        self.take(*(self.change(ChangeKind.CLEARED, *key) for key in sorted(some)))

    @rule(subject=st.sampled_from(SUBJECTS), usd=USDS, times=st.integers(1, 3))
    def happen(self, subject, usd, times):
        self.happened[subject] += times
        self.newest[subject] = usd
        self.take(*[self.change(ChangeKind.HAPPENED, CALL, subject, usd)] * times)

    @rule(seconds=st.sampled_from([0, 1, 29, 61, 299, 601, 4_000]), often=st.booleans())
    def wait(self, seconds, often):
        if often:
            self.day.run(seconds)
        else:
            self.day.now_us += seconds * S
        now_us = self.day.now_us
        for change in self.both(lambda book: book.tick(now_us)):
            self.check_told(change)
        assert self.day.book.tick(now_us) == []

    @rule(
        data=st.data(),
        kind=st.sampled_from(ActKind),
        outcome=st.sampled_from([None, *Outcome]),
        minutes=st.sampled_from([1, 20, 90]),
    )
    @precondition(lambda self: self.day.cases)
    def act(self, data, kind, outcome, minutes):
        number = data.draw(st.sampled_from(sorted(self.day.cases)))
        act = Act(
            number=number, kind=kind, actor="anna", via="desk", note="n", owner="anna",
            until_us=self.day.now_us + minutes * MIN, outcome=outcome,
        )  # fmt: skip
        now_us, kept = self.day.now_us, self.day.cases[number]
        try:
            self.both(lambda book: [book.act(act, now_us, kept)])
        except ActRefusedError:
            assert kept == self.day.cases[number]

    @rule(
        name=st.sampled_from([*STATES, CALL]),
        subject=st.sampled_from(["", "A"]),
        minutes=st.sampled_from([-1, 2, 60]),
    )
    def mute(self, name, subject, minutes):
        mute = Mute(
            mute_id=f"{name} {subject}", rule=name, subject=subject, actor="anna", reason="tests",
            since_us=self.day.now_us, until_us=self.day.now_us + minutes * MIN,
        )  # fmt: skip
        now_us = self.day.now_us
        self.both(lambda book: book.set_mute(mute, now_us))
        self.day.mutes[mute.mute_id] = mute

    @invariant()
    def there_is_one_open_case_of_a_key(self):
        keys = Counter(case.dedupe_key for case in self.day.open())
        assert all(count == 1 for count in keys.values())
        living = {n: c for n, c in self.day.cases.items() if c.state is not CaseState.RESOLVED}
        assert {case.number: case for case in self.day.open()} == living

    @invariant()
    def what_holds_is_in_one_case_and_what_does_not_is_in_none(self):
        held = Counter(
            (case.rule, one.subject)
            for case in self.day.cases.values()
            for one in members_of(case)
            if one.active
        )
        assert held == Counter(list(self.active))
        for case in self.day.cases.values():
            if case.state is CaseState.RESOLVED and case.active_count:
                assert self.last(case, EntryKind.RESOLVED).actor == "anna"

    @invariant()
    def counts_and_sums_are_right(self):
        for case in self.day.open():
            everybody = members_of(case)
            assert case.member_count == len({one.subject for one in everybody}) == len(everybody)
            assert case.active_count == sum(one.active for one in everybody)
            usds = [self.usd_of(case, one) for one in everybody]
            assert case.at_stake_usd == math.fsum(usds) <= case.worst_usd
        calls = [case for case in self.day.cases.values() if case.rule == CALL]
        assert sum(case.count for case in calls) == sum(self.happened.values())

    @invariant()
    def whoever_may_be_told_has_been_told_and_versions_rise(self):
        for case in self.day.open():
            is_silent = case.state is CaseState.SNOOZED or case.inhibited_by is not None
            if not is_silent and not self.is_muted(case) and case.severity is Severity.CRITICAL:
                assert not case.memory.untold
        for told in self.day.told.values():
            versions = [version for version, _ in told]
            assert versions == sorted(set(versions))

    @invariant()
    def what_is_due_is_done(self):
        due_us = self.day.book.due_us()
        assert due_us is None or due_us == 0 or due_us > START

    def usd_of(self, case, member):
        if case.rule == CALL:
            return (
                self.newest[member.subject]
                if self.is_newest_of(case, member)
                else (member.at_stake_usd)
            )
        return self.shown[case.rule, member.subject] if member.active else 0.0

    def is_newest_of(self, case, member):
        """Whether a case has the newest happening of a subject; an older one keeps what it had."""
        numbers = [
            other.number
            for other in self.day.cases.values()
            if other.rule == CALL and any(o.subject == member.subject for o in members_of(other))
        ]
        return len(numbers) == 1 and numbers[0] == case.number

    def is_muted(self, case):
        return any(
            mute.rule == case.rule
            and mute.until_us > self.day.now_us
            and (not mute.subject or (not case.is_group and case.members[0].subject == "A"))
            for mute in self.day.mutes.values()
        )

    def last(self, case, kind):
        return [entry for entry in self.day.entries[case.number] if entry.kind is kind][-1]


def members_of(case):
    return [*case.members, *case.memory.others]


def test_anything_in_any_order_loses_nothing():
    run_state_machine_as_test(BookMachine, settings=examples(50, stateful_step_count=40))
