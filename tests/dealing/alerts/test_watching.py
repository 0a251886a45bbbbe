"""Rules see what begins, goes on, is over or happened, and are not impressed by trembling."""

import math

from hypothesis import given
from hypothesis import strategies as st

from dealing.alerts import watching
from dealing.alerts.model import ChangeKind, Look, Severity
from dealing.alerts.policy import Figures, Hours, Worse
from dealing.alerts.watching import ADOPTED_WITHIN_US, Watch
from tests.dealing.alerts.book_days import START, S, policy, reading, rule
from tests.thorough import examples

RULE = "stale_feed"
VALUES = st.one_of(
    st.floats(0.0, 20.0), st.sampled_from([5.0, 10.0, math.nan, math.inf, -math.inf])
)


class Looks:
    """A watch and its clock."""

    def __init__(self, *rules, **more):
        self.watch = Watch(policy(*(rules or (rule(),))), **more)
        self.now_us = START

    def look(self, *readings, after_s=0.0, measured=(RULE,), source="engine"):
        self.now_us += round(after_s * S)
        look = Look(
            source=source, at_us=self.now_us, readings=readings, measured=frozenset(measured)
        )
        return self.watch.look(look)

    def kinds(self, *readings, **more):
        return [change.kind.value for change in self.look(*readings, **more)]

    def values(self, *values, **fields):
        return [
            self.kinds(*(() if value is None else (reading(value=value, **fields),)))
            for value in values
        ]


def test_a_state_begins_where_it_fires_and_ends_where_it_clears():
    told = Looks().values(9.9, 10.0, 7.0, 5.1, 5.0, 9.9, 10.0)
    assert told == [[], ["raised"], ["goes_on"], ["goes_on"], ["cleared"], [], ["raised"]]


def test_below_is_the_mirror_image():
    looks = Looks(rule(worse=Worse.BELOW, fires_at=14.0, clears_at=15.0))
    assert looks.values(14.5, 14.0, 14.9, 15.0) == [[], ["raised"], ["goes_on"], ["cleared"]]


def test_a_subject_that_a_full_look_does_not_mention_is_over():
    looks = Looks()
    looks.look(reading("XAUUSD"), reading("EURUSD"))
    [goes_on, cleared] = looks.look(reading("XAUUSD"))
    assert (goes_on.kind, goes_on.reading.subject) == (ChangeKind.GOES_ON, "XAUUSD")
    assert (cleared.kind, cleared.reading.subject) == (ChangeKind.CLEARED, "EURUSD")
    assert looks.kinds() == ["cleared"]
    assert looks.kinds() == []


def test_a_look_that_did_not_measure_a_rule_ends_nothing():
    looks = Looks()
    looks.look(reading())
    assert looks.kinds(measured=()) == []
    assert looks.kinds(measured=("margin_call",)) == []


def test_a_source_ends_only_what_it_saw_itself():
    looks = Looks()
    looks.look(reading("XAUUSD"), source="engine")
    looks.look(reading("EURUSD"), source="office")
    assert looks.kinds(source="office") == ["cleared"]
    assert looks.kinds(source="office") == []
    assert looks.kinds(source="engine") == ["cleared"]


def test_a_state_must_hold_for_a_while():
    looks = Looks(rule(for_s=10.0))
    assert looks.kinds(reading()) == []
    assert looks.kinds(reading(), after_s=9.9) == []
    assert looks.kinds(reading(), after_s=0.1) == ["raised"]


def test_a_state_that_was_better_in_between_begins_to_hold_anew():
    for better in ((reading(value=9.0),), (), (reading(value=math.nan),)):
        looks = Looks(rule(for_s=10.0))
        looks.look(reading())
        looks.look(*better, after_s=9)
        assert looks.kinds(reading(), after_s=9) == []
        assert looks.kinds(reading(), after_s=10) == ["raised"]


def test_another_source_does_not_put_off_that_a_state_holds():
    looks = Looks(rule(for_s=10.0))
    looks.look(reading())
    looks.look(source="office", after_s=5)
    assert looks.kinds(reading(), after_s=5) == ["raised"]


def test_what_happened_counts_once():
    looks = Looks()
    assert looks.kinds(reading(key="deal 1"), reading(key="deal 2")) == ["happened"] * 2
    assert looks.kinds(reading(key="deal 1")) == []
    assert looks.kinds(reading(key="deal 1", value=1_000.0)) == []


def test_what_happened_is_filtered_by_its_value():
    looks = Looks()
    assert looks.kinds(reading(key="a", value=9.9), reading(key="b", value=math.nan)) == []
    assert looks.kinds(reading(key="c", value=10.0)) == ["happened"]


def test_the_keys_of_what_happened_are_not_kept_for_ever(monkeypatch):
    monkeypatch.setattr(watching, "MOST_KEYS", 3)
    looks = Looks()
    looks.look(*(reading(key=str(number)) for number in range(5)))
    assert looks.kinds(reading(key="4"), reading(key="2")) == []
    assert looks.kinds(reading(key="0")) == ["happened"]


