"""Cases in plain words: figures, ages, states, and texts that hide nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.alerts.channels import words
from dealing.alerts.model import CaseState, EntryKind, Outcome, Severity
from tests.dealing.alerts.channels.parts import (
    ANY_CASE,
    MINUTE_US,
    NOW_US,
    TEXTS,
    acknowledged,
    case,
    entry,
    group,
    message,
    messages,
    resolved,
)


@pytest.mark.parametrize(
    ("s", "text"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (3_660, "1 h 1 min"),
     (90_000, "1 d 1 h")],
)  # fmt: skip
def test_a_time_has_two_units_at_most(s, text):
    assert words.lasting(s * 1_000_000) == text


def test_a_moment_of_another_day_says_so():
    day_us = 86_400_000_000
    assert words.moment(NOW_US, NOW_US) == "22:13:20 UTC"
    assert words.moment(NOW_US - day_us, NOW_US) == "13 Nov 22:13:20 UTC"


def test_a_heading_says_how_bad_or_how_far():
    assert words.heading(case()) == "\U0001f534 CRITICAL A-17 Uncovered exposure XAUUSD"
    assert words.plain_heading(case(severity=Severity.INFO)).startswith("INFO A-17")
    assert words.plain_heading(acknowledged()).startswith("ACKNOWLEDGED A-17")
    assert words.plain_heading(resolved()).startswith("RESOLVED A-17")
    marks = {words.heading(case(state=state))[0] for state in CaseState}
    assert len(marks) == len(CaseState)


def test_the_numbers_are_stake_count_and_age():
    shown = {fact.name: fact.text for fact in words.numbers(case(), NOW_US)}
    assert shown == {
        "At stake": "1.23 M USD",
        "At worst": "1.5 M USD",
        "Count": "2",
        "Age": "3 min, since 22:10:20 UTC",
    }
    ended = words.numbers(resolved(), NOW_US + 60 * MINUTE_US)
    assert ("Lasted", "3 min, since 22:10:20 UTC") in [(f.name, f.text) for f in ended]
    many = {fact.name: fact.text for fact in words.numbers(group(rule="stale_feed"), NOW_US)}
    assert many["Affected"] == "213 (187 still active)"


def test_what_took_place_once_is_neither_active_nor_over():
    many = group(rule="large_deal", active_count=0)
    shown = {fact.name: fact.text for fact in words.numbers(many, NOW_US)}
    assert shown["Affected"] == "213"
    text = "\n".join(words.paragraphs(message(many)))
    assert "margin level 44 %" in text
    assert "(over)" not in text


def test_it_is_said_whose_a_case_is_and_how_far():
    assert words.standing(case(), NOW_US) == ("open, not acknowledged", "team dealing")
    assert words.standing(acknowledged(), NOW_US)[0] == (
        "critical, acknowledged by anna, 22:13:20 UTC"
    )
    snoozed = case(state=CaseState.SNOOZED, snoozed_until_us=NOW_US + 30 * MINUTE_US, owner="bo")
    assert words.standing(snoozed, NOW_US)[:2] == (
        "critical, snoozed until 22:43:20 UTC",
        "owner bo",
    )
    ended = words.standing(resolved(), NOW_US)
    assert ended[0] == "was critical, resolved at 22:13:20 UTC"
    assert ended[-1] == "graded useful, 12.3 k USD saved"
    noise = words.standing(resolved(outcome=Outcome.NOISE, outcome_usd=0.0), NOW_US)
    assert noise[-1] == "graded noise"
    others = words.standing(case(flapping=True, level=2, inhibited_by=4), NOW_US)
    assert others[2:] == ("comes and goes (flapping)", "escalated 2\u00d7", "follows from A-4")


def test_only_the_largest_of_a_group_are_shown_and_the_others_counted():
    text = "\n".join(words.paragraphs(message(group(rule="stale_feed"))))
    assert "100020: 90 k USD at stake, margin level 48 %" in text
    assert "margin level 44 % (over)" in text
    assert "100025" not in text
    assert "and 208 more" in text


def test_the_newest_lines_of_a_timeline_are_shown():
    lines = words.entry_lines(
        [entry(EntryKind.JOINED, f"client {n} joined", actor="bo") for n in range(9)], NOW_US
    )
    assert lines[0] == "(4 earlier lines are on the desk)"
    assert lines[1] == "22:13:20 UTC client 4 joined (bo)"
    assert len(lines) == 6


@given(TEXTS)
def test_a_clean_text_hides_and_reorders_nothing(text):
    shown = words.clean(text)
    assert {unicodedata.category(c) for c in shown if c != "\n"}.isdisjoint({"Cc", "Cf", "Cs"})
    assert words.clean(shown) == shown
    shown.encode()


@given(TEXTS, st.integers(1, 300))
def test_a_line_is_one_line_and_short(text, limit):
    shown = words.one_line(text, limit)
    assert len(shown.splitlines()) <= 1
    assert len(shown.encode("utf-16-le")) <= 2 * limit


@ANY_CASE
@given(messages())
def test_any_case_can_be_said(shown):
    for paragraph in words.paragraphs(shown):
        assert paragraph.encode()
    assert words.summary(shown.case).encode()
