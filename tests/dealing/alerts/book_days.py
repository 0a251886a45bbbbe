"""A case book, its clock, and everything that it said, for tests."""

from __future__ import annotations

from collections import defaultdict

from dealing.alerts.casebook import CaseBook
from dealing.alerts.model import Act, ActKind, CaseState, Change, ChangeKind, Mute, Reading
from dealing.alerts.policy import AlertPolicy, Burst, Route, RulePolicy, severity_of
from dealing.alerts.ports import Kept

START = 1_768_000_000_000_000  # 2026-01-09 23:06:40 UTC
S = 1_000_000
MIN = 60 * S
SLACK = (Route(channels=("slack",)),)


def rule(name="stale_feed", **fields):
    """Return a rule with round figures."""
    given = {
        "fires_at": 10.0,
        "clears_at": 5.0,
        "warning_usd": 1_000.0,
        "critical_usd": 100_000.0,
        "team": "dealing",
        "burst": Burst(above=3, within_s=60.0),
        "quiet_s": 300.0,
    }
    return RulePolicy(name=name, **(given | fields))


def policy(*rules, **fields):
    """Return a policy of some rules that tells Slack everything."""
    named = {one.name: one for one in rules or (rule(),)}
    return AlertPolicy(name="test", version=1, rules=named, **({"routes": SLACK} | fields))


def reading(subject="XAUUSD", usd=0.0, name="stale_feed", **fields):
    """Return what a source saw."""
    given = {
        "value": 20.0,
        "happened_at_ns": 1,
        "headline": f"{subject} at {usd:g}",
        "advice": "Look.",
    }
    return Reading(rule=name, subject=subject, at_stake_usd=usd, **(given | fields))


class Day:
    """A case book with a clock of its own; every change is written down."""

    def __init__(self, the_policy=None, now_us=START):
        self.policy = the_policy or policy()
        self.now_us = now_us
        self.book = CaseBook(self.policy)
        self.cases = {}
        self.entries = defaultdict(list)
        self.told = defaultdict(list)
        self.mutes = {}

    def keep(self, changes):
        """Do what a store does."""
        for change in changes:
            case = change.case
            self.cases[case.number] = case
            self.entries[case.number] += change.entries
            if change.tell:
                channels = self.book.channels(change)
                assert channels
                self.told[case.number].append((case.version, channels))
        return list(changes)

    def change(self, kind, one):
        severity = severity_of(self.policy.rule(one.rule), one.at_stake_usd, one.symbol, one.value)
        return Change(kind=kind, reading=one, severity=severity)

    def take(self, *changes, after_s=0.0):
        self.now_us += round(after_s * S)
        return self.keep(self.book.take(changes, self.now_us))

    def saw(self, kind, *args, after_s=0.0, **fields):
        return self.take(self.change(kind, reading(*args, **fields)), after_s=after_s)

    def raised(self, *args, **fields):
        return self.saw(ChangeKind.RAISED, *args, **fields)

    def goes_on(self, *args, after_s=1.0, **fields):
        return self.saw(ChangeKind.GOES_ON, *args, after_s=after_s, **fields)

    def cleared(self, *args, **fields):
        return self.saw(ChangeKind.CLEARED, *args, **fields)

    def happened(self, *args, **fields):
        return self.saw(ChangeKind.HAPPENED, *args, **fields)

    def wait(self, seconds):
        """Let time go by without anybody looking, then let the book do what is due."""
        self.now_us += round(seconds * S)
        return self.keep(self.book.tick(self.now_us))

    def run(self, seconds):
        """Let time go by, and the book do each thing when it is due."""
        end_us = self.now_us + round(seconds * S)
        while (due_us := self.book.due_us()) is not None and due_us <= end_us:
            self.now_us = max(self.now_us, due_us)
            self.keep(self.book.tick(self.now_us))
        self.now_us = end_us

    def act(self, number, kind, actor="anna", **fields):
        act = Act(number=number, kind=ActKind(kind), actor=actor, via="desk", **fields)
        change = self.book.act(act, self.now_us, self.cases.get(number))
        self.keep([change])
        return change

    def mute(self, seconds, name="stale_feed", subject="", mute_id="m1"):
        mute = Mute(
            mute_id=mute_id, rule=name, subject=subject, actor="anna", reason="tests",
            since_us=self.now_us, until_us=self.now_us + round(seconds * S),
        )  # fmt: skip
        self.mutes[mute_id] = mute
        return self.keep(self.book.set_mute(mute, self.now_us))

    def restart(self):
        """Go on with a new book that begins with what was kept."""
        self.book = self.new_book()

    def new_book(self):
        living = [one for one in self.cases.values() if one.state is not CaseState.RESOLVED]
        ended = [one for one in self.cases.values() if one.state is CaseState.RESOLVED]
        kept = Kept(living, max(self.cases, default=0), list(self.mutes.values()), {})
        return CaseBook(self.policy, kept, ended)

    def kinds(self, number=1):
        return [entry.kind.value for entry in self.entries[number]]

    def open(self):
        return self.book.open_cases()