def test_a_closed_market_fires_nothing_and_ends_what_holds():
    is_open = True
    asked = []

    def ask(symbol, at_us):
        asked.append((symbol, at_us))
        return is_open

    looks = Looks(rule(hours=Hours.MARKET), is_open=ask)
    assert looks.kinds(reading(symbol="XAUUSD")) == ["raised"]
    assert asked == [("XAUUSD", START)]
    is_open = False
    assert looks.kinds(reading(symbol="XAUUSD")) == ["cleared"]
    assert looks.kinds(reading(symbol="XAUUSD")) == []
    assert looks.kinds(reading(symbol="XAUUSD", key="deal 1")) == []


def test_a_rule_that_looks_always_does_not_ask_for_hours():
    assert Looks(is_open=lambda _symbol, _at_us: False).kinds(reading()) == ["raised"]


def test_a_symbol_may_have_figures_of_its_own():
    own = Figures(fires_at=100.0, clears_at=50.0, warning_usd=1.0, critical_usd=10.0)
    looks = Looks(rule(by_symbol={"XAUUSD": own}))
    assert looks.values(99.0, 100.0, 51.0, 50.0, symbol="XAUUSD") == [
        [], ["raised"], ["goes_on"], ["cleared"],
    ]  # fmt: skip
    assert looks.kinds(reading("EURUSD", symbol="EURUSD")) == ["raised"]
    [change] = looks.look(reading("XAUUSD", 10.0, value=200.0, symbol="XAUUSD"), measured=())
    assert change.severity is Severity.CRITICAL


def test_it_is_as_severe_as_the_usd_the_value_or_the_floor_say():
    plain = rule()
    floored = rule("limit_hard", floor=Severity.WARNING, critical_at=30.0)
    looks = Looks(plain, floored)
    asked = [
        (RULE, 999.0, 20.0), (RULE, 1_000.0, 20.0), (RULE, 100_000.0, 20.0), (RULE, math.nan, 20.0),
        ("limit_hard", 0.0, 20.0), ("limit_hard", 0.0, 30.0),
    ]  # fmt: skip
    told = looks.look(
        *(reading(f"{n}", usd, name, value=v) for n, (name, usd, v) in enumerate(asked))
    )
    assert [change.severity.value for change in told] == [
        "info", "warning", "critical", "info", "warning", "critical",
    ]  # fmt: skip
    assert told[3].reading.at_stake_usd == 0.0


def test_a_rule_that_is_off_sees_nothing_and_ends_what_held():
    looks = Looks(rule(enabled=False), active=[reading()])
    assert looks.kinds(reading()) == []
    assert looks.kinds(reading(), after_s=60) == ["cleared"]
    assert looks.kinds(reading(key="deal 1")) == []


def test_a_rule_that_the_policy_does_not_have_is_not_seen():
    assert Looks().kinds(reading(name="tea_time"), measured=("tea_time",)) == []


def test_what_held_before_a_start_goes_on_between_its_figures():
    looks = Looks(active=[reading()])
    assert looks.values(7.0, 5.0) == [["goes_on"], ["cleared"]]


def test_what_held_before_a_start_has_a_while_to_be_mentioned():
    looks = Looks(active=[reading("XAUUSD"), reading("EURUSD")])
    assert looks.kinds(source="office") == []
    assert looks.kinds(reading("EURUSD"), after_s=ADOPTED_WITHIN_US / S / 2) == ["goes_on"]
    [cleared] = looks.look(source="office", after_s=ADOPTED_WITHIN_US / S / 2)
    assert cleared.reading.subject == "XAUUSD"
    assert looks.kinds() == ["cleared"]


def test_no_number_changes_nothing_of_what_holds():
    looks = Looks()
    looks.look(reading(headline="as it was"))
    assert looks.kinds(reading(value=math.nan)) == []
    [cleared] = looks.look()
    assert cleared.reading.headline == "as it was"


@given(st.lists(VALUES, max_size=60))
@examples(60)
def test_a_value_between_the_figures_changes_nothing(values):
    looks, holds = Looks(), False
    for value in values:
        told = looks.kinds(reading(value=value))
        if not math.isfinite(value):
            assert told == []
        elif value >= 10.0:
            assert told == (["goes_on"] if holds else ["raised"])
            holds = True
        elif value <= 5.0:
            assert told == (["cleared"] if holds else [])
            holds = False
        else:
            assert told == (["goes_on"] if holds else [])


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from("ABC"), VALUES, max_size=3),
            st.booleans(),
            st.integers(0, 20),
        ),
        max_size=40,
    ),
    st.sampled_from([0.0, 15.0]),
)
@examples(50)
def test_what_was_raised_is_what_holds_and_every_end_had_a_beginning(looked, for_s):
    looks, held = Looks(rule(for_s=for_s)), set()
    for values, is_full, after_s in looked:
        readings = [reading(subject, value=value) for subject, value in values.items()]
        for change in looks.look(*readings, measured=(RULE,) if is_full else (), after_s=after_s):
            subject = change.reading.subject
            assert (subject in held) == (change.kind is not ChangeKind.RAISED)
            held = held - {subject} if change.kind is ChangeKind.CLEARED else held | {subject}
        if is_full:
            assert held <= set(values)
