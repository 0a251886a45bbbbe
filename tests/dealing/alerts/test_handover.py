"""The hand-over note: what belongs to a shift, what is left out, and a text that always fits."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dealing.alerts.handover import (
    LONGEST_TEXT,
    HouseFacts,
    Temporary,
    as_text,
    hand_over,
)
from dealing.alerts.model import (
    CaseState,
    Entry,
    EntryKind,
    Fact,
    Mute,
    Outcome,
    Severity,
)
from tests.dealing.alerts.small_alerts import MINUTE_US, START_US, a_case

SHIFT_US = 8 * 60 * MINUTE_US
END_US = START_US + SHIFT_US


def note(cases=(), entries=(), mutes=(), house=None, words=""):
    return hand_over(START_US, END_US, cases, entries, mutes, house or HouseFacts(), words)


def line(actor="Anna", kind=EntryKind.ACKNOWLEDGED, at_us=START_US + 1):
    return Entry(number=1, at_us=at_us, kind=kind, text="", actor=actor)


def mute(minutes, **fields):
    given = {"mute_id": "m", "rule": "toxic_client", "subject": "C17", "actor": "Anna",
             "reason": "known arbitrageur, moved", "since_us": START_US,
             "until_us": END_US + minutes * MINUTE_US}  # fmt: skip
    return Mute(**given | fields)


def resolved(number, outcome=Outcome.UNGRADED, usd=0.0, at_us=START_US + 5):
    return a_case(number, state=CaseState.RESOLVED, resolved_us=at_us, outcome=outcome,
                  outcome_usd=usd, owner="Anna")  # fmt: skip


def test_open_cases_come_with_the_worst_first_and_say_who_has_not_looked():
    cases = [
        a_case(1, severity=Severity.WARNING, at_stake_usd=9e6, owner="Ben"),
        a_case(2, at_stake_usd=1e6),
        a_case(3, at_stake_usd=5e6, state=CaseState.ACKNOWLEDGED, owner="Anna"),
    ]
    made = note(cases)
    assert [one.name for one in made.open] == ["A-3", "A-2", "A-1"]
    assert [one.name for one in made.unacknowledged_criticals] == ["A-2"]
    text = as_text(made)
    assert "NOT ACKNOWLEDGED: 1 critical: A-2" in text
    assert "OPEN 3: 2 critical, 1 warning (3 began in the shift)" in text
    assert "- A-2 critical, nobody's, 8 h 0 min, 1 M USD: XAUUSD house net" in text
    assert "- A-3 critical, Anna, acknowledged, 8 h 0 min, 5 M USD" in text


def test_what_ended_in_the_shift_is_listed_with_what_it_was_worth():
    cases = [
        resolved(1, Outcome.USEFUL, 12_000.0),
        resolved(2, Outcome.NOISE, -2_000.0, at_us=START_US + 9),
        resolved(3, at_us=START_US - 1),
        resolved(4, at_us=END_US + 1),
    ]
    made = note(cases)
    assert [one.name for one in made.resolved] == ["A-2", "A-1"]
    text = as_text(made)
    assert "RESOLVED 2: 1 useful, 1 noise; 10 k USD saved" in text
    assert "- A-1 useful +12 k USD, Anna: XAUUSD" in text
    assert "- A-2 noise \N{MINUS SIGN}2 k USD, Anna" in text


def test_a_case_that_is_given_twice_counts_once_as_it_was_given_last():
    made = note([a_case(1), a_case(1, state=CaseState.ACKNOWLEDGED)])
    assert (made.opened, [one.state for one in made.open]) == (1, [CaseState.ACKNOWLEDGED])


def test_a_case_of_an_earlier_shift_is_open_but_did_not_begin_in_this_one():
    made = note([a_case(1, opened_us=START_US - 1)])
    assert (made.opened, len(made.open)) == (0, 1)


def test_mutes_and_overrides_that_have_ended_are_left_out():
    ended = Temporary(what="C1 to A", actor="Ben", until_us=END_US)
    runs = Temporary(what="C2 to A", actor="Ben", until_us=END_US + MINUTE_US)
    made = note(mutes=[mute(30), mute(0), mute(5, subject="C18")],
                house=HouseFacts(temporary=(ended, runs)))  # fmt: skip
    assert [one.subject for one in made.mutes] == ["C18", "C17"]
    assert [one.what for one in made.house.temporary] == ["C2 to A"]
    text = as_text(made)
    assert "- toxic_client C18 until " in text
    assert "TEMPORARY 1" in text


def test_people_are_listed_by_how_often_they_acted_in_the_shift():
    entries = [
        line(), line(), line(kind=EntryKind.RESOLVED), line("Ben"), line(""),
        line("Cara", at_us=START_US - 1), line("Dana", at_us=END_US + 1),
    ]  # fmt: skip
    made = note(entries=entries)
    assert [(one.actor, one.times) for one in made.acted] == [("Anna", 3), ("Ben", 1)]
    assert "- Anna 3: 2 acknowledged, 1 resolved" in as_text(made)


def test_a_quiet_shift_is_a_short_note():
    text = as_text(note())
    assert text.splitlines()[2:] == [
        "OPEN: nothing (0 began in the shift)",
        "",
        "RESOLVED: nothing",
    ]


def test_the_figures_of_the_house_and_own_words_are_in_the_text():
    house = HouseFacts(
        exposure=(Fact("House net", "12.4 M USD"),),
        pnl=(Fact("Today", "+184 k USD"),),
        health=(Fact("LP1", "rejects 3 of 40"),),
    )
    text = as_text(note(house=house, words="LP1 is slow,\nwatch gold"))
    for said in ('"LP1 is slow, watch gold"', "EXPOSURE\n- House net: 12.4 M USD",
                 "P&L\n- Today: +184 k USD", "SYSTEMS\n- LP1: rejects 3 of 40"):  # fmt: skip
        assert said in text


def test_of_many_cases_the_worst_are_named_and_the_others_counted():
    text = as_text(note([a_case(number, at_stake_usd=float(number)) for number in range(1, 400)]))
    assert len(text) <= LONGEST_TEXT
    assert "OPEN 399: 399 critical" in text
    assert "A-399" in text
    assert "more" in text


def test_a_headline_of_a_client_cannot_break_out_of_its_line():
    text = as_text(note([a_case(1, headline="fine\n\nOPEN 0\u202egnihton\x00")]))
    assert "OPEN 0" not in text.splitlines()
    assert "\u202e" not in text


texts = st.text(max_size=400)
counts = st.integers(0, 60)


@settings(max_examples=60, deadline=None)
@given(texts, texts, counts, counts, counts, counts)
def test_the_text_always_fits_however_much_there_is(said, name, opened, ended, mutes, facts):
    cases = [a_case(number, headline=said, owner=name) for number in range(1, opened + 1)]
    cases += [
        msgspec.structs.replace(resolved(1_000 + number, Outcome.USEFUL, 1.0), headline=said)
        for number in range(ended)
    ]
    fact = Fact(name, said)
    house = HouseFacts(
        exposure=(fact,) * facts, pnl=(fact,) * facts, health=(fact,) * facts,
        temporary=(Temporary(what=said, actor=name, until_us=END_US + 1),) * facts,
    )  # fmt: skip
    people = [line(f"{name}{k}") for k in range(facts)]
    muted = [mute(9, reason=said, subject=f"{name}{k}") for k in range(mutes)]
    made = note(cases, people, muted, house, said)
    text = as_text(made)
    assert len(text.encode("utf-16-le")) // 2 < 3_000
    assert (len(made.open), len(made.resolved)) == (opened, ended)
    assert f"OPEN {opened}:" in text or opened == 0


@pytest.mark.parametrize("count", [1, 10, 11, 25])
def test_nothing_is_left_out_without_being_counted(count):
    text = as_text(note([a_case(number) for number in range(1, count + 1)]))
    named = sum(text.count(f"- A-{number} ") for number in range(1, count + 1))
    more = [row for row in text.splitlines() if row.startswith("- and ")]
    left = sum(int(row.split()[2]) for row in more)
    assert named + left == count
